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

/** A drag of so many CSS pixels changes by once the width it started with: wide windows move in large steps. */
const DRAG_PX = 300;

/** Right widens, left narrows; down raises the level, up lowers it. */
export function dragWindow(start: WidthLevel, dxCss: number, dyCss: number): WidthLevel {
  const perPx = Math.max(start.width, 1e-6) / DRAG_PX;
  const round = rounder(start.width);
  const least = start.width >= 20 ? 1 : start.width / 1000;
  return {
    width: Math.max(least, round(start.width + dxCss * perPx)),
    center: round(start.center + dyCss * perPx),
  };
}

/** Whole numbers for usual windows, finer ones for narrow (SUV, probabilities). */
function rounder(width: number): (value: number) => number {
  if (width >= 20) return (value) => Math.round(value) + 0; // no -0
  const digits = Math.min(9, Math.max(1, 2 - Math.floor(Math.log10(Math.max(width, 1e-6)))));
  return (value) => Number(value.toFixed(digits));
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
  if (one.kind === 'recommended' && other.kind === 'recommended') return (one.index ?? 0) === (other.index ?? 0);
  if (one.kind === 'values' && other.kind === 'values') return one.center === other.center && one.width === other.width;
  return one.kind === other.kind;
}
