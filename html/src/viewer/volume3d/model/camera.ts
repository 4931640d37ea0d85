/**
 * A camera on a volume: from where it is seen, how it is turned, moved and zoomed. Pure; Python has the same in
 * `tests/support/page_geometry/camera.py`, and both must put every point of a patient on the same pixel.
 *
 * Canvas points are (x, y) device pixels from the upper left corner, the centre of the first pixel at (0.5, 0.5).
 * Depth 0 is the plane through the target and grows away from the viewer; near it a step is a millimetre.
 */

import type { CameraPose } from '../../../shared/protocol/messages';
import { directionLetters, type EdgeLetters } from '../../model/orientation';
import { add, dot, scale, subtract, unit, type Vector } from '../../model/vector';
import { centerLps, cornersLps, type VolumeGrid } from '../../model/volumeGrid';
import { type Frame, frameOf, inPatient, letterDirections, turnedFrame } from './frame';

export type Projection = 'parallel' | 'perspective';

export interface Camera {
  /** What everything turns about; in the middle of the canvas, moved by the pan. */
  readonly target: Vector;
  readonly frame: Frame;
  /** What the shorter side of the canvas shows at the target where the zoom is 1, mm. */
  readonly extentMm: number;
  readonly zoom: number;
  /** How far the picture is moved right and down, mm at the target. */
  readonly panXMm: number;
  readonly panYMm: number;
  readonly projection: Projection;
  /** What the shorter side spans where the zoom is 1: tells how far away the eye of a perspective view is. */
  readonly viewAngleDeg: number;
}

export interface Canvas {
  readonly widthPx: number;
  readonly heightPx: number;
}

export const MIN_ZOOM = 0.01;
export const MAX_ZOOM = 1000;
const VIEW_ANGLE_DEG = 28;
/** Of the longest side, so that nothing touches the border. */
const AROUND = 1.2;
/** A drag over the shorter side of the canvas. */
const DRAG_DEG = 180;

/** What a volume starts with, and a reset goes back to: from the front, all of it in view. */
export function startCamera(grid: VolumeGrid, projection: Projection = 'parallel'): Camera {
  const corners = cornersLps(grid);
  const side = (axis: 0 | 1 | 2): number => {
    const places = corners.map((corner) => corner[axis]);
    return Math.max(...places) - Math.min(...places);
  };
  return {
    target: centerLps(grid),
    frame: frameOf(letterDirections.L, letterDirections.F),
    extentMm: Math.max(side(0), side(1), side(2)) * AROUND,
    zoom: 1,
    panXMm: 0,
    panYMm: 0,
    projection,
    viewAngleDeg: VIEW_ANGLE_DEG,
  };
}

/** Size of a canvas pixel at the target, mm. */
export function mmPerPx(camera: Camera, canvas: Canvas): number {
  return camera.extentMm / camera.zoom / Math.min(canvas.widthPx, canvas.heightPx);
}

export function eyeDistanceMm(camera: Camera): number {
  return camera.extentMm / 2 / Math.tan((camera.viewAngleDeg * Math.PI) / 360);
}

export function eyeOf(camera: Camera): Vector {
  return subtract(camera.target, scale(camera.frame.away, eyeDistanceMm(camera)));
}

/** The camera as it goes to the server. */
export function poseOf(camera: Camera, canvas: Canvas): CameraPose {
  const size = mmPerPx(camera, canvas);
  return {
    width_px: canvas.widthPx,
    height_px: canvas.heightPx,
    target_lps_mm: [...camera.target],
    right_lps: [...camera.frame.right],
    down_lps: [...camera.frame.down],
    mm_per_px: size,
    offset_px: [camera.panXMm / size, camera.panYMm / size],
    eye_distance_mm: camera.projection === 'perspective' ? eyeDistanceMm(camera) : null,
  };
}

export interface Seen {
  readonly x: number;
  readonly y: number;
  readonly depth: number;
}

