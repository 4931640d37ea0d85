/**
 * Where measurements lie: on an image of a series, or on a plane of a volume. A `MeasureSurface` is what a window shows
 * at one moment; the window makes a new one for each state of its own. Points of an image are columns and rows from the
 * corner of its first pixel, points of a plane mm right and down of the origin of its place; points of a window CSS
 * pixels from its upper left corner.
 */

import type { ImageReference, Measure, OnPlane } from '../../../shared/protocol/messages';
import { type Affine, apply, canvasFromImage, invert, type Placement, type Point } from '../../model/geometry';
import { add, dot, scale, subtract, type Vector } from '../../model/vector';

export interface ImagePlace {
  kind: 'image';
  seriesId: number;
  image: ImageReference;
}

export interface PlanePlace {
  kind: 'plane';
  seriesId: number;
  volume: number;
  origin: Vector;
  right: Vector;
  down: Vector;
  /** The step of one voxel along the normal: up to half of it away it is the same plane. */
  stepMm: number;
}

export type Place = ImagePlace | PlanePlace;

/** What a doctor must know of values that are computed. */
export type Caution = 'slab' | 'pet';

export interface MeasureSurface {
  readonly kind: Place['kind'];
  readonly cellNumber: number;
  /** Of the window, pixels of the interface. */
  readonly width: number;
  readonly height: number;
  /** What new measurements belong to; null while nothing can be measured. */
  readonly place: Place | null;
  /** Whether a measurement of that place is to be seen here. */
  shows(place: Place): boolean;
  toCanvas(point: Point, place: Place): Point;
  fromCanvas(at: Point, place: Place): Point;
  question(shape: Measure['shape'], points: readonly Point[], place: Place): Measure;
  /** Another text when the same measurement may have other values here: an answer counts as long as it stays. */
  readonly basis: string;
  readonly cautions: readonly Caution[];
}

export interface ImageSurfaceParts {
  cellNumber: number;
  seriesId: number;
  /** The image that is seen, null while there is none. */
  image: ImageReference | null;
  placement: Placement | null;
  pixelAspect: number;
  canvas: { widthPx: number; heightPx: number; perCss: number };
}

export function imageSurface(parts: ImageSurfaceParts): MeasureSurface {
  const { cellNumber, seriesId, image, placement, canvas } = parts;
  const toPx = placement === null ? null : canvasFromImage(placement, canvas, parts.pixelAspect);
  const toCss = toPx === null ? UNITY : shrunk(toPx, canvas.perCss);
  const back = invert(toCss);
  return {
    kind: 'image',
    cellNumber,
    width: canvas.widthPx / canvas.perCss,
    height: canvas.heightPx / canvas.perCss,
    place: image === null || toPx === null ? null : { kind: 'image', seriesId, image },
    shows: (place) => toPx !== null && image !== null && samePlace(place, { kind: 'image', seriesId, image }),
    toCanvas: (point) => apply(toCss, point),
    fromCanvas: (at) => apply(back, at),
    question: (shape, points, place) => ({
      kind: 'measure',
      on: { kind: 'image', image: place.kind === 'image' ? place.image : NO_IMAGE },
      shape,
      points: pairs(points),
    }),
    basis: '',
    cautions: [],
  };
}

export interface PlaneSurfaceParts {
  cellNumber: number;
  seriesId: number;
  volume: number;
  /** What lies at the middle of the window, mm in LPS; null while nothing is shown. */
  center: Vector | null;
  /** Unit directions of the window. */
  right: Vector;
  down: Vector;
  mmPerCss: number;
  width: number;
  height: number;
  /** The step of one voxel along the plane's normal. */
  stepMm: number;
  slab: NonNullable<OnPlane['slab']>;
  thicknessMm: number;
  interpolation: NonNullable<OnPlane['interpolation']>;
  modality: string;
}

