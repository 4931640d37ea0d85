import { describe, expect, it } from 'vitest';
import { dueIndex } from './cine';

describe('which image is due', () => {
  it('a loop begins again', () => {
    expect([0, 1, 2, 3, 4].map((steps) => dueIndex(0, steps, 3, 'loop'))).toEqual([0, 1, 2, 0, 1]);
  });

  it('a swing goes back', () => {
    expect([0, 1, 2, 3, 4, 5].map((steps) => dueIndex(0, steps, 3, 'swing'))).toEqual([0, 1, 2, 1, 0, 1]);
  });

  it('once ends', () => {
    expect(dueIndex(1, 1, 3, 'once')).toBe(2);
    expect(dueIndex(1, 2, 3, 'once')).toBeNull();
  });

  it('skips what a slow line has missed', () => {
    expect(dueIndex(0, 250, 100, 'loop')).toBe(50);
  });

  it('one image is no film', () => {
    expect(dueIndex(0, 5, 1, 'loop')).toBeNull();
  });
});
