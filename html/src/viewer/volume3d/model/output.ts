/** What leaves the page of a volume: pictures of a turn as a series, and its surface as a file. */

import type { Edit, Look, MakeSeries, VolumeFacts } from '../../../shared/protocol/messages';
import { seriesName } from '../../model/seriesName';

export const MAX_PICTURES = 360;
export const LEAST_SIDE_PX = 64;
export const MAX_SIDE_PX = 2048;

export interface TurnSeries {
  count: number;
  degrees: number;
  sidePx: number;
  description: string;
}

export type TurnFault = 'count' | 'degrees' | 'size' | 'description';

export function startTurn(description: string): TurnSeries {
  return { count: 36, degrees: 360, sidePx: 512, description };
}

/** What of it cannot be made. */
export function faultsOf({ count, degrees, sidePx, description }: TurnSeries): ReadonlySet<TurnFault> {
  const faults = new Set<TurnFault>();
  if (!(Number.isInteger(count) && count >= 1 && count <= MAX_PICTURES)) faults.add('count');
  if (!(Math.abs(degrees) <= 360)) faults.add('degrees');
  if (!(Number.isInteger(sidePx) && sidePx >= LEAST_SIDE_PX && sidePx <= MAX_SIDE_PX)) faults.add('size');
  if (seriesName(description) === '') faults.add('description');
  return faults;
}

export function questionOf({ count, degrees, sidePx, description }: TurnSeries): MakeSeries {
  return { kind: 'make_series', images: { kind: 'turning', degrees, width_px: sidePx, height_px: sidePx }, count, series_description: seriesName(description) };
}

/** The value that a surface starts with: that of the isosurface, else where the first tissue that is on begins to be seen. */
export function startValue(look: Look | null, facts: Pick<VolumeFacts, 'low' | 'high'> | null): number | null {
  if (look?.mode === 'isosurface' && look.iso_value !== null && look.iso_value !== undefined) return look.iso_value;
  const curve = look?.mode === 'shaded' ? look.tissues.filter(({ on }) => on !== false).at(-1)?.opacity : undefined;
  const seen = curve?.find(([, opacity]) => opacity > 0.05);
  if (seen !== undefined) return Math.round(seen[0]);
  return facts === null ? null : Math.round((facts.low + facts.high) / 2);
}

export function surfaceWish(isoValue: number, edits: readonly Edit['step'][]): { iso_value: number; edits: readonly Edit['step'][] } {
  return { iso_value: isoValue, edits };
}
