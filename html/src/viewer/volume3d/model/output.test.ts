import { describe, expect, it } from 'vitest';
import type { Look } from '../../../shared/protocol/messages';
import { faultsOf, questionOf, startTurn, startValue, surfaceWish } from './output';

const shaded: Look = {
  lighting: null,
  iso_value: null,
  mode: 'shaded',
  tissues: [
    { name: 'vessels', on: true, opacity: [[130, 0], [200, 0.12]], colour: [[130, 1, 0, 0]] },
    { name: 'bone', on: true, opacity: [[250, 0], [300, 0.02], [352.4, 0.3]], colour: [[250, 1, 1, 1]] },
    { name: 'metal', on: false, opacity: [[2000, 1]], colour: [[0, 1, 1, 1]] },
  ],
};

describe('a series of a turn', () => {
  it('is asked for as square pictures of the model as it is seen', () => {
    const wish = { ...startTurn('3D turn'), count: 12, degrees: -180, sidePx: 640 };
    expect([...faultsOf(wish)]).toEqual([]);
    expect(questionOf(wish)).toEqual({ kind: 'make_series', images: { kind: 'turning', degrees: -180, width_px: 640, height_px: 640 }, count: 12, series_description: '3D turn' });
  });

  it('says what cannot be made', () => {
    expect([...faultsOf({ count: 0, degrees: 361, sidePx: 63, description: ' ' })].sort()).toEqual(['count', 'degrees', 'description', 'size']);
    expect([...faultsOf({ ...startTurn('x'), count: 2.5, degrees: Number.NaN })].sort()).toEqual(['count', 'degrees']);
  });
});

describe('a surface', () => {
  it('starts where the last tissue that is on begins to be seen', () => {
    expect(startValue(shaded, null)).toBe(352);
  });

  it('starts at the value of the isosurface, or in the middle of the values', () => {
    expect(startValue({ ...shaded, mode: 'isosurface', iso_value: -300 }, null)).toBe(-300);
    expect(startValue({ ...shaded, mode: 'mip' }, { low: 100, high: 301 })).toBe(201);
    expect(startValue(null, null)).toBeNull();
  });

  it('takes the cuts along', () => {
    expect(surfaceWish(300, [{ kind: 'table' }])).toEqual({ iso_value: 300, edits: [{ kind: 'table' }] });
  });
});
