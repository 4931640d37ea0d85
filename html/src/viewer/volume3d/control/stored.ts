/** What a doctor made of volumes in 3D as JSON for the browser's storage, and checked reading of it. */

import type { ClipBox, Look } from '../../../shared/protocol/messages';
import { fits } from '../../../shared/protocol/validate';
import { length } from '../../model/vector';
import { type Json, listIn, numberIn, objectIn, oneOf, textIn, vectorIn, wholeIn } from '../../workspace/model/json';
import { isFrame } from '../../workspace/model/view';
import { type Camera, MAX_ZOOM, MIN_ZOOM } from '../model/camera';
import type { DepthPlane } from '../model/clipBox';
import { frameOf } from '../model/frame';
import { type History, historyOf } from '../model/history';
import { type Measurement, type MeasureKind, pointsOf } from '../model/measure';
import { type Bindings, clickTools, type Cuts, heldTools, type LookName, type Made, MAX_STEPS, type Step, type ToolState } from './sceneState';
import { axes } from './turntable';

/** Characters of the volumes of one study, most of them of cuts; the volumes that were left first are dropped beyond. */
export const MAX_LETTERS = 500_000;
const LONGEST_NAME = 200;
const MOST_POINTS = 512;
const UNIT = 1e-6;
const kinds: readonly MeasureKind[] = ['line', 'polyline', 'angle', 'marker'];

export interface Kept {
  readonly seriesId: number;
  readonly volume: number;
  readonly made: Made;
  readonly tools: ToolState;
  readonly slab: Slab | null;
}

/** The box that came with a minimum projection, and what was there before. */
export interface Slab {
  readonly box: ClipBox;
  readonly before: ClipBox | null;
}

/** @param all the volume that was left last is the last */
export function volumesJson(all: readonly Kept[]): unknown[] {
  const written: unknown[] = [];
  let letters = 0;
  for (const one of [...all].reverse()) {
    const json = volumeJson(one);
    letters += JSON.stringify(json).length;
    if (letters > MAX_LETTERS) break;
    written.unshift(json);
  }
  return written;
}

function volumeJson({ seriesId, volume, made, tools, slab }: Kept): unknown {
  const { camera, look, name, baseLook, cuts, threshold, chosen } = made;
  const isSlab = slab !== null && cuts.present.box === slab.box;
  return { seriesId, volume, camera, look, name, baseLook, cuts: cuts.present, threshold, chosen, tools, slab: isSlab ? { before: slab.before } : null };
}

/** Reads what `volumesJson` wrote; a volume with anything bad in it is left out. */
export function readVolumes(value: unknown): Kept[] {
  return Array.isArray(value) ? value.flatMap((one) => readVolume(objectIn(one)) ?? []) : [];
}

function readVolume(json: Json | null): Kept | null {
  if (json === null) return null;
  const [seriesId, volume] = [wholeIn(json['seriesId'], 1), wholeIn(json['volume'], 0, 1023)];
  const camera = optional(json['camera'], cameraIn);
  const look = optional(json['look'], lookIn);
  const baseLook = optional(json['baseLook'], lookIn);
  const name = optional(json['name'], nameIn);
  const threshold = optional(json['threshold'], thresholdIn);
  const cuts = cutsIn(json['cuts']);
  const tools = toolsIn(json['tools']);
  const slabJson = objectIn(json['slab']);
  const before = slabJson === null ? null : optional(slabJson['before'], boxIn);
  const { chosen } = json;
  if (seriesId === null || volume === null || cuts === null || tools === null || typeof chosen !== 'boolean') return null;
  if (camera === undefined || look === undefined || baseLook === undefined || name === undefined || threshold === undefined || before === undefined) return null;
  const slab = slabJson === null || cuts.present.box === null ? null : { box: cuts.present.box, before };
  const made = { camera, look, name, baseLook, looks: historyOf(look), cuts, measurements: [], draft: null, selected: null, threshold, chosen };
  return { seriesId, volume, made, tools, slab };
}

/** Null stays null; undefined where the value is bad. */
function optional<T>(value: unknown, read: (value: unknown) => T | null): T | null | undefined {
  return value === null ? null : (read(value) ?? undefined);
}

