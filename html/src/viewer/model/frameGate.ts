/** Which picture may be shown. A stale one must never replace a newer one, nor a light one the full-quality one. */

export interface Stamp {
  revision: number;
  still: boolean;
  sequence: number;
}

/**
 * @param shown what is painted now, null for nothing
 * @param floor pictures of older revisions are of another series, or of before a reset
 */
export function mayShow(frame: Stamp, shown: Stamp | null, floor: number): boolean {
  if (frame.revision < floor) return false;
  if (shown === null || frame.revision > shown.revision) return true;
  if (frame.revision < shown.revision) return false;
  if (frame.still !== shown.still) return frame.still;
  return frame.sequence > shown.sequence;
}
