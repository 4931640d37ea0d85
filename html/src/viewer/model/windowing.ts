/** Window width and level: dragging, presets, and how they are written. */

import type { View, WindowValues } from '../../shared/protocol/messages';

export type Window = NonNullable<View['window']>;

export interface WidthLevel {
  width: number;
  center: number;
}

export interface Preset extends WidthLevel {
  /** Key of its name in the texts. */
  id: string;
}

/** Proposals for organs, CT only. */
export const CT_PRESETS: readonly Preset[] = [
  { id: 'mediastinum', width: 350, center: 50 },
  { id: 'lung', width: 1500, center: -600 },
  { id: 'bone', width: 2000, center: 400 },
  { id: 'abdomen', width: 400, center: 50 },
  { id: 'liver', width: 160, center: 70 },
  { id: 'angio', width: 600, center: 200 },
  { id: 'brain', width: 80, center: 40 },
  { id: 'stroke', width: 40, center: 40 },
  { id: 'subdural', width: 200, center: 75 },
  { id: 'temporalBone', width: 2800, center: 600 },
  { id: 'neck', width: 350, center: 50 },
  { id: 'spine', width: 250, center: 50 },
];

export function presetsFor(modality: string): readonly Preset[] {
  return modality === 'CT' ? CT_PRESETS : [];
}

/** So many pixels of the interface change the width by the factor e, and the level by once the width: wide windows move in large steps. */
const DRAG_PX = 300;
const NARROWEST = 1e-6;
const WIDEST = 1e9;

/**
 * Right widens, left narrows; down raises the level, up lowers it. The width goes by a factor and the level by the mean of
 * the widths before and after, so that a drag and its opposite cancel.
 */
export function dragWindow(start: WidthLevel, dxCss: number, dyCss: number): WidthLevel {
  const from = Math.min(WIDEST, Math.max(NARROWEST, start.width));
  const wanted = Math.min(WIDEST, Math.max(NARROWEST, from * Math.exp(dxCss / DRAG_PX)));
  const width = dxCss === 0 ? from : rounded(wanted, wanted);
  const center = dyCss === 0 ? start.center : rounded(start.center + (dyCss * Math.sqrt(from * width)) / DRAG_PX, width);
  return { width, center };
}

/** Three digits more than are shown, so that what was rounded does not add up from drag to drag. */
function rounded(value: number, width: number): number {
  const digits = Math.min(9, Math.max(0, 2 - Math.floor(Math.log10(width))) + 3);
  return Number(value.toFixed(digits)) + 0; // no -0
}

const FUNCTIONS = ['LINEAR', 'LINEAR_EXACT', 'SIGMOID'] as const;

/** A window of values; LINEAR is not defined below a width of 1 (PS3.3 C.11.2.1.2). */
export function windowValues(values: WidthLevel, voiLutFunction: string | undefined): WindowValues {
  const known = FUNCTIONS.find((one) => one === voiLutFunction) ?? 'LINEAR';
  return {
    kind: 'values',
    center: values.center,
    width: values.width,
    function: known === 'LINEAR' && values.width < 1 ? 'LINEAR_EXACT' : known,
  };
}

export function sameWindow(one: Window, other: Window): boolean {
  if (one.kind === 'recommended' && other.kind === 'recommended')
    return (one.index ?? 0) === (other.index ?? 0) && (one.scope ?? 'series') === (other.scope ?? 'series');
  if (one.kind === 'values' && other.kind === 'values') return one.center === other.center && one.width === other.width;
  return one.kind === other.kind;
}