export function cameraIn(value: unknown): Camera | null {
  const json = objectIn(value);
  const frame = objectIn(json?.['frame']);
  const [right, down, target] = [vectorIn(frame?.['right']), vectorIn(frame?.['down']), vectorIn(json?.['target'])];
  const extentMm = numberIn(json?.['extentMm'], 1e-6, 1e7);
  const zoom = numberIn(json?.['zoom'], MIN_ZOOM, MAX_ZOOM);
  const [panXMm, panYMm] = [numberIn(json?.['panXMm'], -1e7, 1e7), numberIn(json?.['panYMm'], -1e7, 1e7)];
  const projection = oneOf(json?.['projection'], ['parallel', 'perspective'] as const);
  const viewAngleDeg = numberIn(json?.['viewAngleDeg'], 1, 170);
  if (right === null || down === null || target === null || !isFrame(right, down)) return null;
  if (extentMm === null || zoom === null || panXMm === null || panYMm === null || projection === null || viewAngleDeg === null) return null;
  return { target, frame: frameOf(right, down), extentMm, zoom, panXMm, panYMm, projection, viewAngleDeg };
}

function lookIn(value: unknown): Look | null {
  return fits(value, 'Look') ? (value as Look) : null;
}

function boxIn(value: unknown): ClipBox | null {
  return fits(value, 'ClipBox') ? (value as ClipBox) : null;
}

function nameIn(value: unknown): LookName | null {
  const json = objectIn(value);
  const [kind, name] = [oneOf(json?.['kind'], ['preset', 'own'] as const), textIn(json?.['name'], LONGEST_NAME)];
  return kind === null || name === null ? null : { kind, name };
}

function thresholdIn(value: unknown): { low: number; high: number } | null {
  const json = objectIn(value);
  const [low, high] = [numberIn(json?.['low'], -1e9, 1e9), numberIn(json?.['high'], -1e9, 1e9)];
  return low === null || high === null ? null : { low, high };
}

function planeIn(value: unknown): DepthPlane | null {
  const json = objectIn(value);
  const [normal, depth] = [vectorIn(json?.['normal']), numberIn(json?.['depth'], -1e9, 1e9)];
  return normal === null || depth === null || Math.abs(length(normal) - 1) > UNIT ? null : { normal, depth };
}

function stepIn(value: unknown): Step | null {
  return fits({ type: 'edit', cell: 0, number: 1, step: value }, 'Edit') ? (value as Step) : null;
}

/** The cuts, each of which can be undone again. */
function cutsIn(value: unknown): History<Cuts> | null {
  const json = objectIn(value);
  const steps = listIn(json?.['steps'], MAX_STEPS, stepIn);
  const [box, plane] = [optional(json?.['box'], boxIn), optional(json?.['plane'], planeIn)];
  const boxOn = json?.['boxOn'];
  if (steps === null || box === undefined || plane === undefined || typeof boxOn !== 'boolean') return null;
  const present: Cuts = { steps, box, boxOn, plane };
  return { past: steps.map((_, count) => ({ ...present, steps: steps.slice(0, count) })), present, future: [] };
}

function toolsIn(value: unknown): ToolState | null {
  const json = objectIn(value);
  const bindings = bindingsIn(json?.['bindings']);
  const [speed, radiusMm] = [numberIn(json?.['speed'], 0.1, 720), numberIn(json?.['radiusMm'], 0.1, 500)];
  const axis = oneOf(json?.['axis'], axes);
  return bindings === null || speed === null || radiusMm === null || axis === null ? null : { bindings, speed, axis, radiusMm };
}

function bindingsIn(value: unknown): Bindings | null {
  const json = objectIn(value);
  const left = oneOf(json?.['left'], [...heldTools, ...clickTools]);
  const [middle, right] = [oneOf(json?.['middle'], heldTools), oneOf(json?.['right'], heldTools)];
  return left === null || middle === null || right === null ? null : { left, middle, right };
}

/** Reads a measurement on the model; null where it is none. */
export function readMeasurement3d(id: number, value: unknown): Measurement | null {
  const json = objectIn(value);
  const kind = oneOf(json?.['kind'], kinds);
  const points = listIn(json?.['points'], MOST_POINTS, vectorIn);
  const name = textIn(json?.['name'], LONGEST_NAME);
  if (kind === null || points === null || name === null) return null;
  const count = pointsOf[kind];
  return (Number.isFinite(count) ? points.length === count : points.length >= 2) ? { id, kind, points, name } : null;
}
