/** Play: the clock says which image is due, so a slow line skips images instead of lagging behind. */

export const playModes = ['loop', 'swing', 'once'] as const;
export type PlayMode = (typeof playModes)[number];

/** What is played. */
export interface Film {
  readonly count: number;
  readonly index: number;
  /** The picture that was asked for last has not come. */
  readonly isBehind: boolean;
  /** Goes to an image; false where it is shown already. */
  goTo: (index: number, at: number) => boolean;
  begin: () => void;
  end: (at: number) => void;
}

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

  start(film: Film, speed: () => number, mode: PlayMode, ended: () => void): void {
    this.#run += 1;
    const run = this.#run;
    // At the end "once" begins again at the first image.
    let start = mode === 'once' && film.index === film.count - 1 ? -1 : film.index;
    let fps = speed();
    let since = this.#now();
    let sentAt = since;
    film.begin();
    const tick = (): void => {
      if (run !== this.#run) return;
      const now = this.#now();
      if (fps !== speed()) {
        start = film.index;
        since = now;
        fps = speed();
      }
      const due = dueIndex(start, Math.floor(((now - since) * fps) / 1000), film.count, mode);
      if (due === null) {
        this.stop(film);
        ended();
        return;
      }
      if ((!film.isBehind || now - sentAt > PATIENCE_MS) && film.goTo(due, now)) sentAt = now;
      this.#onFrame(tick);
    };
    this.#onFrame(tick);
  }

  stop(film: Film): void {
    this.#run += 1;
    film.end(this.#now());
  }
}
