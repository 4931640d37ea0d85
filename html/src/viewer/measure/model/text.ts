/** What stands beside a measurement: each number with its unit, and what it rests on. */

import type { Measured } from '../../../shared/protocol/messages';
import type { Point } from '../../model/geometry';
import { formatNumber, formatTenths } from '../../model/numbers';
import type { MeasureTool } from '../../model/tools';
import { type Caution, lpsAtPlace, type Place } from './place';

export type Translate = (key: string, values?: Record<string, unknown>) => string;

export interface Label {
  lines: readonly string[];
  /** What a doctor must know of these numbers. */
  cautions: readonly string[];
}

interface Said {
  tool: MeasureTool;
  place: Place;
  points: readonly Point[];
  measured: Measured | null;
  fault: { code: string; message: string } | null;
}

const LOADING: ReadonlySet<string> = new Set(['volume_loading']);
const AWAY: ReadonlySet<string> = new Set(['unavailable', 'device_lost', 'out_of_resources']);

export function labelOf(said: Said, cautions: readonly Caution[], locale: string, t: Translate): Label {
  const { measured, fault } = said;
  if (measured === null) {
    if (fault === null) return { lines: [], cautions: [] };
    const line = LOADING.has(fault.code)
      ? t('measure.loading')
      : AWAY.has(fault.code)
        ? t('measure.away')
        : t('measure.failed', { reason: fault.message });
    return { lines: [line], cautions: [] };
  }
  return { lines: linesOf(said, measured, locale, t), cautions: cautions.map((one) => t(`measure.caution.${one}`)) };
}

function linesOf({ tool, place, points }: Said, measured: Measured, locale: string, t: Translate): string[] {
  const star = measured.interpolated ? '*' : '';
  const lines: string[] = [];
  if (tool === 'point') {
    lines.push(valuesText(measured, locale, t) + star);
    const at = points[0];
    if (at !== undefined) lines.push(placeText(at, place, locale, t));
    return lines;
  }
  if (measured.angle_deg !== null) lines.push(`${formatTenths(measured.angle_deg, locale)}°`);
  if (measured.area !== null) lines.push(t('measure.area', { value: restsOn(`${formatArea(measured.area, locale)} ${measured.length_unit}²`, measured, t) }));
  const { statistics } = measured;
  if (statistics !== null) {
    const unit = measured.unit === '' ? '' : ` ${measured.unit}`;
    lines.push(t('measure.mean', { value: formatMean(statistics.mean, locale) + unit + star }));
    lines.push(t('measure.deviation', { value: formatMean(statistics.standard_deviation, locale) + star }));
    lines.push(t('measure.range', { low: formatEnd(statistics.minimum, locale), high: formatEnd(statistics.maximum, locale) + star }));
  }
  if (measured.length !== null) {
    const length = restsOn(`${formatLength(measured.length, measured.length_unit, locale)} ${measured.length_unit}`, measured, t);
    if (measured.area === null) lines.push(length);
    else if (tool === 'polygon') lines.push(t('measure.perimeter', { value: length }));
  }
  return lines;
}

/** A length or area, and what its mm rest on where that is not the patient. */
function restsOn(length: string, measured: Measured, t: Translate): string {
  if (measured.spacing_source === 'detector') return t('measure.onDetector', { length });
  return measured.spacing_source === 'calibrated' ? t('measure.calibrated', { length }) : length;
}

function valuesText(measured: Measured, locale: string, t: Translate): string {
  const { values } = measured;
  if (values === null) return t('measure.noValue');
  const [red, green, blue] = values;
  if (red !== undefined && green !== undefined && blue !== undefined) {
    return t('measure.colour', { red: formatValue(red, locale), green: formatValue(green, locale), blue: formatValue(blue, locale) });
  }
  const format = measured.interpolated ? formatBetween : formatValue;
  return [...values.map((value) => format(value, locale)), measured.unit].filter((part) => part !== '').join(' ');
}

/** A value made of several: no digits that none of them has. */
function formatBetween(value: number, locale: string): string {
  return Math.abs(value) >= 1 ? formatNumber(value, locale, 1) : significant(value, locale, 3);
}

/** Column and row of an image, counted from 0; of a plane how far to which side of the patient, in mm. */
function placeText(point: Point, place: Place, locale: string, t: Translate): string {
  const lps = lpsAtPlace(point, place);
  if (lps === null) return t('measure.place', { x: formatNumber(Math.floor(point.x), locale), y: formatNumber(Math.floor(point.y), locale) });
  const sides = [
    ['L', 'R'],
    ['P', 'A'],
    ['H', 'F'],
  ] as const;
  const parts = sides.map(([plus, minus], axis) => {
    const value = lps[axis] as number;
    return `${value < 0 ? minus : plus} ${formatTenths(Math.abs(value), locale)}`;
  });
  return `${parts.join(' ')} mm`;
}

/** One digit: finer than a pixel nobody measures; under 1 mm two. */
function formatLength(value: number, unit: string, locale: string): string {
  return unit === 'mm' && value < 1 ? formatNumber(value, locale, 2) : formatTenths(value, locale);
}

function formatArea(value: number, locale: string): string {
  return formatNumber(value, locale, value >= 100 ? 0 : value >= 1 ? 1 : 2);
}

/** Of a mean as many digits as it has. */
export function formatMean(value: number, locale: string): string {
  const size = Math.abs(value);
  if (size >= 100) return formatNumber(value, locale);
  return size >= 1 ? formatNumber(value, locale, 1) : significant(value, locale, 3);
}

/** The lowest and highest value: whole ones as they are, others as means. */
function formatEnd(value: number, locale: string): string {
  return Number.isInteger(value) ? formatNumber(value, locale) : formatMean(value, locale);
}

/** A stored value as it is: whole, or with six digits. */
export function formatValue(value: number, locale: string): string {
  return Number.isInteger(value) ? formatNumber(value, locale) : significant(value, locale, 6);
}

function significant(value: number, locale: string, digits: number): string {
  const size = Math.abs(value);
  const tiny = size > 0 && (size < 1e-4 || size >= 1e9);
  return new Intl.NumberFormat(locale, { useGrouping: false, maximumSignificantDigits: digits, notation: tiny ? 'scientific' : 'standard' })
    .format(value + 0)
    .replace('-', '\u2212');
}
