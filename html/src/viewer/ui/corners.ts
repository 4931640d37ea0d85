/** The texts in the corners of a window. */

import type { Study } from '../../shared/api/types';
import { personName } from '../../shared/format/person';
import { currentWindow } from '../input/drag';
import { asShown, type CellState, resolvePlacement } from '../control/cellState';
import type { Placement } from '../model/geometry';
import { frameAt, indexOfImage, isColour, patientOf, type SeriesDetail } from '../model/series';
import { recommendation, scopeOf, type WindowScope } from '../model/seriesWindow';
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
  /** The window on the page, pixels of the interface: in a small one less is said, on more lines. */
  room?: { width: number; height: number };
  /** The picture has been behind the wish for long enough to say so. */
  late?: boolean;
  locale: string;
  t: Translate;
}

const none: Corners = { topLeft: [], topRight: [], bottomLeft: [], bottomRight: [] };

/** What stands in the corners describes the picture that is seen, never one that has only been asked for. */
export function cornerTexts(wish: CellState, context: CornerContext): Corners {
  if (wish.reference.seriesId === null) return none;
  const state = asShown(wish);
  // Content that is hidden is said whatever the texts are.
  if (context.overlay === 'off') return { ...none, bottomRight: hiddenLines(state, context.t) };
  return {
    topLeft: topLeft(state, context),
    // The last picture is stretched at once to where it will be.
    topRight: topRight(state, resolvePlacement(wish) ?? wish.shown?.placement ?? null, context),
    bottomLeft: bottomLeft(state, context),
    bottomRight: [...hiddenLines(state, context.t), ...quality(state, context)],
  };
}

/** Below these sizes of a window, pixels of the interface, two corners do not fit beside each other with all on one line. */
const WIDE_CSS = 600;
const NARROW_CSS = 400;
const LOW_CSS = 250;
/** A part of a phone's page: the bar names the patient, so only what tells the window apart. */
const PHONE_PART_CSS = 300;

const widthOf = (context: CornerContext): number => context.room?.width ?? Infinity;
const isPart = (context: CornerContext): boolean => context.compact && widthOf(context) < PHONE_PART_CSS;

function topLeft(state: CellState, context: CornerContext): string[] {
  const { overlay, compact, t } = context;
  const study = context.study === null ? null : patientOf(context.study, state.detail, frameAt(state.detail, state.reference.image));
  const number = state.detail?.series_number ?? null;
  if (isPart(context)) return present([number === null ? '' : `S${number}`]);
  const series = compact ? [seriesLine(state)] : [];
  if (study === null || overlay !== 'full') return present(series);
  const age = ageAt(study.patient_birth_date, study.study_date);
  const years = age === null ? '' : t('corner.years', { age });
  const birth = study.patient_birth_date === null ? '' : age === null ? study.patient_birth_date : `${study.patient_birth_date} (${years})`;
  const person = present([study.patient_sex, widthOf(context) < NARROW_CSS && !compact ? years || birth : birth]);
  if (compact) return present([person.join(' · '), ...series]);
  const low = (context.room?.height ?? Infinity) < LOW_CSS;
  return present([
    personName(study.patient_name) || t('common:noName'),
    ...(widthOf(context) < WIDE_CSS ? [study.patient_id, person.join(' · ')] : [present([study.patient_id, ...person]).join(' · ')]),
    low ? '' : study.study_description,
    low ? '' : dateAndTime(study.study_date, study.study_time),
  ]);
}

function topRight(state: CellState, drawn: Placement | null, context: CornerContext): string[] {
  const { compact, locale, t } = context;
  const lines: string[] = [];
  const frame = frameAt(state.detail, state.reference.image);
  const window = frame !== null && isColour(frame) ? null : currentWindow(state);
  if (window !== null) {
    const width = formatWindowNumber(window.width, window.width, locale);
    const level = formatWindowNumber(window.center, window.width, locale);
    const whose = windowScope(state);
    const scope = whose === null ? '' : t(whose === 'series' ? 'corner.ofSeries' : 'corner.ofImage');
    lines.push(...(isPart(context) ? present([`W ${width}`, `L ${level}`, scope]) : [present([t('corner.window', { width, level }), scope]).join(' · ')]));
    const name = windowName(state, t);
    if (name !== '' && !compact) lines.push(name);
  }
  const placement = state.shown === null || state.fault !== null ? null : drawn;
  if (placement !== null) {
    const percent = (placement.zoom * state.canvas.deviceRatio * 100) / state.canvas.perCss;
    lines.push(t('corner.zoom', { percent: formatNumber(percent, locale, percent < 10 ? 1 : 0) }));
  }
  if (state.data.invert) lines.push(t('corner.inverted'));
  return lines;
}

/** Whose recommended window a picture has; null for one that is not recommended, or of a single image. */
export function windowScope({ data, detail, reference }: CellState): WindowScope | null {
  return data.window.kind === 'recommended' ? scopeOf(detail, reference.image, data.window.scope) : null;
}

