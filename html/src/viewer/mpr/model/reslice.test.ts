import { describe, expect, it } from 'vitest';
import { movedTo, startPlanes } from '../../model/crossing';
import { cross, dot } from '../../model/vector';
import { cornersLps, gridOf } from '../../model/volumeGrid';
import { coverageOf, faultsOf, lengthMm, planesOf, questionOf, startReslice, wayOf, withWay } from './reslice';

// 40 slices of 100 rows and 80 columns, 0.5 × 0.5 × 3 mm; the first voxel lies at (-20, -25, 10).
const grid = gridOf({ shape: [40, 100, 80], lps_from_index: [0.5, 0, 0, -20, 0, 0.5, 0, -25, 0, 0, 3, 10] });
const planes = startPlanes(grid);
const plane = { slab: 'plane', thicknessMm: 10 } as const;

describe('a new series of planes', () => {
  it('has all slices of the acquisition when it runs along them', () => {
    const wish = startReslice(grid, planes, 'axial', plane, 'Axial');
    expect(wish).toMatchObject({ stepMm: 3, count: 40 });
    const made = planesOf(grid, planes, wish, 'trilinear');
    expect(made).toMatchObject({ width_px: 80, height_px: 50 * 2, mm_per_px: 0.5, step_mm: 3, slab: 'plane', thickness_mm: 0 });
    // right × down runs to the head: the first plane is the lowest one, its middle that of the rows and columns
    expect(made.center_lps_mm.map((mm) => Number(mm.toFixed(6)))).toEqual([-0.25, -0.25, 10]);
  });

  it('spans the volume at its finest voxel when it runs across the slices', () => {
    const wish = startReslice(grid, planes, 'coronal', plane, 'Coronal');
    expect(wish).toMatchObject({ stepMm: 0.5, count: 100 });
    const made = planesOf(grid, planes, wish, 'nearest');
    expect(made).toMatchObject({ width_px: 80, height_px: 240, interpolation: 'nearest' });
    const [, y] = made.center_lps_mm;
    const normal = made.right_lps[2] * made.down_lps[0] - made.right_lps[0] * made.down_lps[2];
    // the way leads from one outer row of voxels to the other
    expect([y, y + 99 * 0.5 * normal].sort((a, b) => a - b).map((mm) => Number(mm.toFixed(6)))).toEqual([-25, 24.5]);
  });

  it.each([0.625, 0.3125, 0.683, 1 / 3])('keeps a step of %d mm as it is: every plane is a slice of the acquisition', (stepMm) => {
    const fine = gridOf({ shape: [300, 64, 64], lps_from_index: [0.7, 0, 0, -20, 0, 0.7, 0, -25, 0, 0, stepMm, -140.5] });
    const shown = movedTo(startPlanes(fine), fine, [0, 0, -101.7]); // on no slice
    const wish = startReslice(fine, shown, 'axial', plane, 'Axial');
    const made = planesOf(fine, shown, wish, 'trilinear');
    expect([wish.count, coverageOf(fine, shown, wish)]).toEqual([300, 'all']);
    for (let number = 0; number < wish.count; number++) {
      const slice = (made.center_lps_mm[2] + number * made.step_mm + 140.5) / stepMm;
      expect(Math.abs(slice - number)).toBeLessThan(1e-9);
    }
    expect(withWay(fine, shown, withWay(fine, shown, wish, { kind: 'coronal' }), { kind: 'axial' }).stepMm).toBeCloseTo(stepMm, 12);
  });

  it.each([
    ['axial', 12, 12],
    ['axial', 10, 10],
    ['axial', 7, 5],
    ['axial', 119, 30],
    ['axial', 120, 120],
    ['coronal', 3.3, 3.3],
    ['sagittal', 0.5, 0.25],
  ] as const)('has each voxel in one of its %s slabs of %d mm, %d mm apart', (kind, thicknessMm, stepMm) => {
    const wish = withWay(grid, planes, startReslice(grid, planes, kind, { slab: 'mip', thicknessMm }, 'MIP'), { stepMm });
    const made = planesOf(grid, planes, wish, 'trilinear');
    const normal = cross(made.right_lps, made.down_lps);
    const faces = Array.from({ length: wish.count }, (_, number) => dot(made.center_lps_mm, normal) + number * stepMm).map((mm) => [mm - thicknessMm / 2, mm + thicknessMm / 2]);
    const ends = cornersLps(grid).map((corner) => dot(corner, normal));
    expect(faces[0]?.[0]).toBeLessThan(Math.min(...ends) + 1e-6);
    expect(faces.at(-1)?.[1]).toBeGreaterThan(Math.max(...ends) - 1e-6);
    faces.slice(1).forEach(([low], number) => expect(low).toBeLessThan((faces[number]?.[1] ?? -Infinity) + 1e-6));
    expect(coverageOf(grid, planes, wish)).toBe('all');
    // and none of them is needless
    expect(coverageOf(grid, planes, { ...wish, count: wish.count - 1 })).toBe('part');
    expect((wish.count - 2) * stepMm + thicknessMm).toBeLessThan(Math.max(...ends) - Math.min(...ends));
  });

  it('says where slices lie between two of its images', () => {
    const wish = startReslice(grid, planes, 'axial', plane, 'Axial');
    expect(coverageOf(grid, planes, withWay(grid, planes, wish, { stepMm: 6 }))).toBe('apart');
    const slabs = startReslice(grid, planes, 'axial', { slab: 'aip', thicknessMm: 10 }, 'AIP');
    expect(coverageOf(grid, planes, slabs)).toBe('all');
    expect(coverageOf(grid, planes, withWay(grid, planes, slabs, { stepMm: 11 }))).toBe('apart');
    expect(coverageOf(grid, planes, { ...slabs, thicknessMm: 9 })).toBe('part');
    expect(coverageOf(grid, planes, { ...slabs, thicknessMm: 500, count: 1 })).toBe('all');
    expect(coverageOf(grid, planes, withWay(grid, planes, wish, { stepMm: 0.01 }))).toBe('part');
  });

  it('lies a slab that is thicker than the volume around its middle', () => {
    const wish = startReslice(grid, planes, 'axial', { slab: 'mip', thicknessMm: 500 }, 'MIP');
    expect(wish.count).toBe(1);
    expect(planesOf(grid, planes, wish, 'trilinear').center_lps_mm[2]).toBeCloseTo(10 + 58.5, 9);
  });

  it('puts slabs next to each other', () => {
    const wish = startReslice(grid, planes, 'axial', { slab: 'mip', thicknessMm: 12 }, 'MIP');
    expect(wish).toMatchObject({ stepMm: 12, count: 10 });
    const made = planesOf(grid, planes, wish, 'trilinear');
    expect(made).toMatchObject({ slab: 'mip', thickness_mm: 12 });
    // the first from the face of the lowest slice on
    expect(made.center_lps_mm[2]).toBeCloseTo(10 - 1.5 + 6, 9);
  });

  it('lies around the plane that is shown when it is not the whole volume, and never beyond it', () => {
    const moved = movedTo(planes, grid, [0, 0, 100]);
    const some = { ...startReslice(grid, moved, 'axial', plane, 'Axial'), count: 5 };
    expect(planesOf(grid, moved, some, 'trilinear').center_lps_mm[2]).toBeCloseTo(100 - 6, 6);
    const atTheEnd = movedTo(planes, grid, [0, 0, 127]);
    expect(planesOf(grid, atTheEnd, some, 'trilinear').center_lps_mm[2]).toBeCloseTo(127 - 12, 6);
  });

  it('is the whole volume again in another direction or at another step', () => {
    const wish = startReslice(grid, planes, 'axial', plane, 'Axial');
    expect(withWay(grid, planes, wish, { stepMm: 6 })).toMatchObject({ stepMm: 6, count: 20 });
    expect(withWay(grid, planes, wish, { kind: 'sagittal' })).toMatchObject({ kind: 'sagittal', stepMm: 0.5, count: 80 });
    expect(withWay(grid, planes, wish, { stepMm: 0.01 }).count).toBe(2000);
    expect(wayOf(grid, planes, wish, 0.01).count).toBe(11701);
  });

  it('says what cannot be made', () => {
    const wish = startReslice(grid, planes, 'axial', plane, 'Axial');
    expect([...faultsOf(wish)]).toEqual([]);
    expect([...faultsOf({ ...wish, stepMm: 0, count: 2001, description: ' ', slab: 'aip', thicknessMm: 0 })].sort()).toEqual(['count', 'description', 'step', 'thickness']);
    expect([...faultsOf({ ...wish, count: 1.5 })]).toEqual(['count']);
    expect(lengthMm({ ...plane, count: 40, stepMm: 3 })).toBe(117);
    expect(lengthMm({ slab: 'mip', thicknessMm: 10, count: 12, stepMm: 9 })).toBe(109);
  });

  it('goes to the server with its name', () => {
    const wish = { ...startReslice(grid, planes, 'axial', plane, '  Axial of the chest '), count: 3 };
    expect(questionOf(planesOf(grid, planes, wish, 'trilinear'), wish)).toMatchObject({ kind: 'make_series', count: 3, series_description: 'Axial of the chest' });
  });
});
