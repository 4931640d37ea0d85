/**
 * Planes through a volume and how they are looked at: where they lie, their steps, what of them a canvas shows. Pure;
 * `tests/support/page_geometry` has the same in Python, and the fixture `planes.json` holds both to the same numbers.
 *
 * Canvas points are (x, y) device pixels from the upper left corner, the centre of the first pixel at (0.5, 0.5).
 */

import { type CanvasSize, clamp, type Point } from './geometry';
import { directionLetters, type EdgeLetters } from './orientation';
import { add, along, cosineDeg, cross, dot, length, scale, sineDeg, subtract, turnedAbout, unit, type Vector } from './vector';
import { centerLps, cornerCentersLps, cornersLps, type VolumeGrid } from './volumeGrid';

/** The plane that a window started from; it keeps the name however far it is turned. */
export type PlaneKind = 'axial' | 'coronal' | 'sagittal';

export const planeKinds: readonly PlaneKind[] = ['axial', 'coronal', 'sagittal'];

/** Unit directions on an unturned canvas: right, down, and away from who looks; right × down = normal. */
export interface PlaneFrame {
  readonly right: Vector;
  readonly down: Vector;
  readonly normal: Vector;
}

export interface Plane {
  readonly kind: PlaneKind;
  /** Any point of it. */
  readonly point: Vector;
  readonly frame: PlaneFrame;
}

/** Axial is seen from the feet, coronal from the front, sagittal from the patient's left. */
const STANDARD: Readonly<Record<PlaneKind, readonly [Vector, Vector]>> = {
  axial: [
    [1, 0, 0],
    [0, 1, 0],
  ],
  coronal: [
    [1, 0, 0],
    [0, 0, -1],
  ],
  sagittal: [
    [0, 1, 0],
    [0, 0, -1],
  ],
};

/** 1 - cosine under which a normal is that of the voxels' own layers. */
const LATTICE_NORMAL = 1e-6;
/** Part of a step that rounding may cost the last one. */
const AT_AN_END = 1e-6;
/** Sine of the angle under which two planes have no line in common. */
const PARALLEL = 1e-6;
export const MIN_PLANE_ZOOM = 0.02;
export const MAX_PLANE_ZOOM = 200;

/** The frame of two directions; `down` gives way where they are not square. */
export function frameOf(right: Vector, down: Vector): PlaneFrame {
  const across = unit(right);
  const normal = unit(cross(across, unit(down)));
  return { right: across, down: cross(normal, across), normal };
}

export function standardFrame(kind: PlaneKind): PlaneFrame {
  return frameOf(...STANDARD[kind]);
}

/** Turned about a unit axis by the right hand's rule, kept square though turned a million times. */
export function turnedFrame(frame: PlaneFrame, axis: Vector, degrees: number): PlaneFrame {
  return frameOf(turnedAbout(frame.right, axis, degrees), turnedAbout(frame.down, axis, degrees));
}

/** How far along its normal it lies from the origin of the patient's space. */
export function positionMm(plane: Plane): number {
  return dot(plane.frame.normal, plane.point);
}

/** How far behind the plane a point lies, negative before it: twice that is a dragged thickness. */
export function distanceMm(plane: Plane, point: Vector): number {
  return dot(plane.frame.normal, subtract(point, plane.point));
}

/**
 * The step of one voxel along a unit direction.
 *
 * Across layers of voxels it is the distance of two layers, else the way in which the index changes by 1 in all:
 * 0.5 × 0.5 × 3 mm gives 3 mm straight through the slices, 0.5 mm within them, and 0.7 mm at 45 degrees.
 */
export function voxelStepMm(grid: VolumeGrid, normal: Vector): number {
  for (const across of grid.inverse) {
    const size = length(across);
    if (Math.abs(dot(across, normal)) / size > 1 - LATTICE_NORMAL) return 1 / size;
  }
  return 1 / length([dot(grid.inverse[0], normal), dot(grid.inverse[1], normal), dot(grid.inverse[2], normal)]);
}

/** The positions of a plane along its normal, from one end of the volume to the other, through the outer voxels' centres. */
export interface PlaneRange {
  readonly firstMm: number;
  readonly lastMm: number;
  readonly stepMm: number;
}

/** @param stepMm null = one voxel */
export function planeRange(grid: VolumeGrid, normal: Vector, stepMm: number | null = null): PlaneRange {
  const positions = cornerCentersLps(grid).map((corner) => dot(corner, normal));
  return { firstMm: Math.min(...positions), lastMm: Math.max(...positions), stepMm: stepMm ?? voxelStepMm(grid, normal) };
}

