import { describe, expect, it } from 'vitest';
import { retryDelayMs } from './eventSocket';

describe('coming back after a lost connection', () => {
  it('waits twice as long each time, at most half a minute', () => {
    expect([0, 1, 2, 3, 10].map((attempt) => retryDelayMs(attempt, 0.5))).toEqual([1000, 2000, 4000, 8000, 30_000]);
  });

  it('spreads the tries of a whole ward', () => {
    expect([retryDelayMs(0, 0), retryDelayMs(0, 1)]).toEqual([750, 1250]);
  });
});
