/**
 * Recommended windows: of an image, or shared by images of one kind. The storage node decides who shares
 * (`webviewer/dicom/series_window.py`), and the render node draws by the same rule.
 */

import type { ImageReference } from '../../shared/protocol/messages';
import { frameAt, type FrameFacts, imageAt, indexOfImage, type SeriesDetail } from './series';
import type { Window } from './windowing';

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

/** Places of the recommended windows and tables, without a window that equals an earlier one: files repeat them. */
export function distinctRecommendations(found: Recommendation): number[] {
  const { windows, voi_lut_explanations: tables } = found;
  const places = windows.map((_, index) => index).filter((index) => equalRecommendation(found, index) === index);
  return [...places, ...tables.map((_, index) => windows.length + index)];
}

/** Place of the first recommendation that equals the one at `index`; of a table, which is not known here, its own place. */
export function equalRecommendation({ windows }: Recommendation, index: number): number {
  const window = windows[index];
  if (window === undefined) return index;
  return windows.findIndex(({ center, width, explanation }) => center === window.center && width === window.width && explanation === window.explanation);
}

/** Whose window a recommendation is: null where there is nothing to tell apart, or a server does not say it. */
export function scopeOf(detail: SeriesDetail | null, image: ImageReference | null, scope: WindowScope | undefined): WindowScope | null {
  if (detail === null || detail.series_windows === undefined || detail.frames.length < 2) return null;
  return scope !== 'image' && sharedWindow(detail, frameAt(detail, image)) !== null ? 'series' : 'image';
}

/** The VOI LUT function for windows set by hand: the shared recommendation's, so that it stays while one scrolls. */
export function voiFunction(detail: SeriesDetail | null, image: ImageReference | null): string | undefined {
  return recommendation(detail, image, 'series')?.voi_lut_function;
}

/** A window as it is sent: the server draws by the image that the page knows to recommend, also after more have come. */
export function namingRepresentative(detail: SeriesDetail | null, image: ImageReference | null, window: Window): Window {
  if (window.kind !== 'recommended' || window.scope === 'image' || detail === null) return window;
  const number = frameAt(detail, image)?.series_window ?? null;
  const shared = number === null ? undefined : detail.series_windows?.[number];
  return shared === undefined ? window : { ...window, image: imageAt(detail, shared.representative) };
}

/** The details of a series to which images came, with the shared windows that the page has shown so far. */
export function keepingWindows(before: SeriesDetail | undefined, now: SeriesDetail): SeriesDetail {
  if (before?.series_windows === undefined || now.series_windows === undefined) return now;
  const kept = [...now.series_windows];
  for (const shared of before.series_windows) {
    const place = indexOfImage(now, imageAt(before, shared.representative));
    const number = now.frames[place]?.series_window ?? null;
    if (number !== null) kept[number] = { ...shared, representative: place };
  }
  return { ...now, series_windows: kept };
}
