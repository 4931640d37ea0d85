import { describe, expect, it } from 'vitest';
import { movedTo, startPlanes, turnedAboutPlane } from '../../model/crossing';
import { type PlaneKind, resolvePlane, startLook } from '../../model/plane';
import { gridOf } from '../../model/volumeGrid';
import { drawnLines, gripOf } from './lines';
import { viewOf } from './state';

// A cube of 200 mm about the origin: at a canvas of 600 × 400 a millimetre is two pixels.
const grid = gridOf({ shape: [200, 200, 200], lps_from_index: [1, 0, 0, -100, 0, 1, 0, -100, 0, 0, 1, -100] });
const canvas = { widthPx: 600, heightPx: 400 };
const start = startPlanes(grid);
const at = (kind: PlaneKind, planes = start) => resolvePlane(grid, { kind, point: planes.crossing, frame: planes.frames[kind] }, startLook, canvas);
const lineOf = (kind: PlaneKind, of: PlaneKind, thicknessMm: number | null = null, planes = start) =>
  drawnLines(planes, at(kind, planes), 1, thicknessMm).lines.find((line) => line.kind === of);

describe('the lines on a window', () => {
  it('are those of the two other planes, through the crossing', () => {
    const drawn = drawnLines(start, at('axial'), 1, null);
    expect(drawn.lines.map(({ kind }) => kind)).toEqual(['coronal', 'sagittal']);
    expect(drawn.crossing.x).toBeCloseTo(301, 5);
    expect(drawn.crossing.y).toBeCloseTo(201, 5);
    expect(lineOf('axial', 'coronal')?.whole.from.y).toBeCloseTo(201, 5);
    expect(lineOf('axial', 'sagittal')?.whole.from.x).toBeCloseTo(301, 5);
  });

  it('have a gap at the crossing, a letter at the right end or on top, and two rings', () => {
    const level = lineOf('axial', 'coronal');
    expect(level?.segments).toHaveLength(2);
    const ends = level?.segments.flatMap(({ from, to }) => [from.x, to.x]).sort((one, other) => one - other) ?? [];
    expect([ends[1], ends[2]].map((x) => Math.round(x ?? 0))).toEqual([285, 317]);
    expect(level?.badge.x).toBe(Math.max(level?.whole.from.x ?? 0, level?.whole.to.x ?? 0));
    expect(level?.rings).toHaveLength(2);
    const upright = lineOf('axial', 'sagittal');
    expect(upright?.badge.y).toBe(Math.min(upright?.whole.from.y ?? 0, upright?.whole.to.y ?? 0));
  });

  it('keep clear of the borders, and go where the plane is out of sight', () => {
    const { whole } = lineOf('axial', 'coronal') ?? { whole: { from: { x: 0 }, to: { x: 0 } } };
    // Three letters of an oblique plane stand beside them.
    expect(Math.min(whole.from.x, whole.to.x)).toBeCloseTo(64, 5);
    expect(Math.max(whole.from.x, whole.to.x)).toBeCloseTo(536, 5);
    const upright = lineOf('axial', 'sagittal')?.whole;
    expect(Math.min(upright?.from.y ?? 0, upright?.to.y ?? 0)).toBeCloseTo(44, 5);
    const near = resolvePlane(grid, { kind: 'axial', point: start.crossing, frame: start.frames.axial }, { ...startLook, zoom: 20, center: [80, 80, 0] }, canvas);
    expect(drawnLines(start, near, 1, null).lines).toEqual([]);
  });

  it('leave the scale and its words alone', () => {
    const low = movedTo(start, grid, [0, 60, 0]);
    const line = lineOf('axial', 'coronal', null, low);
    expect(line?.badge.y).toBeGreaterThan(211);
    expect(line?.badge.x).toBeCloseTo(600 - 84, 5);
  });

  it('leave the words in the corners alone', () => {
    const high = movedTo(start, grid, [-85, -90, 0]);
    const view = viewOf({ planes: high, looks: { axial: startLook, coronal: startLook, sagittal: startLook } }, grid, 'axial', { widthPx: 440, heightPx: 400 });
    const drawn = view === null ? [] : drawnLines(high, view, 1, null).lines;
    const ends = drawn.map(({ whole: { from, to } }) => ({ left: Math.min(from.x, to.x), right: Math.max(from.x, to.x), top: Math.min(from.y, to.y) }));
    expect(ends[0]?.left).toBeCloseTo(130, 5);
    expect(ends[0]?.right).toBeCloseTo(310, 5);
    expect(ends[1]?.top).toBeCloseTo(84, 5);
  });

  it('run into no words when they are turned', () => {
    for (const degrees of [15, 25, 30, 33, 40, -25, -33]) {
      const turned = turnedAboutPlane(start, 'axial', degrees, null, true);
      for (const { whole } of drawnLines(turned, at('axial', turned), 1, null).lines) {
        for (const { x, y } of [whole.from, whole.to]) expect([degrees, y < 83.9 && (x < 129.9 || x > 470.1)]).toEqual([degrees, false]);
      }
    }
  });

  it('a slab shows its faces at half its thickness to both sides', () => {
    const faces = lineOf('axial', 'coronal', 30)?.faces.map(({ from }) => Math.round(from.y)).sort((one, other) => one - other);
    expect(faces).toEqual([171, 231]);
    expect(lineOf('axial', 'coronal', 0)?.faces).toEqual([]);
  });

  it('follow a turn', () => {
    const turned = turnedAboutPlane(start, 'axial', 90, null, true);
    const line = lineOf('axial', 'coronal', null, turned);
    expect(line?.whole.from.x).toBeCloseTo(line?.whole.to.x ?? 0, 5);
  });

  it('are drawn in CSS pixels', () => {
    expect(drawnLines(start, resolvePlane(grid, { kind: 'axial', point: start.crossing, frame: start.frames.axial }, startLook, { widthPx: 1200, heightPx: 800 }), 2, null).crossing.x).toBeCloseTo(301, 0);
  });
});

