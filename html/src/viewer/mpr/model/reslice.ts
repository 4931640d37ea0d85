/** A new series of parallel planes: what the doctor asks for in a few numbers, and what of it goes to the server. */

import type { MakeSeries, ParallelPlanes } from '../../../shared/protocol/messages';
import { type CrossingPlanes, planeOf } from '../../model/crossing';
import { type PlaneKind, planeRange, positionMm, stepCount, voxelStepMm } from '../../model/plane';
import { seriesName } from '../../model/seriesName';
import { along, dot, type Vector } from '../../model/vector';
import { centerLps, cornersLps, spacingMm, type VolumeGrid } from '../../model/volumeGrid';
import type { SlabMode } from './state';

/** The server stores no larger pictures and no longer series. */
export const MAX_SIDE_PX = 2048;
export const MAX_COUNT = 2000;

export interface Reslice {
  kind: PlaneKind;
  slab: SlabMode;
  /** Of a slab. */
  thicknessMm: number;
  /** Exact, however it is shown: rounded, planes would drift away from the slices. */
  stepMm: number;
  count: number;
  description: string;
}

interface Way {
  firstMm: number;
  lastMm: number;
  stepMm: number;
  /** How many lead through the whole volume; more may be than a series can have. */
  count: number;
}

/** Part of a step that rounding may cost the last one, or lay between two slabs. */
const AT_AN_END = 1e-6;

/**
 * The way of planes through the volume: of planes alone from the centres of the outer voxels on, of slabs from face to face.
 *
 * @param stepMm null = a voxel, or a slab next to the other
 */
export function wayOf(grid: VolumeGrid, planes: CrossingPlanes, { kind, slab, thicknessMm }: Pick<Reslice, 'kind' | 'slab' | 'thicknessMm'>, stepMm: number | null): Way {
  const { normal } = planeOf(planes, kind).frame;
  if (!isThick({ slab, thicknessMm })) {
    const range = planeRange(grid, normal, stepMm);
    return { ...range, count: stepCount(range) };
  }
  const { low, high } = extentOf(grid, normal);
  const step = stepMm ?? thicknessMm;
  const count = Math.max(0, Math.ceil((high - low - thicknessMm) / step - AT_AN_END)) + 1;
  // The last may reach beyond the volume; one that is thicker than the volume lies around its middle.
  const firstMm = count === 1 ? (low + high) / 2 : low + thicknessMm / 2;
  return { firstMm, lastMm: firstMm + (count - 1) * step, stepMm: step, count };
}

function isThick({ slab, thicknessMm }: Pick<Reslice, 'slab' | 'thicknessMm'>): boolean {
  return slab !== 'plane' && thicknessMm > 0;
}

/** From face to face. */
function extentOf(grid: VolumeGrid, direction: Vector): { low: number; high: number } {
  const places = cornersLps(grid).map((corner) => dot(corner, direction));
  return { low: Math.min(...places), high: Math.max(...places) };
}

/** The whole volume in steps of a voxel, or in as thick slabs as are shown, each beginning where the one before ends. */
export function startReslice(grid: VolumeGrid, planes: CrossingPlanes, kind: PlaneKind, shown: { slab: SlabMode; thicknessMm: number }, description: string): Reslice {
  return throughAll(grid, planes, { kind, ...shown, stepMm: 0, count: 1, description }, null);
}

/** Another plane, or another step: the whole volume again. */
export function withWay(grid: VolumeGrid, planes: CrossingPlanes, wish: Reslice, change: { kind?: PlaneKind; stepMm?: number }): Reslice {
  const stepMm = change.stepMm ?? (change.kind === undefined || wish.slab !== 'plane' ? wish.stepMm : null);
  return throughAll(grid, planes, { ...wish, kind: change.kind ?? wish.kind }, stepMm);
}

function throughAll(grid: VolumeGrid, planes: CrossingPlanes, wish: Reslice, stepMm: number | null): Reslice {
  const way = wayOf(grid, planes, wish, stepMm);
  return { ...wish, stepMm: way.stepMm, count: Math.min(MAX_COUNT, way.count) };
}

