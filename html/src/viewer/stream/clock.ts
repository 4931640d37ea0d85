/** Time as the modules here see it, so that tests can drive it. */

export interface Clock {
  /** Milliseconds, only forwards. */
  now(): number;
  setTimeout(run: () => void, delayMs: number): number;
  clearTimeout(timer: number): void;
}

export const browserClock: Clock = {
  now: () => performance.now(),
  setTimeout: (run, delayMs) => window.setTimeout(run, delayMs),
  clearTimeout: (timer) => window.clearTimeout(timer),
};
