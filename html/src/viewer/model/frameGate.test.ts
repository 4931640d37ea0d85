import { describe, expect, it } from 'vitest';
import { mayShow } from './frameGate';

const frame = (revision: number, still: boolean, sequence: number) => ({ revision, still, sequence });

describe('which picture may be shown', () => {
  it('the first one', () => {
    expect(mayShow(frame(1, false, 1), null, 0)).toBe(true);
  });

  it('a newer revision, never an older one', () => {
    expect(mayShow(frame(6, false, 9), frame(5, true, 8), 0)).toBe(true);
    expect(mayShow(frame(4, true, 9), frame(5, false, 8), 0)).toBe(false);
  });

  it('the full-quality picture of the same revision, but no light one over it', () => {
    expect(mayShow(frame(5, true, 9), frame(5, false, 8), 0)).toBe(true);
    expect(mayShow(frame(5, false, 9), frame(5, true, 8), 0)).toBe(false);
  });

  it('of the same kind and revision the later one', () => {
    expect(mayShow(frame(5, true, 9), frame(5, true, 8), 0)).toBe(true);
    expect(mayShow(frame(5, true, 8), frame(5, true, 9), 0)).toBe(false);
  });

  it('nothing of the series that was there before', () => {
    expect(mayShow(frame(4, true, 9), null, 5)).toBe(false);
    expect(mayShow(frame(5, true, 9), null, 5)).toBe(true);
  });
});
