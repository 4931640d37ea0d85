/** A bar of a sensible length beside the image, in the unit that is true. */

export type LengthUnit = 'mm' | 'px';
export type LengthSource = 'patient' | 'detector' | 'nominal' | 'unknown';

export interface ScaleBar {
  /** Length on the screen, CSS pixels. */
  lengthCss: number;
  /** What it stands for, with its unit: 5 cm, 2 mm, 100 px. */
  value: number;
  unit: 'cm' | 'mm' | 'px';
  /** Equal parts between the ticks. */
  parts: number;
  source: LengthSource;
}

const STEPS = [1, 2, 5] as const;

/** Where a spacing comes from decides what may be said about lengths. */
export function lengthSource(spacing: readonly number[] | null, spacingSource: string): LengthSource {
  if (spacing === null) return 'unknown';
  if (spacingSource === 'ImagerPixelSpacing') return 'detector';
  if (spacingSource === 'NominalScannedPixelSpacing') return 'nominal';
  return 'patient';
}

/**
 * The longest bar of 1, 2 or 5 times a power of ten that fits.
 *
 * @param cssPerColumn CSS pixels that one image column takes
 * @param columnSpacingMm distance between columns, null where unknown
 * @param maxCss room for the bar, CSS pixels
 */
export function scaleBar(cssPerColumn: number, columnSpacingMm: number | null, source: LengthSource, maxCss: number): ScaleBar | null {
  const known = columnSpacingMm !== null && columnSpacingMm > 0 && source !== 'unknown';
  const cssPerUnit = known ? cssPerColumn / columnSpacingMm : cssPerColumn;
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
  const shared = { lengthCss: length * cssPerUnit, parts, source: known ? source : ('unknown' as const) };
  if (!known) return { ...shared, value: length, unit: 'px' };
  return length >= 10 ? { ...shared, value: length / 10, unit: 'cm' } : { ...shared, value: length, unit: 'mm' };
}