/** How many steps there are, at least 1. */
export function stepCount({ firstMm, lastMm, stepMm }: PlaneRange): number {
  return Math.floor((lastMm - firstMm) / stepMm + AT_AN_END) + 1;
}

/** The number of the step nearest to a position, counted from 1 as a doctor counts slices. */
export function stepNumber(range: PlaneRange, position: number): number {
  return clamp(roundEven((position - range.firstMm) / range.stepMm) + 1, 1, stepCount(range));
}

/** The position of a step; numbers beyond the ends take the ends. */
export function stepPosition(range: PlaneRange, number: number): number {
  return range.firstMm + (clamp(number, 1, stepCount(range)) - 1) * range.stepMm;
}

export function heldInRange({ firstMm, lastMm }: PlaneRange, position: number): number {
  return clamp(position, firstMm, lastMm);
}

/** Halves go to the even neighbour, as on the server. */
function roundEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** What the doctor wishes of a plane's canvas: null for `zoom` = fit the volume, null for the centre = its middle. */
export interface PlaneLook {
  /** Canvas pixels per mm. */
  readonly zoom: number | null;
  /** What lies in the middle of the canvas, or the point of the plane that is nearest to it: so it outlives every turn. */
  readonly center: Vector | null;
  /** The picture is flipped about its vertical axis first, then turned clockwise. */
  readonly rotationDeg: number;
  readonly flipHorizontal: boolean;
}

export const startLook: PlaneLook = { zoom: null, center: null, rotationDeg: 0, flipHorizontal: false };

/** A plane and a look with every open point decided. */
export interface PlaneView {
  readonly plane: Plane;
  readonly widthPx: number;
  readonly heightPx: number;
  /** Canvas pixels per mm. */
  readonly zoom: number;
  readonly fitted: boolean;
  /** In the middle of the canvas. */
  readonly center: Vector;
  /** Unit directions of the canvas, turned and flipped as it is. */
  readonly right: Vector;
  readonly down: Vector;
}

export function resolvePlane(grid: VolumeGrid, plane: Plane, look: PlaneLook, canvas: CanvasSize): PlaneView {
  const { frame } = plane;
  const wished = look.center ?? centerLps(grid);
  const { right, down } = canvasDirections(frame, look);
  return {
    plane,
    widthPx: canvas.widthPx,
    heightPx: canvas.heightPx,
    zoom: look.zoom ?? fitPlaneZoom(grid, plane.kind, look, canvas),
    fitted: look.zoom === null,
    center: along(wished, frame.normal, -dot(frame.normal, subtract(wished, plane.point))),
    right,
    down,
  };
}

/** A step on the canvas, turned back and then flipped back, in the patient. */
function canvasDirections(frame: PlaneFrame, { rotationDeg, flipHorizontal }: PlaneLook): { right: Vector; down: Vector } {
  const cosine = cosineDeg(rotationDeg);
  const sine = sineDeg(rotationDeg);
  const mirror = flipHorizontal ? -1 : 1;
  return {
    right: add(scale(frame.right, mirror * cosine), scale(frame.down, -sine)),
    down: add(scale(frame.right, mirror * sine), scale(frame.down, cosine)),
  };
}

/**
 * The zoom (pixels per mm) at which the volume just fits the canvas. It is that of the straight plane, so that a plane does
 * not grow and shrink while it is turned.
 */
export function fitPlaneZoom(grid: VolumeGrid, kind: PlaneKind, look: PlaneLook, canvas: CanvasSize): number {
  const frame = standardFrame(kind);
  const corners = cornersLps(grid);
  const extent = (direction: Vector): number => {
    const places = corners.map((corner) => dot(corner, direction));
    return Math.max(...places) - Math.min(...places);
  };
  const width = extent(frame.right);
  const height = extent(frame.down);
  const cosine = Math.abs(cosineDeg(look.rotationDeg));
  const sine = Math.abs(sineDeg(look.rotationDeg));
  return Math.min(canvas.widthPx / (cosine * width + sine * height), canvas.heightPx / (sine * width + cosine * height));
}

/** The point of the plane under a point of the canvas. */
export function lpsOnPlane(view: PlaneView, { x, y }: Point): Vector {
  return along(along(view.center, view.right, (x - view.widthPx / 2) / view.zoom), view.down, (y - view.heightPx / 2) / view.zoom);
}

