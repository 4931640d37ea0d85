/** Overlays and shutters that images of a series have. */

import type { SeriesDetail } from './series';

export interface Graphics {
  overlays: boolean;
  shutters: boolean;
}

const none: Graphics = { overlays: false, shutters: false };
const known = new WeakMap<SeriesDetail, Graphics>();

/** Whether any image of the series has them: a switch stays while images with and without them are passed. */
export function graphicsOf(detail: SeriesDetail | null): Graphics {
  if (detail === null) return none;
  let found = known.get(detail);
  if (found === undefined) {
    found = { overlays: detail.frames.some((frame) => frame.has_overlays), shutters: detail.frames.some((frame) => frame.has_shutter) };
    known.set(detail, found);
  }
  return found;
}
