/** The pages' planes against the server's: `tests/contract/planes.py` writes what its geometry says. */

import { describe, expect, it } from 'vitest';
import fixture from '../../../../tests/contract/fixtures/planes.json';
import { type CrossingPlanes, draggedAngle, isSquare, movedTo, oriented, othersOf, placed, planeOf, scrolled, shifted, squared, startPlanes, turnedAboutPlane } from './crossing';
import {
  canvasOfPlane,
  distanceMm,
  lineOf,
  lpsOnPlane,
  pannedLook,
  type PlaneKind,
  planeKinds,
  planeLetters,
  type PlaneLook,
  planePosition,
  planeRange,
  positionMm,
  resolvePlane,
  startLook,
  stepCount,
  stepNumber,
  turnedFrame,
  zoomedLook,
} from './plane';
import { dot, type Vector } from './vector';
import { gridOf, type VolumeGrid } from './volumeGrid';

const canvas = { widthPx: fixture.canvas[0] as number, heightPx: fixture.canvas[1] as number };

interface Deed {
  act: string;
  kind: PlaneKind;
  as_kind: PlaneKind;
  about: PlaneKind;
  dragged: PlaneKind | null;
  keep: PlaneKind;
  keep_square: boolean;
  point: Vector;
  mm: number;
  steps: number;
  number: number;
  degrees: number;
  step_mm: number | null;
}

function done(planes: CrossingPlanes, grid: VolumeGrid, deed: Deed): CrossingPlanes {
  switch (deed.act) {
    case 'moved':
      return movedTo(planes, grid, deed.point);
    case 'shifted':
      return shifted(planes, grid, deed.kind, deed.mm);
    case 'scrolled':
      return scrolled(planes, grid, deed.kind, deed.steps, deed.step_mm);
    case 'placed':
      return placed(planes, grid, deed.kind, deed.number, deed.step_mm);
    case 'turned':
      return turnedAboutPlane(planes, deed.about, deed.degrees, deed.dragged, deed.keep_square);
    case 'squared':
      return squared(planes, deed.keep);
    case 'oriented':
      return oriented(planes, deed.kind, deed.as_kind);
    default:
      throw new Error(`Nobody knows the act ${deed.act}.`);
  }
}

const near = (one: readonly number[], other: readonly number[], within = 1e-6): void => {
  expect(one).toHaveLength(other.length);
  one.forEach((value, at) => expect(Math.abs(value - (other[at] as number)), `${one} against ${other}`).toBeLessThan(within));
};

/** A line has no first end. */
const nearLine = (line: ReturnType<typeof lineOf>, expected: readonly number[] | null): void => {
  if (line === null || expected === null) {
    expect(line).toBe(expected);
    return;
  }
  near([line.x0, line.y0, line.x1, line.y1], expected, 1e-5);
};

interface Expected {
  kind: string;
  look: { zoom: number | null; center: number[] | null; rotation_deg: number; flip_horizontal: boolean };
  zoom: number;
  lps_at_100_380: number[];
  canvas_at_9_8_7: number[];
  letters: string[];
  lines: (number[] | null)[];
  dotted: (number[] | null)[];
  panned_middle: number[];
  enlarged: number[];
}

function checkView(planes: CrossingPlanes, grid: VolumeGrid, expected: Expected): void {
  const kind = expected.kind as PlaneKind;
  const plane = planeOf(planes, kind);
  const look: PlaneLook = {
    zoom: expected.look.zoom,
    center: expected.look.center as unknown as Vector | null,
    rotationDeg: expected.look.rotation_deg,
    flipHorizontal: expected.look.flip_horizontal,
  };
  const view = resolvePlane(grid, plane, look, canvas);
  near([view.zoom], [expected.zoom]);
  near(lpsOnPlane(view, { x: 100, y: 380 }), expected.lps_at_100_380);
  const { x, y, depth } = canvasOfPlane(view, [9, 8, 7]);
  near([x, y, depth], expected.canvas_at_9_8_7);
  const letters = planeLetters(view);
  expect([letters.top, letters.right, letters.bottom, letters.left]).toEqual(expected.letters);
  othersOf(kind).forEach((other, at) => {
    nearLine(lineOf(view, planeOf(planes, other)), expected.lines[at] ?? null);
    nearLine(lineOf(view, planeOf(planes, other), 7.5), expected.dotted[at] ?? null);
  });
  near(resolvePlane(grid, plane, pannedLook(look, view, 40, -25), canvas).center, expected.panned_middle);
  const enlarged = resolvePlane(grid, plane, zoomedLook(look, view, 1.3, { x: 100, y: 380 }), canvas);
  near([enlarged.zoom, ...enlarged.center], expected.enlarged);
}

