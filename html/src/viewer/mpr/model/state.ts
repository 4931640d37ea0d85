/** What the doctor has made of a volume in planes, kept whole in the browser, and the pictures that it asks for. */

import type { VolumeWish } from '../../control/volumeCell';
import { type ColourTable, GREY } from '../../model/colours';
import type { CrossingPlanes } from '../../model/crossing';
import { planeOf } from '../../model/crossing';
import type { CanvasSize } from '../../model/geometry';
import { type PlaneKind, planeKinds, type PlaneLook, type PlaneView, resolvePlane, startLook } from '../../model/plane';
import type { Tool } from '../../model/tools';
import { dot, subtract, type Vector } from '../../model/vector';
import { centerLps, type VolumeGrid } from '../../model/volumeGrid';
import type { Window } from '../../model/windowing';
import type { PlayMode } from '../../control/cine';
import type { OverlayLevel } from '../../control/viewer';

export type WindowKind = PlaneKind | 'volume';
export const windowKinds: readonly WindowKind[] = [...planeKinds, 'volume'];
/** The number of a window's cell at the server: it goes with what it shows, wherever that is on the page. */
export const cellNumbers: Readonly<Record<WindowKind, number>> = { axial: 0, coronal: 1, sagittal: 2, volume: 3 };

export type SlabMode = 'plane' | 'mip' | 'minip' | 'aip';
export const slabModes: readonly SlabMode[] = ['plane', 'mip', 'minip', 'aip'];
/** A slab may be so thick; the server takes no more than a metre. */
export const MAX_THICKNESS_MM = 200;
export const START_THICKNESS_MM = 10;

/** Two by two; one large and three beside it; the three planes in a row; one alone. */
export type MprLayout = 'grid' | 'large' | 'row' | 'single';
export const mprLayouts: readonly MprLayout[] = ['grid', 'large', 'row', 'single'];

/** Tools of the planes besides those that images have: to move the crossing, and to show a point everywhere. */
export type MprTool = Tool | 'crossing' | 'cursor';

export interface MprState {
  /** Null until it is known where the volume lies. */
  planes: CrossingPlanes | null;
  keepSquare: boolean;
  slab: SlabMode;
  thicknessMm: number;
  interpolation: 'trilinear' | 'nearest';
  /** The step of scrolling, null = one voxel. */
  stepMm: number | null;
  looks: Readonly<Record<PlaneKind, PlaneLook>>;
  window: Window;
  presetId: string | null;
  invert: boolean;
  colours: ColourTable;
  /** What stands in the places of the layout, first to last; all four, also those that have no place. */
  order: readonly WindowKind[];
  layout: MprLayout;
  active: WindowKind;
  enlarged: boolean;
  lines: boolean;
  overlay: OverlayLevel;
  /** A point that is shown in every window. */
  cursor: Vector | null;
  bindings: Readonly<Record<'left' | 'middle' | 'right', MprTool>>;
  playing: PlaneKind | null;
  fps: number;
  playMode: PlayMode;
  stripOpen: boolean;
}

export const startLooks: Readonly<Record<PlaneKind, PlaneLook>> = { axial: startLook, coronal: startLook, sagittal: startLook };

export function startState(): MprState {
  return {
    planes: null,
    keepSquare: true,
    slab: 'plane',
    thicknessMm: START_THICKNESS_MM,
    interpolation: 'trilinear',
    stepMm: null,
    looks: startLooks,
    window: { kind: 'recommended', index: 0 },
    presetId: null,
    invert: false,
    colours: GREY,
    order: ['axial', 'sagittal', 'coronal', 'volume'],
    layout: 'grid',
    active: 'axial',
    enlarged: false,
    lines: true,
    overlay: 'full',
    cursor: null,
    bindings: { left: 'crossing', middle: 'pan', right: 'window' },
    playing: null,
    fps: 15,
    playMode: 'swing',
    stripOpen: false,
  };
}

/** The windows that are on the page, in their places. */
export function visibleKinds({ order, layout, enlarged, active }: Pick<MprState, 'order' | 'layout' | 'enlarged' | 'active'>): readonly WindowKind[] {
  if (enlarged || layout === 'single') return [active];
  return layout === 'row' ? order.filter((kind) => kind !== 'volume') : order;
}

