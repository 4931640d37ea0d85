import { describe, expect, it } from 'vitest';
import type { Look } from '../../../shared/protocol/messages';
import { dragWindow } from '../../model/windowing';
import { changed, historyOf, redone, undone } from './history';
import {
  addPoint,
  addTissue,
  colourAt,
  fromHex,
  inMode,
  MAX_POINTS,
  moveColour,
  movePoint,
  opacityAt,
  removePoint,
  removeTissue,
  sameLook,
  setColour,
  setIsoValue,
  setTissueOn,
  toHex,
  windowOf,
  withWindow,
} from './look';

const bone: Look = {
  mode: 'shaded',
  tissues: [
    { name: 'vessels', on: true, opacity: [[130, 0], [200, 0.12], [450, 0.55], [650, 0]], colour: [[130, 0.5, 0, 0], [450, 1, 0.5, 0.3]] },
    { name: 'bone', on: true, opacity: [[350, 0], [600, 0.5], [1200, 0.85], [3071, 0.9]], colour: [[350, 0.9, 0.8, 0.6], [1200, 1, 1, 1]] },
  ],
  lighting: { ambient: 0.2, diffuse: 0.8, specular: 0.3, specular_power: 20 },
  iso_value: null,
};
const ramp: Look = { mode: 'mip', tissues: [{ name: 'values', on: true, opacity: [[-200, 0], [1200, 1]], colour: [[0, 1, 1, 1]] }], lighting: null, iso_value: null };
const range = { low: -900, high: 1100, presets: [{ preset_id: 'ct_mip', group: 'projection', look: ramp }, { preset_id: 'ct_bone', group: 'bone', look: bone }] };

function rises(look: Look): boolean {
  return look.tissues.every((tissue) => [tissue.opacity, tissue.colour].every((points) => points.every((point, index) => index === 0 || point[0] > (points[index - 1]?.[0] ?? NaN))));
}

describe('points of the curve', () => {
  it('are dragged, but never past their neighbours', () => {
    const moved = movePoint(bone, 0, 1, 300, 0.4);
    expect(moved.tissues[0]?.opacity[1]).toEqual([300, 0.4]);
    expect(bone.tissues[0]?.opacity[1]).toEqual([200, 0.12]);
    expect(moved.tissues[1]).toBe(bone.tissues[1]);
    const far = movePoint(bone, 0, 1, 9000, 7);
    expect(far.tissues[0]?.opacity[1]?.[0]).toBeLessThan(450);
    expect(far.tissues[0]?.opacity[1]?.[0]).toBeGreaterThan(449);
    expect(far.tissues[0]?.opacity[1]?.[1]).toBe(1);
    expect(movePoint(bone, 0, 3, NaN, NaN).tissues[0]?.opacity[3]?.[1]).toBe(0);
    expect(rises(far)).toBe(true);
  });

  it('take the colour of their value along', () => {
    const moved = movePoint(bone, 0, 2, 500, 0.5);
    expect(moved.tissues[0]?.colour[1]).toEqual([500, 1, 0.5, 0.3]);
    expect(movePoint(bone, 0, 1, 210, 0.1).tissues[0]?.colour).toEqual(bone.tissues[0]?.colour);
  });

  it('are added in order and removed, but for the last', () => {
    const added = addPoint(bone, 0, 250, 0.2);
    expect(added?.index).toBe(2);
    expect(added?.look.tissues[0]?.opacity.map((point) => point[0])).toEqual([130, 200, 250, 450, 650]);
    expect(addPoint(bone, 0, 200, 0.2)).toBeNull();
    let look = bone;
    for (let index = 0; index < 9; index += 1) look = removePoint(look, 0, 0);
    expect(look.tissues[0]?.opacity).toHaveLength(1);
    for (let value = 700; value < 900; value += 1) look = addPoint(look, 0, value, 0.1)?.look ?? look;
    expect(look.tissues[0]?.opacity).toHaveLength(MAX_POINTS);
  });

  it('say opacity and colour of what lies between and beyond', () => {
    const [vessels] = bone.tissues;
    expect(opacityAt(vessels!, 165)).toBeCloseTo(0.06);
    expect(opacityAt(vessels!, 0)).toBe(0);
    expect(opacityAt(vessels!, 9999)).toBe(0);
    expect(colourAt(vessels!, 290)).toEqual([0.75, 0.25, 0.15]);
    expect(colourAt(vessels!, 9999)).toEqual([1, 0.5, 0.3]);
  });
});

describe('colours', () => {
  it('are set where they stand or anew', () => {
    const set = setColour(bone, 0, 450, [0, 1, 0]);
    expect(set.tissues[0]?.colour).toEqual([[130, 0.5, 0, 0], [450, 0, 1, 0]]);
    const added = setColour(bone, 0, 300, [0, 0, 1]);
    expect(added.tissues[0]?.colour.map((one) => one[0])).toEqual([130, 300, 450]);
    expect(moveColour(added, 0, 1, 9999).tissues[0]?.colour[1]?.[0]).toBeLessThan(450);
    expect(fromHex(toHex([1, 0.2, 0]))).toEqual([1, 51 / 255, 0]);
    expect(fromHex('red')).toBeNull();
  });
});