/** The name of the chosen window, empty for one set by hand. */
export function windowName(state: CellState, t: Translate): string {
  const { window, presetId } = state.data;
  if (window.kind === 'full_dynamic') return t('window.fullDynamic');
  if (window.kind === 'values') return presetId === null ? '' : t(`preset.${presetId}`);
  return recommendedName(state, window.index ?? 0, window.scope) || t('window.recommended');
}

/** What images call a window that they recommend: windows come first, then tables. */
export function recommendedName(state: CellState, index: number, scope: WindowScope | undefined): string {
  const found = recommendation(state.detail, state.reference.image, scope);
  if (found === null) return '';
  const windows = found.windows.length;
  return (index < windows ? found.windows[index]?.explanation : found.voi_lut_explanations[index - windows]) ?? '';
}

export function seriesLine({ detail }: Pick<CellState, 'detail'>): string {
  if (detail === null) return '';
  const number = detail.series_number === null ? '' : `S${detail.series_number}`;
  return present([number, detail.series_description || (number === '' ? detail.modality : '')]).join(' · ');
}

/** Where the doctor is in the series: "Image 3 of 40"; of a video, which is one image of the series, how long it is. */
export function imageLine(state: CellState, index: number, numbers: { number: number | string; total: number | string }, t: Translate): string {
  const frame = state.detail?.frames[index];
  const total = state.detail?.frames.length ?? 0;
  const frames = frame?.is_video === true ? (frame.video_frames ?? 0) : 0;
  if (frames < 2) return t('corner.image', numbers);
  const video = t('corner.video', { total: frames });
  return total === 1 ? video : `${t('corner.image', numbers)} · ${video}`;
}

function bottomLeft(state: CellState, context: CornerContext): string[] {
  const { compact, locale, t } = context;
  const total = state.detail?.frames.length ?? state.frameCount ?? 0;
  if (total === 0) return compact ? [] : present([seriesLine(state)]);
  const index = state.detail === null ? 0 : indexOfImage(state.detail, state.reference.image);
  if (index < 0) return present([seriesLine(state)]);
  const numbers = { number: formatNumber(index + 1, locale), total: formatNumber(total, locale) };
  const image = isPart(context) ? `${numbers.number} / ${numbers.total}` : imageLine(state, index, numbers, t);
  const position = frameAt(state.detail, state.reference.image)?.slice_position_mm ?? null;
  const where = position === null ? '' : `${formatTenths(position, locale)} mm`;
  if (compact) return present([image, where]);
  return present([seriesLine(state), ...(widthOf(context) < NARROW_CSS ? [image, where] : [present([image, where]).join(' · ')])]);
}

/** What the image has and the doctor has switched off. */
function hiddenLines(state: CellState, t: Translate): string[] {
  const frame = frameAt(state.detail, state.reference.image);
  if (frame === null || state.shown === null || state.fault !== null) return [];
  const lines = frame.has_overlays && !state.data.overlays ? [t('corner.overlaysHidden')] : [];
  if (frame.has_shutter && !state.data.shutters) lines.push(t('corner.shutterHidden'));
  return lines;
}

function quality({ shown, detail, reference }: CellState, { late, locale, t }: CornerContext): string[] {
  if (shown === null) return [];
  const ratios = frameAt(detail, reference.image)?.lossy_ratios ?? [];
  const lines = shown.sourceLossy ? [sourceLossyText(ratios, locale, t)] : [];
  if (!shown.lossless) lines.push(t('corner.lossy'));
  else if (late !== true) lines.push(t(shown.sourceLossy ? 'corner.sentLossless' : 'corner.lossless'));
  return lines;
}

/** That an image was compressed with loss before it came here, and how much where it says so: "Lossy image 12:1". */
export function sourceLossyText(ratios: readonly number[], locale: string, t: Translate): string {
  const written = ratios.map((ratio) => `${formatNumber(ratio, locale, ratio < 10 ? 1 : 0)}:1`).join(', ');
  return present([t('corner.sourceLossy'), written]).join(' ');
}

/** Place of a state's image, counted from 0; 0 where it is not known. */
export function shownIndex({ detail, reference }: CellState): number {
  return detail === null ? 0 : Math.max(0, indexOfImage(detail, reference.image));
}

/** What is seen and what was asked for, where they differ: the images, else the windows. Empty where neither does. */
export function behindText(wish: CellState, locale: string, t: Translate): string {
  if (wish.shown === null || wish.detail === null) return '';
  const now = asShown(wish);
  const [from, to] = [now, wish].map((one) => indexOfImage(wish.detail as SeriesDetail, one.reference.image));
  if (from === undefined || to === undefined || from < 0 || to < 0) return '';
  if (from !== to) return t('corner.behind', { from: formatNumber(from + 1, locale), to: formatNumber(to + 1, locale) });
  const windows = [now, wish].map(currentWindow);
  const [shown, wanted] = windows.map((one) =>
    one === null ? '' : t('corner.window', { width: formatWindowNumber(one.width, one.width, locale), level: formatWindowNumber(one.center, one.width, locale) }),
  );
  return shown === undefined || wanted === undefined || shown === '' || wanted === '' || shown === wanted ? '' : t('corner.behind', { from: shown, to: wanted });
}

function present(lines: string[]): string[] {
  return lines.filter((line) => line !== '');
}