export function planeSurface(parts: PlaneSurfaceParts): MeasureSurface {
  const { cellNumber, seriesId, volume, center, right, down, mmPerCss, width, height, slab, thicknessMm, interpolation } = parts;
  const isSlab = slab !== 'plane' && thicknessMm > 0;
  const middle = center ?? ZERO;
  const own: PlanePlace = { kind: 'plane', seriesId, volume, origin: middle, right, down, stepMm: parts.stepMm };
  const lpsOf = (point: Point, place: PlanePlace): Vector => add(place.origin, add(scale(place.right, point.x), scale(place.down, point.y)));
  return {
    kind: 'plane',
    cellNumber,
    width,
    height,
    place: center === null ? null : own,
    shows: (place) => center !== null && place.kind === 'plane' && samePlane(place, own),
    toCanvas: (point, place) => {
      if (place.kind !== 'plane') return NOWHERE;
      const from = subtract(lpsOf(point, place), middle);
      return { x: width / 2 + dot(from, right) / mmPerCss, y: height / 2 + dot(from, down) / mmPerCss };
    },
    fromCanvas: (at, place) => {
      if (place.kind !== 'plane') return NOWHERE;
      const lps = lpsOf({ x: (at.x - width / 2) * mmPerCss, y: (at.y - height / 2) * mmPerCss }, own);
      const from = subtract(lps, place.origin);
      return { x: dot(from, place.right), y: dot(from, place.down) };
    },
    question: (shape, points, place) => {
      const on = place.kind === 'plane' ? place : own;
      return {
        kind: 'measure',
        on: {
          kind: 'plane',
          origin_lps_mm: [...on.origin],
          right_lps: [...on.right],
          down_lps: [...on.down],
          slab,
          thickness_mm: thicknessMm,
          interpolation,
        },
        shape,
        points: pairs(points),
      };
    },
    basis: [slab, isSlab ? thicknessMm : 0, interpolation].join('/'),
    cautions: [...(isSlab ? (['slab'] as const) : []), ...(parts.modality === 'PT' ? (['pet'] as const) : [])],
  };
}

/** Where a point of a place lies in the patient, mm in LPS; null of an image. */
export function lpsAtPlace(point: Point, place: Place): Vector | null {
  return place.kind === 'plane' ? add(place.origin, add(scale(place.right, point.x), scale(place.down, point.y))) : null;
}

/** Whether two places are one: what belongs to one is seen on the other. */
export function samePlace(one: Place, other: Place): boolean {
  if (one.kind === 'image' && other.kind === 'image') {
    return one.seriesId === other.seriesId && one.image.instance_id === other.image.instance_id && one.image.frame_number === other.image.frame_number;
  }
  return one.kind === 'plane' && other.kind === 'plane' && samePlane(one, other);
}

/** A quarter of a degree. */
const PARALLEL = 1e-5;
const ZERO: Vector = [0, 0, 0];
const NOWHERE: Point = { x: Number.NaN, y: Number.NaN };
const NO_IMAGE: ImageReference = { instance_id: 1, frame_number: 1 };
const UNITY: Affine = { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 };

function samePlane(one: PlanePlace, other: PlanePlace): boolean {
  if (one.seriesId !== other.seriesId || one.volume !== other.volume) return false;
  const normal = normalOf(one);
  return 1 - Math.abs(dot(normal, normalOf(other))) < PARALLEL && Math.abs(dot(normal, subtract(other.origin, one.origin))) <= (one.stepMm / 2) * (1 + PARALLEL);
}

function normalOf({ right, down }: PlanePlace): Vector {
  return [right[1] * down[2] - right[2] * down[1], right[2] * down[0] - right[0] * down[2], right[0] * down[1] - right[1] * down[0]];
}

function shrunk(m: Affine, by: number): Affine {
  return { a: m.a / by, b: m.b / by, c: m.c / by, d: m.d / by, e: m.e / by, f: m.f / by };
}

function pairs(points: readonly Point[]): [number, number][] {
  return points.map(({ x, y }) => [x, y]);
}