/** What of the volume is in it: all, all but what lies between two neighbours, or a part around the plane that is shown. */
export type Coverage = 'all' | 'apart' | 'part';

export function coverageOf(grid: VolumeGrid, planes: CrossingPlanes, wish: Reslice): Coverage {
  const { count } = wayOf(grid, planes, wish, wish.stepMm);
  if (wish.count < count) return 'part';
  if (isThick(wish) && count === 1) return 'all';
  const most = isThick(wish) ? wish.thicknessMm : voxelStepMm(grid, planeOf(planes, wish.kind).frame.normal);
  return wish.stepMm <= most * (1 + AT_AN_END) ? 'all' : 'apart';
}

/** The planes themselves: all of the volume within each, at its finest voxel, around the plane that is shown if not all are asked for. */
export function planesOf(grid: VolumeGrid, planes: CrossingPlanes, wish: Reslice, interpolation: 'trilinear' | 'nearest'): ParallelPlanes {
  const plane = planeOf(planes, wish.kind);
  const { right, down, normal } = plane.frame;
  const extent = (direction: Vector): { middle: number; size: number } => {
    const { low, high } = extentOf(grid, direction);
    return { middle: (low + high) / 2, size: high - low };
  };
  const [across, deep] = [extent(right), extent(down)];
  const finest = Math.min(...spacingMm(grid));
  const mmPerPx = Math.max(finest, across.size / MAX_SIDE_PX, deep.size / MAX_SIDE_PX);
  const all = wayOf(grid, planes, wish, wish.stepMm);
  const way = (wish.count - 1) * wish.stepMm;
  // Half of a part on each side of what is shown, but none outside of the volume while there is room within.
  const begin = wish.count >= all.count ? all.firstMm : Math.max(all.firstMm, Math.min(positionMm(plane) - way / 2, all.lastMm - way));
  const middle = centerLps(grid);
  let center = along(middle, right, across.middle - dot(middle, right));
  center = along(center, down, deep.middle - dot(middle, down));
  center = along(center, normal, begin - dot(center, normal));
  const px = (size: number): number => Math.max(1, Math.min(MAX_SIDE_PX, Math.ceil(size / mmPerPx - 1e-6)));
  return {
    kind: 'planes',
    center_lps_mm: [...center] as [number, number, number],
    right_lps: [...right] as [number, number, number],
    down_lps: [...down] as [number, number, number],
    mm_per_px: mmPerPx,
    width_px: px(across.size),
    height_px: px(deep.size),
    step_mm: wish.stepMm,
    slab: wish.slab,
    thickness_mm: wish.slab === 'plane' ? 0 : wish.thicknessMm,
    interpolation,
  };
}

export function questionOf(planes: ParallelPlanes, wish: Reslice): MakeSeries {
  return { kind: 'make_series', images: planes, count: wish.count, series_description: seriesName(wish.description) };
}

/** How far apart the outer planes are, of slabs the outer faces. */
export function lengthMm(wish: Pick<Reslice, 'count' | 'stepMm' | 'slab' | 'thicknessMm'>): number {
  return (wish.count - 1) * wish.stepMm + (isThick(wish) ? wish.thicknessMm : 0);
}

export type ResliceFault = 'step' | 'count' | 'thickness' | 'description';

/** What of it cannot be made. */
export function faultsOf(wish: Reslice): ReadonlySet<ResliceFault> {
  const faults = new Set<ResliceFault>();
  if (!(wish.stepMm > 0 && wish.stepMm <= 1000)) faults.add('step');
  if (!(Number.isInteger(wish.count) && wish.count >= 1 && wish.count <= MAX_COUNT)) faults.add('count');
  if (wish.slab !== 'plane' && !(wish.thicknessMm > 0 && wish.thicknessMm <= 1000)) faults.add('thickness');
  if (seriesName(wish.description) === '') faults.add('description');
  return faults;
}
