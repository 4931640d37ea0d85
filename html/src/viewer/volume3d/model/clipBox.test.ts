import { describe, expect, it } from 'vitest';
import { add, dot, scale, subtract, type Vector } from '../../model/vector';
import { cornersLps, gridOf } from '../../model/volumeGrid';
import { canvasAt, orbited, oriented, projected, startCamera } from './camera';
import { clipPlaneOf, depthMm, draggedTo, edgesOf, faces, facesViewer, handleOf, isWhole, normalOf, outlineOf, wholeBox, withFace } from './clipBox';
import { angleDeg, lengthMm } from './measure';
import { frameFromAngles, standardFrame } from './orientations';

const thick = gridOf({ shape: [40, 100, 80], lps_from_index: [0.5, 0, 0, -20, 0, 0.5, 0, -25, 0, 0, 3, 7] });
/** Slices go to the left and are sheared. */
const sheared = gridOf({ shape: [60, 128, 96], lps_from_index: [0, 0.1, 1.5, -40, 0.9, 0.05, 0.2, 10, 0, -0.9, 0.3, 55] });
const canvas = { widthPx: 800, heightPx: 600 };

describe('the clipping box', () => {
  it('begins with the whole volume and keeps to it', () => {
    const box = wholeBox(thick);
    expect(box).toEqual({ low_index: [-0.5, -0.5, -0.5], high_index: [79.5, 99.5, 39.5] });
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
      const normal = normalOf(grid, face);
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
