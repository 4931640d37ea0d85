import { describe, expect, it } from 'vitest';
import cases from '../../../../../tests/contract/fixtures/clip_boxes.json';
import { add, cross, dot, length, scale, subtract, type Vector } from '../../model/vector';
import { cornersLps, gridOf } from '../../model/volumeGrid';
import { canvasAt, orbited, oriented, projected, startCamera } from './camera';
import { boxLps, clipPlaneOf, depthMm, draggedTo, edgesOf, faces, facesViewer, handleOf, isTurned, isWhole, minimumBox, normalOf, outlineOf, turnedBox, turnedTo, turnHandleOf, wholeBox, withFace } from './clipBox';
import { angleDeg, lengthMm } from './measure';
import { frameFromAngles, standardFrame } from './orientations';
import { thenTurned, turnedBack, turnedBy } from './turn';

const thick = gridOf({ shape: [40, 100, 80], lps_from_index: [0.5, 0, 0, -20, 0, 0.5, 0, -25, 0, 0, 3, 7] });
/** Slices go to the left and are sheared. */
const sheared = gridOf({ shape: [60, 128, 96], lps_from_index: [0, 0.1, 1.5, -40, 0.9, 0.05, 0.2, 10, 0, -0.9, 0.3, 55] });
const canvas = { widthPx: 800, heightPx: 600 };

describe('the clipping box', () => {
  it('begins with the whole volume and keeps to it', () => {
    const box = wholeBox(thick);
    expect(box).toEqual({ low_index: [-0.5, -0.5, -0.5], high_index: [79.5, 99.5, 39.5], turn_deg: [0, 0, 0] });
    expect(isWhole(box, thick)).toBe(true);
    const cut = withFace(box, thick, { axis: 2, side: 'high' }, 20);
    expect(cut.high_index).toEqual([79.5, 99.5, 20]);
    expect(isWhole(cut, thick)).toBe(false);
    expect(withFace(cut, thick, { axis: 2, side: 'high' }, 999).high_index[2]).toBe(39.5);
    expect(withFace(cut, thick, { axis: 2, side: 'high' }, -999).high_index[2]).toBe(0.5);
    expect(withFace(cut, thick, { axis: 2, side: 'low' }, 999).low_index[2]).toBe(19);
    expect(withFace(cut, thick, { axis: 2, side: 'low' }, NaN)).toEqual(cut);
  });

  it.each([['axial', thick], ['sheared', sheared]])('of %s voxels has faces whose sides point out', (_, grid) => {
    const box = wholeBox(grid);
    for (const face of faces) {
      const normal = normalOf(box, grid, face);
      const at = handleOf(box, grid, face);
      // No corner lies beyond a face.
      for (const corner of cornersLps(grid)) expect(dot(subtract(corner, at), normal)).toBeLessThan(1e-9);
    }
  });

  it('follows the pointer along its axis', () => {
    for (const grid of [thick, sheared]) {
      for (const camera of [startCamera(grid), projected(startCamera(grid), 'perspective')]) {
        const turned = oriented(camera, frameFromAngles({ rotationDeg: 35, angulationDeg: 20, rollDeg: 10 }));
        const box = wholeBox(grid);
        for (const face of faces) {
          // Moved a little along the axis, and dragged as the pointer sees it.
          const to = withFace(box, grid, face, face.side === 'low' ? 0.5 : (box.high_index[face.axis] ?? 0) - 1);
          const [from, there] = [canvasAt(turned, canvas, handleOf(box, grid, face)), canvasAt(turned, canvas, handleOf(to, grid, face))];
          const found = draggedTo(box, grid, face, turned, canvas, (there?.x ?? 0) - (from?.x ?? 0), (there?.y ?? 0) - (from?.y ?? 0));
          expect(found).toBeCloseTo(face.side === 'low' ? 0.5 : (box.high_index[face.axis] ?? 0) - 1, 1);
        }
      }
    }
  });

  it('is pulled down towards the viewer where its axis points at him', () => {
    const camera = oriented(startCamera(thick), standardFrame('A'));
    // Rows go to the back: the low face of axis 1 looks at the viewer.
    const box = withFace(wholeBox(thick), thick, { axis: 1, side: 'low' }, 20);
    expect(draggedTo(box, thick, { axis: 1, side: 'low' }, camera, canvas, 0, 30)).toBeLessThan(20);
    expect(draggedTo(box, thick, { axis: 1, side: 'low' }, camera, canvas, 0, -30)).toBeGreaterThan(20);
  });

  it('draws the edges dashed that lie behind', () => {
    const box = wholeBox(thick);
    const camera = oriented(startCamera(thick), frameFromAngles({ rotationDeg: 30, angulationDeg: 20, rollDeg: 0 }));
    const edges = edgesOf(box, thick, camera);
    expect(edges).toHaveLength(12);
    // Seen at a corner, three edges meet at the one that is hidden.
    const far = edges.filter((edge) => edge.far);
    expect(far).toHaveLength(3);
    const depths = cornersLps(thick).map((corner) => canvasAt(camera, canvas, corner)?.depth ?? 0);
    const hidden = cornersLps(thick)[depths.indexOf(Math.max(...depths))] as Vector;
    const touches = (point: Vector): boolean => Math.hypot(...subtract(point, hidden)) < 1e-9;
    expect(far.every(({ from, to }) => touches(from) || touches(to))).toBe(true);
    // A face whose own middle the eye cannot see past: turned half round, what was near is far.
    const behind = orbited(camera, [0, 0, 1], 180);
    expect(facesViewer(box, thick, { axis: 1, side: 'low' }, camera)).toBe(true);
    expect(facesViewer(box, thick, { axis: 1, side: 'low' }, behind)).toBe(false);
  });
});

