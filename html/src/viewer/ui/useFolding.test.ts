import { describe, expect, it } from 'vitest';
import { fitting } from './useFolding';

describe('families of a bar', () => {
  it('all stay where there is room for all, without More', () => {
    expect(fitting(120, [40, 40, 40], 46)).toBe(3);
  });

  it('fold from the right, and More takes its own room', () => {
    expect(fitting(119, [40, 40, 40], 46)).toBe(1);
    expect(fitting(126, [60, 20, 60], 46)).toBe(2);
    expect(fitting(46, [40, 40, 40], 46)).toBe(0);
  });

  it('never leave a later one standing alone because it is small', () => {
    expect(fitting(100, [30, 60, 5, 60], 46)).toBe(1);
  });
});
