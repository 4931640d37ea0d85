/** What a study or a series holds besides images, by SOP Class (PS3.4 B.5): counted kinds with names of their own. */

import type { Series, SeriesContent } from '../../shared/api/types';

export const holdingKinds = [
  'ecg',
  'waveform',
  'audio',
  'report',
  'keyObjects',
  'pdf',
  'document',
  'model',
  'presentationState',
  'rtPlan',
  'rtStructures',
  'rtDose',
  'rtRecord',
  'rtOther',
  'segmentation',
  'registration',
  'spectroscopy',
  'rawData',
  'withoutPixels',
  'other',
] as const;
export type HoldingKind = (typeof holdingKinds)[number];

export interface Holding {
  kind: HoldingKind;
  count: number;
}

/** Below it all SOP Classes of storage lie, except a few that no modality sends. */
const STORAGE = '1.2.840.10008.5.1.4.1.1.';

/** By what follows `STORAGE`. A number that ends in a dot stands for all classes below it; the longest one that fits counts. */
const kinds: Readonly<Record<string, HoldingKind>> = {
  '9.': 'waveform',
  '9.1.': 'ecg',
  '9.4.': 'audio',
  '11.': 'presentationState',
  '4.2': 'spectroscopy',
  '66': 'rawData',
  '66.1': 'registration',
  '66.2': 'registration', // fiducials
  '66.3': 'registration',
  '66.4': 'segmentation',
  '66.5': 'segmentation',
  '66.7': 'segmentation',
  '68.1': 'model', // surface scan mesh
  '68.2': 'model',
  '88.': 'report',
  '88.59': 'keyObjects',
  '104.1': 'pdf',
  '104.2': 'document',
  '104.3': 'model',
  '104.4': 'model',
  '104.5': 'model',
  '481.': 'rtOther',
  '481.2': 'rtDose',
  '481.3': 'rtStructures',
  '481.4': 'rtRecord',
  '481.5': 'rtPlan',
  '481.6': 'rtRecord',
  '481.7': 'rtRecord',
  '481.8': 'rtPlan',
  '481.9': 'rtRecord',
};

export function kindOf(sopClassUid: string): HoldingKind {
  if (!sopClassUid.startsWith(STORAGE)) return 'other';
  let rest = sopClassUid.slice(STORAGE.length);
  if (Object.hasOwn(kinds, rest)) return kinds[rest] ?? 'other';
  for (let at = rest.lastIndexOf('.'); at > 0; at = rest.lastIndexOf('.')) {
    rest = rest.slice(0, at);
    if (Object.hasOwn(kinds, `${rest}.`)) return kinds[`${rest}.`] ?? 'other';
  }
  return 'other';
}

/** What series without images hold, in the order of the kinds. */
export function holdingsOf(series: readonly Series[]): Holding[] {
  const counts = new Map<HoldingKind, number>();
  const add = (kind: HoldingKind, count: number): void => void (count > 0 && counts.set(kind, (counts.get(kind) ?? 0) + count));
  for (const one of series) {
    if (one.has_images) continue;
    const contents: readonly SeriesContent[] = one.contents ?? [];
    for (const { sop_class_uid, instance_count, without_pixels_count } of contents) {
      add('withoutPixels', without_pixels_count);
      add(kindOf(sop_class_uid), instance_count - without_pixels_count);
    }
    // A server of an earlier version does not say what they are.
    if (contents.length === 0) add('other', one.instance_count);
  }
  return holdingKinds.flatMap((kind) => {
    const count = counts.get(kind) ?? 0;
    return count > 0 ? [{ kind, count }] : [];
  });
}

/** Objects of a series that describe an image but lack its pixels. */
export function withoutPixels(series: Series): number {
  return (series.contents ?? []).reduce((sum, one) => sum + one.without_pixels_count, 0);
}