describe('the window of a look', () => {
  it('spans what shows', () => {
    expect(windowOf(ramp)).toEqual({ width: 1400, center: 500 });
    expect(windowOf(bone)).toEqual({ width: 1070, center: 665 });
    expect(windowOf(setTissueOn(bone, 1, false))).toEqual({ width: 320, center: 290 });
  });

  it('dragged moves and stretches all of it, and back again', () => {
    const wanted = { width: 535, center: 700 };
    const moved = withWindow(bone, wanted);
    expect(windowOf(moved).width).toBeCloseTo(535, 6);
    expect(windowOf(moved).center).toBeCloseTo(700, 6);
    // Half as wide: distances of points are halved, of colours too.
    expect((moved.tissues[1]?.opacity[1]?.[0] ?? 0) - (moved.tissues[1]?.opacity[0]?.[0] ?? 0)).toBeCloseTo(125, 6);
    expect((moved.tissues[0]?.colour[1]?.[0] ?? 0) - (moved.tissues[0]?.colour[0]?.[0] ?? 0)).toBeCloseTo(160, 6);
    const back = withWindow(moved, windowOf(bone));
    back.tissues.forEach((tissue, index) => tissue.opacity.forEach((point, place) => expect(point[0]).toBeCloseTo(bone.tissues[index]?.opacity[place]?.[0] ?? NaN, 6)));
    expect(rises(withWindow(bone, { width: 1e12, center: 0 }))).toBe(true);
    expect(rises(withWindow(bone, { width: 0, center: 1e12 }))).toBe(true);
  });

  it('follows the hand as in 2D: down raises the level, right widens', () => {
    const start = windowOf(ramp);
    expect(windowOf(withWindow(ramp, dragWindow(start, 0, 30))).center).toBeGreaterThan(start.center);
    expect(windowOf(withWindow(ramp, dragWindow(start, 30, 0))).width).toBeGreaterThan(start.width);
  });

  it('takes the value of an isosurface along', () => {
    const iso = setIsoValue({ ...bone, mode: 'isosurface' }, 400);
    expect(withWindow(iso, { width: 1070, center: 765 }).iso_value).toBeCloseTo(500, 6);
  });
});

describe('modes', () => {
  it('make a projection grey and give a shaded volume its tissues back', () => {
    expect(inMode(bone, 'mip', range)).toBe(ramp);
    expect(inMode(ramp, 'minip', range)).toEqual({ ...ramp, mode: 'minip' });
    expect(inMode(bone, 'aip', range).tissues[0]?.opacity).toEqual([[-900, 0], [1100, 1]]);
    expect(inMode(ramp, 'shaded', range)).toEqual(bone);
    const iso = inMode(bone, 'isosurface', range);
    expect(iso.iso_value).toBe(397.5);
    expect(iso.tissues).toBe(bone.tissues);
    expect(inMode(bone, 'shaded', range)).toBe(bone);
    expect(inMode(bone, 'aip', { low: 5, high: 5, presets: [] }).tissues[0]?.opacity).toEqual([[5, 0], [6, 1]]);
  });
});

describe('looks', () => {
  it('are the same by what they hold', () => {
    expect(sameLook(bone, JSON.parse(JSON.stringify(bone)) as Look)).toBe(true);
    expect(sameLook(bone, movePoint(bone, 0, 1, 201, 0.12))).toBe(false);
    expect(sameLook(bone, setTissueOn(bone, 0, false))).toBe(false);
    expect(sameLook(bone, { ...bone, lighting: null })).toBe(false);
    expect(sameLook(bone, null)).toBe(false);
  });

  it('have tissues of names of their own', () => {
    const more = addTissue(addTissue(bone, 'bone', [0, 1, 0]), 'bone', [0, 0, 1]);
    expect(more.tissues.map((tissue) => tissue.name)).toEqual(['vessels', 'bone', 'bone 2', 'bone 3']);
    expect(rises(more)).toBe(true);
    let fewer = more;
    for (let index = 0; index < 9; index += 1) fewer = removeTissue(fewer, 0);
    expect(fewer.tissues).toHaveLength(1);
  });
});

describe('a history', () => {
  it('goes back and forth, and a new step ends what was undone', () => {
    let one = changed(changed(historyOf(1), 2), 3);
    one = undone(undone(one));
    expect([one.present, undone(one).present]).toEqual([1, 1]);
    expect(redone(one).present).toBe(2);
    one = changed(one, 4);
    expect([one.present, redone(one).present, undone(one).present]).toEqual([4, 4, 1]);
  });
});
