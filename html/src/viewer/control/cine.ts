/** Play: the clock says which image is due, so a slow line skips images instead of lagging behind. */

import type { CellController } from './cell';

export type PlayMode = 'loop' | 'swing' | 'once';

/** A picture that does not come must not hold the film for ever. */
const PATIENCE_MS = 400;

/**
 * Place of the image that is due.
 *
 * @param steps whole images since the start
 * @returns the place, or null when the film is over
 */
export function dueIndex(start: number, steps: number, count: number, mode: PlayMode): number | null {
  if (count < 2) return null;
  if (mode === 'loop') return (start + steps) % count;
  if (mode === 'once') return start + steps < count ? start + steps : null;
  const period = 2 * (count - 1);
  const at = (start + steps) % period;
  return at < count ? at : period - at;
}

export class Cine {
  readonly #onFrame: (run: () => void) => void;
  readonly #now: () => number;
  #run = 0;

  constructor(onFrame: (run: () => void) => void, now: () => number) {
    this.#onFrame = onFrame;
    this.#now = now;
  }

  start(cell: CellController, speed: () => number, mode: PlayMode, ended: () => void): void {
    this.#run += 1;
    const run = this.#run;
    const count = cell.state.detail?.frames.length ?? 0;
    // At the end "once" begins again at the first image.
    let start = mode === 'once' && cell.index === count - 1 ? -1 : cell.index;
    let fps = speed();
    let since = this.#now();
    let sentAt = since;
    cell.beginDrag();
    const tick = (): void => {
      if (run !== this.#run) return;
      const now = this.#now();
      if (fps !== speed()) {
        start = cell.index;
        since = now;
        fps = speed();
      }
      const due = dueIndex(start, Math.floor(((now - since) * fps) / 1000), cell.state.detail?.frames.length ?? 0, mode);
      if (due === null) {
        this.stop(cell);
        ended();
        return;
      }
      const behind = (cell.state.shown?.revision ?? 0) < cell.lastSent;
      if ((!behind || now - sentAt > PATIENCE_MS) && cell.goTo(due, now, true)) sentAt = now;
      this.#onFrame(tick);
    };
    this.#onFrame(tick);
  }

  stop(cell: CellController): void {
    this.#run += 1;
    cell.endDrag(this.#now());
  }
}
