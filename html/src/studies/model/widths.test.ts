import { describe, expect, it } from 'vitest';
import { shareWidth } from './widths';

describe('the width of the table', () => {
  it('is given to what is long, and the rest to columns that may grow', () => {
    const name = { narrowest: 100, widest: 300, needed: 180 };
    const sex = { narrowest: 40, widest: 40, needed: 20 };
    const description = { narrowest: 100, widest: 400, needed: 30 };
    expect(shareWidth([name, sex, description], 320)).toEqual([180, 40, 100]);
    expect(shareWidth([name, sex, description], 820)).toEqual([380, 40, 400]);
  });

  it('is taken from the longest values, never below the narrowest', () => {
    const name = { narrowest: 100, widest: 300, needed: 200 };
    const id = { narrowest: 80, widest: 180, needed: 110 };
    const description = { narrowest: 100, widest: 400, needed: 400 };
    expect(shareWidth([description, name, id], 450)).toEqual([170, 170, 110]);
    expect(shareWidth([description, name, id], 600)).toEqual([290, 200, 110]);
    expect(shareWidth([name, description], 90)).toEqual([100, 100]);
  });
});