/** Where a point of the patient lies: x and y in pixels, and how many mm behind the plane. */
export function canvasOfPlane(view: PlaneView, point: Vector): Point & { depth: number } {
  const from = subtract(point, view.center);
  return {
    x: view.widthPx / 2 + dot(from, view.right) * view.zoom,
    y: view.heightPx / 2 + dot(from, view.down) * view.zoom,
    depth: dot(from, view.plane.frame.normal),
  };
}

/** The letters of the four edges as the canvas is turned and flipped now. */
export function planeLetters({ right, down }: PlaneView): EdgeLetters {
  return {
    top: directionLetters(scale(down, -1)),
    right: directionLetters(right),
    bottom: directionLetters(down),
    left: directionLetters(scale(right, -1)),
  };
}

/** What was under the pointer stays under it. */
export function pannedLook(look: PlaneLook, view: PlaneView, dx: number, dy: number): PlaneLook {
  return { ...look, center: lpsOnPlane(view, { x: view.widthPx / 2 - dx, y: view.heightPx / 2 - dy }) };
}

/** Enlarged by a factor about a point of the canvas, which stays where it is, within the limits of the zoom. */
export function zoomedLook(look: PlaneLook, view: PlaneView, wished: number, at: Point): PlaneLook {
  const zoom = clamp(view.zoom * wished, MIN_PLANE_ZOOM, MAX_PLANE_ZOOM);
  const kept = lpsOnPlane(view, at);
  return { ...look, zoom, center: along(kept, subtract(view.center, kept), view.zoom / zoom) };
}

/** A line on a canvas in pixels, between two points at its border. */
export interface CanvasLine {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/**
 * The line in which another plane cuts this one, from border to border of the canvas.
 *
 * @param offsetMm of the other plane, along its normal: half a slab's thickness and its negative give the dotted lines
 * @returns null where the planes are parallel, or meet outside of the canvas
 */
export function lineOf(view: PlaneView, other: Plane, offsetMm = 0): CanvasLine | null {
  const { normal } = other.frame;
  const acrossX = dot(normal, view.right) / view.zoom;
  const acrossY = dot(normal, view.down) / view.zoom;
  if (Math.hypot(acrossX, acrossY) * view.zoom < PARALLEL) return null;
  // Points of the line: acrossX * x + acrossY * y = offset
  const offset = positionMm(other) + offsetMm - dot(normal, lpsOnPlane(view, { x: 0, y: 0 }));
  return lineInCanvas(acrossX, acrossY, offset, view.widthPx, view.heightPx);
}

/** From the point nearest to the upper left corner along the line, clipped to the canvas (Liang and Barsky). */
function lineInCanvas(acrossX: number, acrossY: number, offset: number, widthPx: number, heightPx: number): CanvasLine | null {
  const size = Math.hypot(acrossX, acrossY);
  const normalX = acrossX / size;
  const normalY = acrossY / size;
  const startX = (normalX * offset) / size;
  const startY = (normalY * offset) / size;
  let first = -Infinity;
  let last = Infinity;
  const sides: readonly (readonly [number, number, number])[] = [
    [startX, -normalY, widthPx],
    [startY, normalX, heightPx],
  ];
  for (const [start, direction, end] of sides) {
    if (Math.abs(direction) < PARALLEL) {
      if (start < 0 || start > end) return null;
      continue;
    }
    const one = (0 - start) / direction;
    const other = (end - start) / direction;
    first = Math.max(first, Math.min(one, other));
    last = Math.min(last, Math.max(one, other));
  }
  if (!(first < last)) return null;
  return { x0: startX - normalY * first, y0: startY + normalX * first, x1: startX - normalY * last, y1: startY + normalX * last };
}

/** Cosine from which a normal counts as that of an axis of the patient. */
const STRAIGHT = 1 - 1e-6;

/**
 * Where a plane lies, for a corner: along the body as a signed number, else the side it lies on and how far from the
 * origin. `side` is empty for the signed number.
 */
export function planePosition(plane: Plane): { side: string; mm: number } {
  const { normal } = plane.frame;
  const position = positionMm(plane);
  if (Math.abs(normal[2]) > STRAIGHT) return { side: '', mm: position * Math.sign(normal[2]) };
  return { side: directionLetters(position < 0 ? scale(normal, -1) : normal), mm: Math.abs(position) };
}
