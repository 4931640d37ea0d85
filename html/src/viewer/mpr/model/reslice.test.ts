import { describe, expect, it } from 'vitest';
import { movedTo, startPlanes } from '../../model/crossing';
import { gridOf } from '../../model/volumeGrid';
import { faultsOf, lengthMm, planesOf, questionOf, startReslice, wayOf, withWay } from './reslice';

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

  it('puts slabs next to each other', () => {
    const wish = startReslice(grid, planes, 'axial', { slab: 'mip', thicknessMm: 12 }, 'MIP');
    expect(wish).toMatchObject({ stepMm: 12, count: 10 });
    expect(planesOf(grid, planes, wish, 'trilinear')).toMatchObject({ slab: 'mip', thickness_mm: 12 });
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
    expect(wayOf(grid, planes, 'axial', 0.01).count).toBe(2000);
  });

  it('says what cannot be made', () => {
    const wish = startReslice(grid, planes, 'axial', plane, 'Axial');
    expect([...faultsOf(wish)]).toEqual([]);
    expect([...faultsOf({ ...wish, stepMm: 0, count: 2001, description: ' ', slab: 'aip', thicknessMm: 0 })].sort()).toEqual(['count', 'description', 'step', 'thickness']);
    expect([...faultsOf({ ...wish, count: 1.5 })]).toEqual(['count']);
    expect(lengthMm({ count: 40, stepMm: 3 })).toBe(117);
  });

  it('goes to the server with its name', () => {
    const wish = { ...startReslice(grid, planes, 'axial', plane, '  Axial of the chest '), count: 3 };
    expect(questionOf(planesOf(grid, planes, wish, 'trilinear'), wish)).toMatchObject({ kind: 'make_series', count: 3, series_description: 'Axial of the chest' });
  });
});