describe('what a hand takes hold of', () => {
  const drawn = drawnLines(start, at('axial'), 1, 30);
  const ring = drawn.lines[0]?.rings[0] ?? { x: 0, y: 0 };

  it.each([
    ['the crossing', { x: 301 + 20, y: 201 }, { part: 'crossing' }],
    ['a ring, 44 px across', { x: ring.x + 15, y: ring.y + 15 }, { part: 'ring', kind: 'coronal' }],
    ['a line', { x: 400, y: 205 }, { part: 'line', kind: 'coronal' }],
    ['the face of a slab', { x: 400, y: 235 }, { part: 'slab', kind: 'coronal' }],
    ['the face of the other slab', { x: 333, y: 100 }, { part: 'slab', kind: 'sagittal' }],
  ])('%s', (_name, point, grip) => {
    expect(gripOf(drawn, point, false)).toEqual(grip);
  });

  it('nothing beside them, but fingers reach farther', () => {
    expect(gripOf(drawn, { x: 400, y: 213 }, false)).toBeNull();
    expect(gripOf(drawn, { x: 400, y: 213 }, true)).toEqual({ part: 'line', kind: 'coronal' });
    expect(gripOf(drawn, { x: 450, y: 320 }, true)).toBeNull();
  });

  it('of a thin slab the nearer one', () => {
    const thin = drawnLines(start, at('axial'), 1, 4);
    expect(gripOf(thin, { x: 400, y: 202 }, false)).toEqual({ part: 'line', kind: 'coronal' });
    expect(gripOf(thin, { x: 400, y: 206 }, false)).toEqual({ part: 'slab', kind: 'coronal' });
  });

  it('nothing where the crossing is out of sight', () => {
    const moved = movedTo(start, grid, [-90, 0, 0]);
    const near = viewOf({ planes: moved, looks: { axial: { ...startLook, zoom: 10, center: [80, 0, 0] }, coronal: startLook, sagittal: startLook } }, grid, 'axial', canvas);
    const seen = near === null ? null : drawnLines(moved, near, 1, null);
    expect(seen?.lines.map(({ kind }) => kind)).toEqual(['coronal']);
    expect(seen?.lines[0]?.segments).toHaveLength(1);
    expect(seen?.lines[0]?.rings).toHaveLength(2);
  });
});
