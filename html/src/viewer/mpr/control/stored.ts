/** What a doctor made of MPR as JSON for the browser's storage, and checked reading of it. */

import { playModes } from '../../control/cine';
import { overlayLevels } from '../../control/viewer';
import { colourTables } from '../../model/colours';
import type { CrossingPlanes } from '../../model/crossing';
import { frameOf, MAX_PLANE_ZOOM, MIN_PLANE_ZOOM, type PlaneFrame, type PlaneKind, planeKinds, type PlaneLook } from '../../model/plane';
import { measureTools, tools } from '../../model/tools';
import { cameraIn } from '../../volume3d/control/stored';
import type { Camera } from '../../volume3d/model/camera';
import { listIn, numberIn, objectIn, oneOf, textIn, vectorIn, wholeIn } from '../../workspace/model/json';
import { isFrame, windowIn } from '../../workspace/model/view';
import { MAX_THICKNESS_MM, mprLayouts, type MprState, slabModes, startState, windowKinds } from '../model/state';

const bindable = [...tools, ...measureTools, 'crossing', 'cursor'] as const;
const LONGEST_ID = 64;

export interface Kept {
  readonly seriesId: number;
  readonly volume: number;
  readonly state: MprState;
  /** Of the window with the whole volume. */
  readonly camera: Camera | null;
}

export function mprJson({ seriesId, volume, state, camera }: Kept): unknown {
  return { seriesId, volume, camera, state: { ...state, playing: null } };
}

/** Reads what `mprJson` wrote; null where anything in it is not good. */
export function readMpr(value: unknown): Kept | null {
  const json = objectIn(value);
  const [seriesId, volume] = [wholeIn(json?.['seriesId'], 1), wholeIn(json?.['volume'], 0, 1023)];
  const camera = json?.['camera'] === null ? null : cameraIn(json?.['camera']);
  const state = stateIn(json?.['state']);
  if (seriesId === null || volume === null || state === null || (camera === null && json?.['camera'] !== null)) return null;
  return { seriesId, volume, state, camera };
}

function stateIn(value: unknown): MprState | null {
  const json = objectIn(value);
  if (json === null) return null;
  const planes = json['planes'] === null ? null : planesIn(json['planes']);
  const looks = byKind(json['looks'], lookIn);
  const window = windowIn(json['window']);
  const presetId = json['presetId'] === null ? null : textIn(json['presetId'], LONGEST_ID);
  const slab = oneOf(json['slab'], slabModes);
  const thicknessMm = numberIn(json['thicknessMm'], 0, MAX_THICKNESS_MM);
  const interpolation = oneOf(json['interpolation'], ['trilinear', 'nearest'] as const);
  const stepMm = json['stepMm'] === null ? null : numberIn(json['stepMm'], 0.01, MAX_THICKNESS_MM);
  const colours = oneOf(json['colours'], colourTables);
  const order = listIn(json['order'], windowKinds.length, (one) => oneOf(one, windowKinds));
  const layout = oneOf(json['layout'], mprLayouts);
  const active = oneOf(json['active'], windowKinds);
  const overlay = oneOf(json['overlay'], overlayLevels);
  const cursor = json['cursor'] === null ? null : vectorIn(json['cursor']);
  const bindings = bindingsIn(json['bindings']);
  const fps = numberIn(json['fps'], 1, 60);
  const playMode = oneOf(json['playMode'], playModes);
  const { keepSquare, invert, enlarged, lines, stripOpen } = json;
  const isBad = (one: unknown, name: string): boolean => one === null && json[name] !== null;
  if (isBad(planes, 'planes') || isBad(presetId, 'presetId') || isBad(stepMm, 'stepMm') || isBad(cursor, 'cursor')) return null;
  if (looks === null || window === null || slab === null || thicknessMm === null || interpolation === null || colours === null) return null;
  if (order === null || new Set(order).size !== windowKinds.length || layout === null || active === null || overlay === null) return null;
  if (bindings === null || fps === null || playMode === null) return null;
  if (typeof keepSquare !== 'boolean' || typeof invert !== 'boolean' || typeof enlarged !== 'boolean' || typeof lines !== 'boolean' || typeof stripOpen !== 'boolean') return null;
  const known = { planes, looks, window, presetId, slab, thicknessMm, interpolation, stepMm, colours, order, layout, active, overlay, cursor, bindings, fps, playMode };
  return { ...startState(), ...known, keepSquare, invert, enlarged, lines, stripOpen };
}

function planesIn(value: unknown): CrossingPlanes | null {
  const json = objectIn(value);
  const crossing = vectorIn(json?.['crossing']);
  const frames = byKind(json?.['frames'], frameIn);
  return crossing === null || frames === null ? null : { crossing, frames };
}

function byKind<T>(value: unknown, read: (value: unknown) => T | null): Record<PlaneKind, T> | null {
  const json = objectIn(value);
  const all = planeKinds.map((kind) => [kind, read(json?.[kind])] as const);
  return all.some(([, one]) => one === null) ? null : (Object.fromEntries(all) as Record<PlaneKind, T>);
}

function frameIn(value: unknown): PlaneFrame | null {
  const json = objectIn(value);
  const [right, down] = [vectorIn(json?.['right']), vectorIn(json?.['down'])];
  return right === null || down === null || !isFrame(right, down) ? null : frameOf(right, down);
}

function lookIn(value: unknown): PlaneLook | null {
  const json = objectIn(value);
  const zoom = json?.['zoom'] === null ? null : numberIn(json?.['zoom'], MIN_PLANE_ZOOM, MAX_PLANE_ZOOM);
  const center = json?.['center'] === null ? null : vectorIn(json?.['center']);
  const rotationDeg = numberIn(json?.['rotationDeg'], -360, 360);
  const flipHorizontal = json?.['flipHorizontal'];
  if ((zoom === null && json?.['zoom'] !== null) || (center === null && json?.['center'] !== null) || rotationDeg === null || typeof flipHorizontal !== 'boolean') return null;
  return { zoom, center, rotationDeg, flipHorizontal };
}

function bindingsIn(value: unknown): MprState['bindings'] | null {
  const json = objectIn(value);
  const [left, middle, right] = [oneOf(json?.['left'], bindable), oneOf(json?.['middle'], bindable), oneOf(json?.['right'], bindable)];
  return left === null || middle === null || right === null ? null : { left, middle, right };
}