describe('a clipping box that is turned', () => {
  const axis: Vector = [0.48, -0.6, 0.64];
  const near = (one: Vector, other: Vector): number => length(subtract(one, other));

  it('has its corners where SciPy has them, as the server draws it', () => {
    for (const { grid: raw, box: kept, corners } of cases) {
      const grid = gridOf({ shape: raw.shape as [number, number, number], lps_from_index: raw.lps_from_index });
      const box = kept as { low_index: [number, number, number]; high_index: [number, number, number]; turn_deg: [number, number, number] };
      const ends = [box.low_index, box.high_index] as const;
      corners.forEach((corner, number) => {
        const index: Vector = [ends[(number & 1) as 0 | 1][0], ends[((number >> 1) & 1) as 0 | 1][1], ends[(number >> 2) as 0 | 1][2]];
        expect(near(boxLps(box, grid, index), corner as unknown as Vector)).toBeLessThan(1e-6);
      });
    }
  });

  it('keeps its middle and its sizes, and can be turned on and on', () => {
    for (const grid of [thick, sheared]) {
      const cut = withFace(wholeBox(grid), grid, { axis: 0, side: 'high' }, 40);
      let box = cut;
      const middle = (one: typeof cut): Vector => scale(add(handleOf(one, grid, { axis: 1, side: 'low' }), handleOf(one, grid, { axis: 1, side: 'high' })), 0.5);
      for (let step = 0; step < 50; step += 1) box = turnedBox(box, grid, step % 2 === 0 ? axis : [0, 0, 1], 17);
      expect(near(middle(box), middle(cut))).toBeLessThan(1e-6);
      for (const at of [0, 1, 2] as const) expect(box.high_index[at] - box.low_index[at]).toBeCloseTo(cut.high_index[at] - cut.low_index[at], 6);
      expect(isTurned(box)).toBe(true);
      expect(length(box.turn_deg as Vector)).toBeLessThanOrEqual(180);
      // Back by the same steps it is straight.
      for (let step = 49; step >= 0; step -= 1) box = turnedBox(box, grid, step % 2 === 0 ? axis : [0, 0, 1], -17);
      expect(length(box.turn_deg as Vector)).toBeLessThan(1e-6);
      expect(near(box.high_index, cut.high_index)).toBeLessThan(1e-6);
    }
  });

  it('moves one face alone when that is dragged, and follows the pointer', () => {
    for (const grid of [thick, sheared]) {
      const camera = oriented(startCamera(grid), frameFromAngles({ rotationDeg: 35, angulationDeg: 20, rollDeg: 10 }));
      const box = turnedBox(wholeBox(grid), grid, axis, 40);
      for (const face of faces) {
        const end = face.side === 'low' ? 10 : (box.high_index[face.axis] ?? 0) - 12;
        const to = withFace(box, grid, face, end);
        const opposite = { ...face, side: face.side === 'low' ? ('high' as const) : ('low' as const) };
        const normal = normalOf(box, grid, opposite);
        expect(dot(subtract(handleOf(to, grid, opposite), handleOf(box, grid, opposite)), normal)).toBeCloseTo(0, 8);
        const [from, there] = [canvasAt(camera, canvas, handleOf(box, grid, face)), canvasAt(camera, canvas, handleOf(to, grid, face))];
        expect(draggedTo(box, grid, face, camera, canvas, (there?.x ?? 0) - (from?.x ?? 0), (there?.y ?? 0) - (from?.y ?? 0))).toBeCloseTo(end, 6);
      }
    }
  });

  it('lets faces go as far as something can be cut, and knows when nothing is', () => {
    const box = turnedBox(wholeBox(thick), thick, [0, 0, 1], 45);
    expect(isWhole(box, thick)).toBe(false);
    let wide = box;
    for (const face of faces) wide = withFace(wide, thick, face, face.side === 'low' ? -1e6 : 1e6);
    expect(isWhole(wide, thick)).toBe(true);
    // Each face touches a corner of the volume.
    for (const face of faces) {
      const [at, normal] = [handleOf(wide, thick, face), normalOf(wide, thick, face)];
      expect(Math.max(...cornersLps(thick).map((corner) => dot(subtract(corner, at), normal)))).toBeCloseTo(0, 8);
    }
  });

  it.each(['parallel', 'perspective'] as const)('brings the handle under the pointer (%s)', (projection) => {
    for (const grid of [thick, sheared]) {
      for (const rotationDeg of [25, 160]) {
        const camera = projected(oriented(startCamera(grid), frameFromAngles({ rotationDeg, angulationDeg: 20, rollDeg: 10 })), projection);
        const box = turnedBox(wholeBox(grid), grid, axis, 20);
        const grabbed = turnHandleOf(box, grid);
        const seen = canvasAt(camera, canvas, grabbed);
        const middle = canvasAt(camera, canvas, scale(add(handleOf(box, grid, { axis: 1, side: 'low' }), handleOf(box, grid, { axis: 1, side: 'high' })), 0.5));
        // A little inwards: a place that the sphere reaches.
        const to = { x: (seen?.x ?? 0) * 0.8 + (middle?.x ?? 0) * 0.2 + 8, y: (seen?.y ?? 0) * 0.8 + (middle?.y ?? 0) * 0.2 - 5 };
        const found = canvasAt(camera, canvas, turnHandleOf(turnedTo(box, grid, camera, canvas, grabbed, to.x, to.y), grid));
        expect(found?.x).toBeCloseTo(to.x, 6);
        expect(found?.y).toBeCloseTo(to.y, 6);
        expect(Math.sign((found?.depth ?? 0) - (middle?.depth ?? 0))).toBe(Math.sign((seen?.depth ?? 0) - (middle?.depth ?? 0)));
        // Beyond the sphere it goes to its rim, towards the pointer.
        const rim = canvasAt(camera, canvas, turnHandleOf(turnedTo(box, grid, camera, canvas, grabbed, (middle?.x ?? 0) + 5000, middle?.y ?? 0), grid));
        expect((rim?.x ?? 0) - (middle?.x ?? 0)).toBeGreaterThan(20);
        expect(turnedTo(box, grid, camera, canvas, grabbed, seen?.x ?? 0, seen?.y ?? 0).low_index[0]).toBeCloseTo(box.low_index[0], 6);
      }
    }
  });

  it('composes turns as one after the other', () => {
    const points: readonly Vector[] = [[1, 0, 0], [0, 1, 0], [0.3, -0.4, 2]];
    const turns: readonly Vector[] = [[0, 0, 0], [0, 0, 180], [30, -60, 100], [179, 3, -8], [0, -90, 0]];
    for (const turn of turns) {
      for (const degrees of [0, 5, 90, 180, -170]) {
        const both = thenTurned(turn, axis, degrees);
        expect(length(both)).toBeLessThanOrEqual(180 + 1e-9);
        for (const point of points) {
          expect(near(turnedBy(both, point), turnedBy(scale(axis, degrees), turnedBy(turn, point)))).toBeLessThan(1e-9);
          expect(near(turnedBack(both, turnedBy(both, point)), point)).toBeLessThan(1e-9);
        }
      }
    }
    // By the right hand's rule.
    expect(near(turnedBy([0, 0, 90], [1, 0, 0]), cross([0, 0, 1], [1, 0, 0]))).toBeLessThan(1e-12);
  });
});