/** Where a point of the patient is seen, null behind the eye. */
export function canvasAt(camera: Camera, canvas: Canvas, point: Vector): Seen | null {
  const from = subtract(point, camera.target);
  const away = dot(from, camera.frame.away);
  let closer = 1;
  if (camera.projection === 'perspective') {
    const eye = eyeDistanceMm(camera);
    if (eye + away <= 0) return null;
    closer = eye / (eye + away);
  }
  const size = mmPerPx(camera, canvas);
  return {
    x: canvas.widthPx / 2 + (dot(from, camera.frame.right) * closer + camera.panXMm) / size,
    y: canvas.heightPx / 2 + (dot(from, camera.frame.down) * closer + camera.panYMm) / size,
    depth: away * closer,
  };
}

/** The point of the patient under a point of the canvas at a depth. */
export function lpsAt(camera: Camera, canvas: Canvas, x: number, y: number, depth = 0): Vector {
  const size = mmPerPx(camera, canvas);
  const weight = camera.projection === 'perspective' ? 1 - depth / eyeDistanceMm(camera) : 1;
  const across = inPatient(
    camera.frame,
    ((x - canvas.widthPx / 2) * size - camera.panXMm) / weight,
    ((y - canvas.heightPx / 2) * size - camera.panYMm) / weight,
    depth / weight,
  );
  return add(camera.target, across);
}

/** A point and the direction of the ray through a point of the canvas; of a perspective view the point is the eye. */
export function rayAt(camera: Camera, canvas: Canvas, x: number, y: number): { origin: Vector; direction: Vector } {
  const onTarget = lpsAt(camera, canvas, x, y);
  if (camera.projection === 'parallel') return { origin: onTarget, direction: camera.frame.away };
  const origin = eyeOf(camera);
  return { origin, direction: unit(subtract(onTarget, origin)) };
}

export function oriented(camera: Camera, frame: Frame): Camera {
  return { ...camera, frame };
}

/** Goes about an axis through the target by the right hand's rule. */
export function orbited(camera: Camera, axis: Vector, degrees: number): Camera {
  return { ...camera, frame: turnedFrame(camera.frame, axis, degrees) };
}

/** The near side follows the pointer, half a turn over the shorter side of the canvas; it never locks. */
export function turnedByDrag(camera: Camera, canvas: Canvas, dx: number, dy: number): Camera {
  const way = Math.hypot(dx, dy);
  if (!Number.isFinite(way) || way === 0) return camera;
  // What is seen follows the pointer if the camera goes the other way round.
  const axis = inPatient(camera.frame, -dy / way, dx / way);
  return orbited(camera, axis, (way / Math.min(canvas.widthPx, canvas.heightPx)) * DRAG_DEG);
}

/** About the patient's long axis, from his front towards his left. */
export function turntable(camera: Camera, degrees: number): Camera {
  return orbited(camera, letterDirections.H, degrees);
}

/** Turns the picture clockwise. */
export function rolled(camera: Camera, degrees: number): Camera {
  return orbited(camera, camera.frame.away, -degrees);
}

/** The picture moves with the pointer. */
export function panned(camera: Camera, canvas: Canvas, dx: number, dy: number): Camera {
  const size = mmPerPx(camera, canvas);
  return { ...camera, panXMm: camera.panXMm + dx * size, panYMm: camera.panYMm + dy * size };
}

/** Enlarges about the middle of the canvas, within the limits of the zoom. */
export function zoomed(camera: Camera, factor: number): Camera {
  if (!(Number.isFinite(factor) && factor > 0)) return camera;
  return { ...camera, zoom: Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, camera.zoom * factor)) };
}

/** Brings a point of the patient to the middle, to turn about. */
export function centeredOn(camera: Camera, point: Vector): Camera {
  return { ...camera, target: point, panXMm: 0, panYMm: 0 };
}

/** What lies at the target keeps its size. */
export function projected(camera: Camera, projection: Projection): Camera {
  return { ...camera, projection };
}

/** Which side of the patient each edge of the canvas shows. */
export function edgeLettersOf({ frame }: Camera): EdgeLetters {
  const letters = (one: Vector): string => directionLetters(one);
  return {
    top: letters(scale(frame.down, -1)),
    right: letters(frame.right),
    bottom: letters(frame.down),
    left: letters(scale(frame.right, -1)),
  };
}