/** Another plane for a window: the two windows swap what they show. */
export function swapped(order: readonly WindowKind[], one: WindowKind, other: WindowKind): readonly WindowKind[] {
  return order.map((kind) => (kind === one ? other : kind === other ? one : kind));
}

/** The plane of a window on its canvas; null until the volume is known and the window is on the page. */
export function viewOf(state: Pick<MprState, 'planes' | 'looks'>, grid: VolumeGrid | null, kind: PlaneKind, canvas: CanvasSize): PlaneView | null {
  if (grid === null || state.planes === null || canvas.widthPx < 1) return null;
  return resolvePlane(grid, planeOf(state.planes, kind), state.looks[kind], canvas);
}

/** What the words around a picture of a plane are made from. */
export interface PlaneSeen {
  view: PlaneView;
  slab: SlabMode;
  thicknessMm: number;
  interpolation: MprState['interpolation'];
  window: Window;
  presetId: string | null;
  invert: boolean;
  colours: ColourTable;
}

export function planeWish(state: MprState, grid: VolumeGrid, view: PlaneView): VolumeWish<PlaneSeen> {
  const { slab, thicknessMm, interpolation, window, presetId, invert, colours } = state;
  return {
    view: {
      type: 'plane',
      center_lps_mm: [...view.center],
      right_lps: [...view.right],
      down_lps: [...view.down],
      mm_per_px: 1 / view.zoom,
      slab,
      thickness_mm: slab === 'plane' ? 0 : thicknessMm,
      interpolation,
      window,
      invert,
      colours,
    },
    onto: placeOf(view, grid),
    look: { view, slab, thicknessMm, interpolation, window, presetId, invert, colours },
    smooth: interpolation === 'trilinear',
  };
}

/**
 * The plane's own millimetres, from the middle of the volume along its unturned frame, onto the canvas: what a pan, a zoom,
 * a turn of the picture or a flip changes. A plane that is shifted or tilted stays where it is until its picture comes.
 */
function placeOf(view: PlaneView, grid: VolumeGrid): { a: number; b: number; c: number; d: number; e: number; f: number } {
  const { frame } = view.plane;
  const middle = subtract(view.center, centerLps(grid));
  const across = { x: dot(frame.right, view.right) * view.zoom, y: dot(frame.right, view.down) * view.zoom };
  const along = { x: dot(frame.down, view.right) * view.zoom, y: dot(frame.down, view.down) * view.zoom };
  const u = dot(frame.right, middle);
  const v = dot(frame.down, middle);
  return {
    a: across.x,
    b: across.y,
    c: along.x,
    d: along.y,
    e: view.widthPx / 2 - across.x * u - along.x * v,
    f: view.heightPx / 2 - across.y * u - along.y * v,
  };
}

/** Whether two wishes ask for the same picture: what only rounding changed needs no new one. */
export function sameWish(one: VolumeWish<PlaneSeen>, other: VolumeWish<PlaneSeen>): boolean {
  const { view, ...rest } = one.look;
  const { view: otherView, ...otherRest } = other.look;
  return (
    sameView(view, otherView) &&
    rest.slab === otherRest.slab &&
    (rest.slab === 'plane' || rest.thicknessMm === otherRest.thicknessMm) &&
    rest.interpolation === otherRest.interpolation &&
    rest.window === otherRest.window &&
    rest.presetId === otherRest.presetId &&
    rest.invert === otherRest.invert &&
    rest.colours === otherRest.colours
  );
}

const SAME_MM = 1e-7;

export function sameView(one: PlaneView, other: PlaneView): boolean {
  const near = (a: Vector, b: Vector): boolean => Math.abs(a[0] - b[0]) < SAME_MM && Math.abs(a[1] - b[1]) < SAME_MM && Math.abs(a[2] - b[2]) < SAME_MM;
  return (
    one.widthPx === other.widthPx &&
    one.heightPx === other.heightPx &&
    Math.abs(one.zoom / other.zoom - 1) < SAME_MM &&
    near(one.center, other.center) &&
    near(one.right, other.right) &&
    near(one.down, other.down)
  );
}
