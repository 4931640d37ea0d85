/** A new series of parallel planes: what the doctor asks for in a few numbers, and what of it goes to the server. */

import type { MakeSeries, ParallelPlanes } from '../../../shared/protocol/messages';
import { type CrossingPlanes, planeOf } from '../../model/crossing';
import { type PlaneKind, planeRange, positionMm, stepCount } from '../../model/plane';
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
  stepMm: number;
  count: number;
  description: string;
}

/** The way of a plane through the volume, and how many steps it has. */
export function wayOf(grid: VolumeGrid, planes: CrossingPlanes, kind: PlaneKind, stepMm: number | null): { firstMm: number; lastMm: number; stepMm: number; count: number } {
  const range = planeRange(grid, planeOf(planes, kind).frame.normal, stepMm);
  return { ...range, count: Math.min(MAX_COUNT, stepCount(range)) };
}

/** The whole volume in steps of a voxel, or in as thick slabs as are shown, each beginning where the one before ends. */
export function startReslice(grid: VolumeGrid, planes: CrossingPlanes, kind: PlaneKind, shown: { slab: SlabMode; thicknessMm: number }, description: string): Reslice {
  const isSlab = shown.slab !== 'plane' && shown.thicknessMm > 0;
  const { stepMm, count } = wayOf(grid, planes, kind, isSlab ? shown.thicknessMm : null);
  return { kind, slab: shown.slab, thicknessMm: shown.thicknessMm, stepMm: Math.round(stepMm * 100) / 100, count, description };
}

/** Another plane, or another step: the whole volume again. */
export function withWay(grid: VolumeGrid, planes: CrossingPlanes, wish: Reslice, change: { kind?: PlaneKind; stepMm?: number }): Reslice {
  const kind = change.kind ?? wish.kind;
  const stepMm = change.stepMm ?? (change.kind === undefined || wish.slab !== 'plane' ? wish.stepMm : null);
  const way = wayOf(grid, planes, kind, stepMm);
  return { ...wish, kind, stepMm: Math.round(way.stepMm * 100) / 100, count: way.count };
}

/** The planes themselves: all of the volume within each, at its finest voxel, around the plane that is shown if not all are asked for. */
export function planesOf(grid: VolumeGrid, planes: CrossingPlanes, wish: Reslice, interpolation: 'trilinear' | 'nearest'): ParallelPlanes {
  const plane = planeOf(planes, wish.kind);
  const { right, down, normal } = plane.frame;
  const extent = (direction: Vector): { middle: number; size: number } => {
    const places = cornersLps(grid).map((corner) => dot(corner, direction));
    const [low, high] = [Math.min(...places), Math.max(...places)];
    return { middle: (low + high) / 2, size: high - low };
  };
  const [across, deep] = [extent(right), extent(down)];
  const finest = Math.min(...spacingMm(grid));
  const mmPerPx = Math.max(finest, across.size / MAX_SIDE_PX, deep.size / MAX_SIDE_PX);
  const { firstMm, lastMm } = wayOf(grid, planes, wish.kind, wish.stepMm);
  const way = (wish.count - 1) * wish.stepMm;
  // Half of them on each side of what is shown, but none outside of the volume while there is room within.
  const begin = Math.max(firstMm, Math.min(positionMm(plane) - way / 2, lastMm - way));
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
  return { kind: 'make_series', images: planes, count: wish.count, series_description: wish.description.trim().slice(0, 64) };
}

/** How far apart the outer planes are. */
export function lengthMm(wish: Pick<Reslice, 'count' | 'stepMm'>): number {
  return (wish.count - 1) * wish.stepMm;
}

export type ResliceFault = 'step' | 'count' | 'thickness' | 'description';

/** What of it cannot be made. */
export function faultsOf(wish: Reslice): ReadonlySet<ResliceFault> {
  const faults = new Set<ResliceFault>();
  if (!(wish.stepMm > 0 && wish.stepMm <= 1000)) faults.add('step');
  if (!(Number.isInteger(wish.count) && wish.count >= 1 && wish.count <= MAX_COUNT)) faults.add('count');
  if (wish.slab !== 'plane' && !(wish.thicknessMm > 0 && wish.thicknessMm <= 1000)) faults.add('thickness');
  if (wish.description.trim() === '') faults.add('description');
  return faults;
}