describe('the box of a minimum projection', () => {
  it('is a slab about the middle, across the direction of view, as thick as the modality needs', () => {
    for (const grid of [thick, sheared]) {
      for (const letter of ['A', 'R', 'H'] as const) {
        const { away } = standardFrame(letter);
        const box = minimumBox(grid, away, 'MR');
        const cut = faces.filter((face) => handleOf(box, grid, face).some((value, at) => value !== handleOf(wholeBox(grid), grid, face)[at]) && Math.abs(dot(normalOf(box, grid, face), away)) > 0.7);
        expect(cut).toHaveLength(2);
        const [low, high] = cut.map((face) => handleOf(box, grid, face)) as [Vector, Vector];
        expect(Math.abs(dot(subtract(high, low), normalOf(box, grid, cut[0] ?? { axis: 0, side: 'low' })))).toBeCloseTo(20, 6);
      }
    }
    // Of 50 mm from front to back there is less than the airways of a chest need.
    expect(isWhole(minimumBox(thick, [0, 1, 0], 'CT'), thick)).toBe(true);
    expect(minimumBox(thick, [0, 0, 1], 'CT').high_index[2]).toBeCloseTo(19.5 + 10, 9);
  });
});

describe('the clipping plane', () => {
  const normal: Vector = [0.6, -0.8, 0];

  it('hides nothing at depth 0 and all at depth 1', () => {
    const hides = (depth: number): number => {
      const plane = clipPlaneOf(sheared, { normal, depth });
      return cornersLps(sheared).filter((corner) => dot(subtract(corner, plane.point_lps_mm), plane.normal_lps) > 1e-9).length;
    };
    expect([hides(0), hides(1)]).toEqual([0, 7]);
    const [start, end] = [clipPlaneOf(sheared, { normal, depth: 0 }), clipPlaneOf(sheared, { normal, depth: 1 })];
    expect(depthMm(sheared, { normal, depth: 1 })).toBeCloseTo(dot(subtract(start.point_lps_mm, end.point_lps_mm), normal), 9);
  });

  it('cuts the volume in a polygon that lies in it', () => {
    const plane = clipPlaneOf(thick, { normal, depth: 0.4 });
    const outline = outlineOf(thick, plane);
    expect(outline).toHaveLength(4);
    for (const point of outline) expect(dot(subtract(point, plane.point_lps_mm), normal)).toBeCloseTo(0, 9);
    expect(outlineOf(thick, { point_lps_mm: [...add(plane.point_lps_mm, scale(normal, 1e4))], normal_lps: [...normal] })).toEqual([]);
  });
});

describe('measurements on the model', () => {
  it('are true in the patient', () => {
    expect(lengthMm([[0, 0, 0], [3, 4, 0], [3, 4, 12]])).toBe(17);
    expect(lengthMm([[1, 1, 1]])).toBe(0);
    expect(angleDeg([[1, 0, 0], [0, 0, 0], [0, 0, 5]])).toBeCloseTo(90, 12);
    expect(angleDeg([[1, 0, 0], [0, 0, 0], [-2, 0, 0]])).toBe(180);
    expect(angleDeg([[1, 1e-9, 0], [0, 0, 0], [2, 0, 0]])).toBeCloseTo(5.73e-8, 9);
    expect(angleDeg([[1, 0, 0], [1, 0, 0], [2, 0, 0]])).toBeNull();
  });
});