describe.each(fixture.scenes.map((scene) => [scene.name, scene] as const))('planes of a volume: %s', (_name, scene) => {
  const grid = gridOf({ shape: scene.shape as unknown as [number, number, number], lps_from_index: scene.lps_from_index });

  it('go where the server’s go, act by act', () => {
    let planes = startPlanes(grid);
    for (const step of scene.steps) {
      if (step.deed !== null) planes = done(planes, grid, step.deed as unknown as Deed);
      near(planes.crossing, step.crossing);
      expect(isSquare(planes)).toBe(step.square);
      for (const kind of planeKinds) {
        const { right, down, normal } = planes.frames[kind];
        near([...right, ...down, ...normal], step.frames[kind].flat());
      }
      for (const view of (step as { views?: Expected[] }).views ?? []) checkView(planes, grid, view);
      const { ranges } = step as { ranges?: Record<string, Record<string, number>> };
      if (ranges === undefined) continue;
      for (const kind of planeKinds) {
        const range = planeRange(grid, planes.frames[kind].normal);
        const position = positionMm(planeOf(planes, kind));
        const expected = ranges[kind] as Record<string, number>;
        near([range.firstMm, range.lastMm, range.stepMm, position], ['first_mm', 'last_mm', 'step_mm', 'position_mm'].map((name) => expected[name] as number));
        expect([stepCount(range), stepNumber(range, position)]).toEqual([expected['count'], expected['number']]);
      }
    }
  });
});

describe('what only the pages need', () => {
  const scene = fixture.scenes[0] as (typeof fixture.scenes)[number];
  const grid = gridOf({ shape: scene.shape as unknown as [number, number, number], lps_from_index: scene.lps_from_index });
  const start = startPlanes(grid);

  it('a quarter turn by hand is a quarter turn', () => {
    const view = resolvePlane(grid, planeOf(start, 'axial'), startLook, canvas);
    const from = canvasOfPlane(view, start.crossing);
    const angle = draggedAngle(start, 'axial', lpsOnPlane(view, { x: from.x + 80, y: from.y }), lpsOnPlane(view, { x: from.x, y: from.y + 50 }));
    expect(angle).toBeCloseTo(90, 9);
  });

  it('turning there and back ends where it began, though done a thousand times', () => {
    let frame = start.frames.coronal;
    const axis: Vector = [2 / 3, 1 / 3, 2 / 3];
    for (let turn = 0; turn < 1000; turn += 1) frame = turnedFrame(frame, axis, 37.7);
    for (let turn = 0; turn < 1000; turn += 1) frame = turnedFrame(frame, axis, -37.7);
    near(frame.normal, start.frames.coronal.normal, 1e-9);
    expect(dot(frame.right, frame.down)).toBeCloseTo(0, 12);
  });

  it.each<[PlaneKind, Vector, string, number]>([
    ['axial', [5, 6, 20], '', 20],
    ['axial', [5, 6, -7.5], '', -7.5],
    ['sagittal', [4, 6, 7], 'L', 4],
    ['sagittal', [-4, 6, 7], 'R', 4],
    ['coronal', [5, 24, 7], 'P', 24],
    ['coronal', [5, -24, 7], 'A', 24],
  ])('the %s plane through %j lies at %s %d', (kind, point, side, mm) => {
    expect(planePosition({ kind, point, frame: start.frames[kind] })).toEqual({ side, mm });
  });

  it('an oblique plane says the sides that it lies towards', () => {
    const turned = turnedAboutPlane(start, 'axial', 45, 'coronal', false);
    const { side, mm } = planePosition({ kind: 'coronal', point: [-10, 10, 0], frame: turned.frames.coronal });
    expect([side, Math.round(mm)]).toEqual(['RP', 14]);
  });

  it('the distance from a plane is that along its normal', () => {
    const plane = planeOf(start, 'axial');
    expect(distanceMm(plane, [0, 0, plane.point[2] + 5])).toBeCloseTo(5, 12);
  });
});
