/** Cameras against NumPy's, which `tests/contract/cameras.py` wrote. */
import { describe, expect, it } from 'vitest';
import cases from '../../../../../tests/contract/fixtures/cameras.json';
import {
  type Camera,
  canvasAt,
  type Canvas,
  centeredOn,
  edgeLettersOf,
  lpsAt,
  oriented,
  panned,
  poseOf,
  projected,
  type Projection,
  rayAt,
  rolled,
  startCamera,
  turnedByDrag,
  turntable,
  zoomed,
} from './camera';
import { anglesOf, cubeFaces, frameFromAngles, type Orientation, orientationName, standardFrame } from './orientations';
import { cross, dot, subtract, type Vector } from '../../model/vector';
import { gridOf, type VolumeGrid } from '../../model/volumeGrid';

type Step = [string, ...(number | string)[]];

function after(camera: Camera, canvas: Canvas, [name, ...values]: Step): Camera {
  const [a = 0, b = 0, c = 0] = values as number[];
  if (name === 'drag') return turnedByDrag(camera, canvas, a, b);
  if (name === 'turntable') return turntable(camera, a);
  if (name === 'roll') return rolled(camera, a);
  if (name === 'zoom') return zoomed(camera, a);
  if (name === 'pan') return panned(camera, canvas, a, b);
  if (name === 'center') return centeredOn(camera, [a, b, c]);
  if (name === 'project') return projected(camera, values[0] as Projection);
  if (name === 'angles') return oriented(camera, frameFromAngles({ rotationDeg: a, angulationDeg: b, rollDeg: c }));
  if (name === 'orient') return oriented(camera, standardFrame(values[0] as Orientation, b));
  throw new Error(name);
}

/** Largest difference; numbers of the file have 10 digits. */
function apart(found: readonly number[], wanted: readonly number[]): number {
  expect(found.length).toBe(wanted.length);
  return Math.max(...found.map((value, index) => Math.abs(value - (wanted[index] ?? NaN)) / Math.max(1, Math.abs(wanted[index] ?? 0))));
}

describe.each(cases.map((one) => ({ ...one, camera: madeOf(one) })))('the camera $name', ({ camera, canvas: [widthPx = 0, heightPx = 0], ...wanted }) => {
  const canvas = { widthPx, heightPx };

  it('has the pose of NumPy', () => {
    const pose = poseOf(camera, canvas);
    expect([pose.width_px, pose.height_px]).toEqual([widthPx, heightPx]);
    for (const name of ['target_lps_mm', 'right_lps', 'down_lps', 'offset_px'] as const) expect(apart(pose[name] ?? [], wanted.pose[name])).toBeLessThan(1e-8);
    expect(apart([pose.mm_per_px], [wanted.pose.mm_per_px])).toBeLessThan(1e-12);
    if (wanted.pose.eye_distance_mm === null) expect(pose.eye_distance_mm).toBeNull();
    else expect(apart([pose.eye_distance_mm ?? NaN], [wanted.pose.eye_distance_mm])).toBeLessThan(1e-12);
  });

  it('sees the points of the patient where NumPy does', () => {
    for (const { point, at } of wanted.seen) {
      const seen = canvasAt(camera, canvas, point as unknown as Vector);
      if (at === null) expect(seen).toBeNull();
      else expect(apart([seen?.x ?? NaN, seen?.y ?? NaN, seen?.depth ?? NaN], at)).toBeLessThan(1e-7);
    }
    for (const { at, point } of wanted.under) {
      const [x = 0, y = 0, depth = 0] = at;
      const found = lpsAt(camera, canvas, x, y, depth);
      expect(apart(found, point)).toBeLessThan(1e-7);
      const back = canvasAt(camera, canvas, found);
      expect(apart([back?.x ?? NaN, back?.y ?? NaN, back?.depth ?? NaN], at)).toBeLessThan(1e-7);
      const { origin, direction } = rayAt(camera, canvas, x, y);
      expect(Math.max(...cross(direction, subtract(found, origin)).map(Math.abs))).toBeLessThan(1e-6);
    }
  });

  it('has the letters, the angles and the cube of NumPy', () => {
    expect(edgeLettersOf(camera)).toEqual(wanted.letters);
    const { rotationDeg, angulationDeg, rollDeg } = anglesOf(camera);
    // Half a turn is the same both ways round.
    const turn = (degrees: number): number => Math.abs(((degrees + 540) % 360) - 180);
    [rotationDeg, angulationDeg, rollDeg].forEach((angle, index) => expect(turn(angle - (wanted.angles[index] ?? NaN))).toBeLessThan(1e-6));
    const cube = cubeFaces(camera);
    expect(cube.map(({ letter }) => letter)).toEqual(wanted.cube.map(({ letter }) => letter));
    cube.forEach((face, index) => {
      expect(apart(face.corners.flat(), wanted.cube[index]?.corners.flat() ?? [])).toBeLessThan(1e-8);
      expect(apart([face.facing], [wanted.cube[index]?.facing ?? NaN])).toBeLessThan(1e-8);
    });
  });
});

function madeOf(one: (typeof cases)[number]): Camera {
  const [widthPx = 0, heightPx = 0] = one.canvas;
  return (one.steps as Step[]).reduce((camera, step) => after(camera, { widthPx, heightPx }, step), startCamera(gridOf(one.grid as unknown as Parameters<typeof gridOf>[0])));
}

describe('a camera', () => {
  const grid: VolumeGrid = gridOf({ shape: [300, 512, 512], lps_from_index: [0.7, 0, 0, 0, 0, 0.7, 0, 0, 0, 0, 1.25, 0] });
  const canvas = { widthPx: 300, heightPx: 200 };

  it('stays square through a thousand drags', () => {
    let camera = startCamera(grid);
    for (let number = 0; number < 1000; number += 1) camera = turnedByDrag(camera, canvas, Math.sin(number) * 9, Math.cos(3 * number) * 7);
    const { right, down, away } = camera.frame;
    expect(Math.abs(dot(right, down))).toBeLessThan(1e-12);
    expect(Math.abs(dot(right, right) - 1)).toBeLessThan(1e-12);
    expect(apart(cross(right, down), away)).toBeLessThan(1e-12);
  });

  it('is named after where it looks from', () => {
    const from = (name: Orientation, angle?: number): Camera => oriented(startCamera(grid), standardFrame(name, angle));
    expect(orientationName(from('A'))).toEqual({ name: 'A', angleDeg: null });
    expect(orientationName(from('H'))).toEqual({ name: 'H', angleDeg: null });
    expect(orientationName(from('LAO', 28))).toEqual({ name: 'LAO', angleDeg: 28 });
    expect(orientationName(from('RAO', 30))).toEqual({ name: 'RAO', angleDeg: 30 });
    expect(orientationName(from('RAO', 90))).toEqual({ name: 'R', angleDeg: null });
    expect(orientationName(rolled(from('A'), 3))).toBeNull();
    expect(orientationName(oriented(startCamera(grid), frameFromAngles({ rotationDeg: 30, angulationDeg: 12, rollDeg: 0 })))).toBeNull();
    expect(orientationName(from('LAO', 120))).toBeNull();
  });

  it('refuses nothing that a wheel or a pointer may bring', () => {
    const camera = startCamera(grid);
    expect(zoomed(camera, NaN)).toBe(camera);
    expect(zoomed(camera, 0)).toBe(camera);
    expect(turnedByDrag(camera, canvas, NaN, 1)).toBe(camera);
  });
});
