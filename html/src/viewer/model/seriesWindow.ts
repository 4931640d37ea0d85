/**
 * Recommended windows: of an image, or shared by images of one kind. The storage node decides who shares
 * (`webviewer/dicom/series_window.py`), and the render node draws by the same rule.
 */

import { frameAt, type FrameFacts, type SeriesDetail } from './series';
import type { ImageReference } from '../../shared/protocol/messages';

export type WindowScope = 'series' | 'image';

export type Recommendation = Pick<FrameFacts, 'windows' | 'voi_lut_explanations' | 'voi_lut_function'>;

/** The recommendation that an image shares with others of its kind; null where it has only its own. */
export function sharedWindow(detail: SeriesDetail | null, frame: FrameFacts | null): Recommendation | null {
  const number = frame?.series_window ?? null;
  return number === null ? null : (detail?.series_windows?.[number] ?? null);
}

/** What is recommended for an image: its windows, then its tables, in the order of the indices of a wish. */
export function recommendation(detail: SeriesDetail | null, image: ImageReference | null, scope: WindowScope | undefined): Recommendation | null {
  const frame = frameAt(detail, image);
  return scope === 'image' ? frame : (sharedWindow(detail, frame) ?? frame);
}

/** Whose window a recommendation is: null where there is nothing to tell apart, or a server does not say it. */
export function scopeOf(detail: SeriesDetail | null, image: ImageReference | null, scope: WindowScope | undefined): WindowScope | null {
  if (detail === null || detail.series_windows === undefined || detail.frames.length < 2) return null;
  return scope !== 'image' && sharedWindow(detail, frameAt(detail, image)) !== null ? 'series' : 'image';
}

/** The VOI LUT function for windows set by hand: that of the shared recommendation, so that it stays while one scrolls. */
export function voiFunction(detail: SeriesDetail | null, image: ImageReference | null): string | undefined {
  return recommendation(detail, image, 'series')?.voi_lut_function;
}
