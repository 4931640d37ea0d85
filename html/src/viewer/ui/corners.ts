/** The texts in the corners of a window. */

import type { Study } from '../../shared/api/types';
import { personName } from '../../shared/format/person';
import { currentWindow } from '../input/drag';
import { type CellState, resolvePlacement } from '../control/cellState';
import { frameAt, indexOfImage, isColour } from '../model/series';
import { formatNumber, formatTenths, formatWindowNumber } from '../model/numbers';
import { ageAt, dateAndTime } from '../model/patient';
import type { OverlayLevel } from '../control/viewer';

export type Translate = (key: string, values?: Record<string, unknown>) => string;

export interface Corners {
  topLeft: string[];
  topRight: string[];
  bottomLeft: string[];
  bottomRight: string[];
}

export interface CornerContext {
  study: Study | null;
  overlay: OverlayLevel;
  /** The phone's bar already names the patient, and there is less room. */
  compact: boolean;
  /** The window on the page, CSS pixels: in a small one less is said, on more lines. */
  room?: { width: number; height: number };
  locale: string;
  t: Translate;
}

const none: Corners = { topLeft: [], topRight: [], bottomLeft: [], bottomRight: [] };

export function cornerTexts(state: CellState, context: CornerContext): Corners {
  if (context.overlay === 'off' || state.reference.seriesId === null) return none;
  return {
    topLeft: topLeft(state, context),
    topRight: topRight(state, context),
    bottomLeft: bottomLeft(state, context),
    bottomRight: quality(state, context.t),
  };
}

/** Below this width the patient's number and the rest do not fit on one line beside the other corner. */
const ONE_LINE_CSS = 600;
const FEW_LINES_CSS = 250;
const PHONE_PART_CSS = 300;

function topLeft(state: CellState, { study, overlay, compact, room, t }: CornerContext): string[] {
  const series = compact ? [seriesLine(state)] : [];
  if (study === null || overlay !== 'full') return present(series);
  const age = ageAt(study.patient_birth_date, study.study_date);
  const birth = study.patient_birth_date === null ? '' : age === null ? study.patient_birth_date : `${study.patient_birth_date} (${t('corner.years', { age })})`;
  const person = present([study.patient_sex, birth]);
  if (compact) return present([(room?.width ?? Infinity) < PHONE_PART_CSS ? '' : person.join(' · '), ...series]);
  const oneLine = (room?.width ?? Infinity) >= ONE_LINE_CSS;
  const few = (room?.height ?? Infinity) < FEW_LINES_CSS;
  return present([
    personName(study.patient_name) || t('common:noName'),
    ...(oneLine ? [present([study.patient_id, ...person]).join(' · ')] : [study.patient_id, person.join(' · ')]),
    few ? '' : study.study_description,
    few ? '' : dateAndTime(study.study_date, study.study_time),
  ]);
}

function topRight(state: CellState, { compact, locale, t }: CornerContext): string[] {
  const lines: string[] = [];
  const frame = frameAt(state.detail, state.reference.image);
  const window = frame !== null && isColour(frame) ? null : currentWindow(state);
  if (window !== null) {
    const width = formatWindowNumber(window.width, window.width, locale);
    lines.push(t('corner.window', { width, level: formatWindowNumber(window.center, window.width, locale) }));
    const name = windowName(state, t);
    if (name !== '' && !compact) lines.push(name);
  }
  const placement = state.shown === null || state.fault !== null ? null : (resolvePlacement(state) ?? state.shown.placement);
  if (placement !== null) {
    const percent = (placement.zoom * state.canvas.deviceRatio * 100) / state.canvas.perCss;
    lines.push(t('corner.zoom', { percent: formatNumber(percent, locale, percent < 10 ? 1 : 0) }));
  }
  if (state.data.invert) lines.push(t('corner.inverted'));
  return lines;
}

/** The name of the chosen window, empty for one set by hand. */
export function windowName(state: CellState, t: Translate): string {
  const { window, presetId } = state.data;
  if (window.kind === 'full_dynamic') return t('window.fullDynamic');
  if (window.kind === 'values') return presetId === null ? '' : t(`preset.${presetId}`);
  return recommendedName(state, window.index ?? 0) || t('window.recommended');
}

/** What the image calls its own window: its windows come first, then its tables. */
export function recommendedName(state: CellState, index: number): string {
  const frame = frameAt(state.detail, state.reference.image);
  if (frame === null) return '';
  const windows = frame.windows.length;
  return (index < windows ? frame.windows[index]?.explanation : frame.voi_lut_explanations[index - windows]) ?? '';
}

export function seriesLine(state: CellState): string {
  const { detail } = state;
  if (detail === null) return '';
  const number = detail.series_number === null ? '' : `S${detail.series_number}`;
  return present([number, detail.series_description || (number === '' ? detail.modality : '')]).join(' · ');
}

function bottomLeft(state: CellState, { compact, locale, t }: CornerContext): string[] {
  const total = state.detail?.frames.length ?? state.frameCount ?? 0;
  if (total === 0) return compact ? [] : present([seriesLine(state)]);
  const index = state.detail === null ? 0 : Math.max(0, indexOfImage(state.detail, state.reference.image));
  const image = t('corner.image', { number: formatNumber(index + 1, locale), total: formatNumber(total, locale) });
  const position = frameAt(state.detail, state.reference.image)?.slice_position_mm ?? null;
  const where = position === null ? '' : `${formatTenths(position, locale)} mm`;
  return compact ? present([image, where]) : present([seriesLine(state), present([image, where]).join(' · ')]);
}

function quality(state: CellState, t: Translate): string[] {
  const { shown } = state;
  if (shown === null) return [];
  const lines = shown.sourceLossy ? [t('corner.sourceLossy')] : [];
  lines.push(shown.lossless ? t('corner.lossless') : t('corner.lossy'));
  return lines;
}

function present(lines: string[]): string[] {
  return lines.filter((line) => line !== '');
}
