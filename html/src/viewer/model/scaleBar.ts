/** A bar of a sensible length beside the image, in the unit that is true: the one in which a ruler on it would measure. */

import type { Measured } from '../../shared/protocol/messages';

/** What a pixel is wherever in a picture; as of measurements `unit` is "px" where nobody says how large it is. */
export interface PixelScale {
  /** From column to column. */
  x: number;
  /** From row to row. */
  y: number;
  unit: Measured['length_unit'];
  source: Measured['spacing_source'];
}

/** Of planes, which are drawn in millimetres of the patient. */
export const millimetres: PixelScale = { x: 1, y: 1, unit: 'mm', source: 'patient' };

export interface ScaleBar {
  /** Length on the screen, pixels of the interface. */
  lengthCss: number;
  /** What it stands for, with its unit: 5 cm, 2 mm, 100 px. */
  value: number;
  unit: 'cm' | 'mm' | 'px';
  /** Equal parts between the ticks. */
  parts: number;
  source: PixelScale['source'];
}

const STEPS = [1, 2, 5] as const;

/**
 * The longest bar of 1, 2 or 5 times a power of ten that fits.
 *
 * @param cssPerColumn pixels of the interface that one image column takes
 * @param scale what a column is; null where it has not been said
 * @param maxCss room for the bar, pixels of the interface
 */
export function scaleBar(cssPerColumn: number, scale: PixelScale | null, maxCss: number): ScaleBar | null {
  const known = scale !== null && scale.unit === 'mm' && scale.x > 0;
  const cssPerUnit = known ? cssPerColumn / scale.x : cssPerColumn;
  if (!(cssPerUnit > 0) || !Number.isFinite(cssPerUnit) || maxCss < 24) return null;
  const room = maxCss / cssPerUnit;
  let power = Math.floor(Math.log10(room));
  let step: (typeof STEPS)[number] = STEPS.findLast((one) => one * 10 ** power <= room * (1 + 1e-9)) ?? 1;
  if (!known && power < 0) {
    power = 0; // less than one pixel is no length
    step = 1;
  }
  const length = Number((step * 10 ** power).toPrecision(1));
  const parts = step === 2 ? 4 : step === 1 ? 10 : 5;
  const shared = { lengthCss: length * cssPerUnit, parts, source: known ? scale.source : ('none' as const) };
  if (!known) return { ...shared, value: length, unit: 'px' };
  return length >= 10 ? { ...shared, value: length / 10, unit: 'cm' } : { ...shared, value: length, unit: 'mm' };
}
