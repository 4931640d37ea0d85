/** Measurements and figures on volumes as JSON for the browser's storage: where they lie and their points, never their values. */

import type { Figure } from '../../control/sections';
import { isMeasureTool } from '../../model/tools';
import type { Measurement } from '../../measure/control/measures';
import type { Place } from '../../measure/model/place';
import { MAX_POINTS, toolShapes } from '../../measure/model/shapes';
import type { Point } from '../../model/geometry';
import { DIGEST_LETTERS } from './digest';
import { listIn, numberIn, objectIn, parsed, textIn, vectorIn, wholeIn } from './json';
import { isFrame } from './view';

const VERSION = 1;

/** A measurement that was read, and the digest of what its place must turn out to be: its SOP instance, or its series. */
export interface StoredMeasurement {
  readonly item: Measurement;
  readonly digest: string;
}

export function measurementText({ tool, place, points, label }: Measurement, digest: string): string {
  return JSON.stringify({ version: VERSION, tool, place: { ...place, digest }, points: points.map(pair), label: label === null ? null : pair(label) });
}

/** Reads a measurement; null where the text is not one. */
export function readMeasurement(id: number, text: string): StoredMeasurement | null {
  const json = parsed(text);
  if (json?.['version'] !== VERSION) return null;
  const tool = textIn(json['tool'], 20);
  const placeJson = objectIn(json['place']);
  const place = placeIn(placeJson);
  const digest = textIn(placeJson?.['digest'], DIGEST_LETTERS);
  const points = listIn(json['points'], MAX_POINTS, pointIn);
  const label = json['label'] === null ? null : pointIn(json['label']);
  if (tool === null || !isMeasureTool(tool) || place === null || points === null || digest?.length !== DIGEST_LETTERS) return null;
  const { points: count, open } = toolShapes[tool];
  if (open ? points.length < count : points.length !== count) return null;
  return { item: { id, tool, place, points, label, answers: {} }, digest };
}

export function figureText({ seriesId, volume, value }: Figure, digest: string): string {
  return JSON.stringify({ version: VERSION, seriesId, volume, digest, value });
}

/** Reads a figure on a volume, whose page checks its value; null where the text is not one. */
export function readFigure(text: string): { figure: Figure; digest: string } | null {
  const json = parsed(text);
  const [seriesId, volume] = [wholeIn(json?.['seriesId'], 1), wholeIn(json?.['volume'], 0, 1023)];
  const digest = textIn(json?.['digest'], DIGEST_LETTERS);
  const value = json?.['value'];
  if (json?.['version'] !== VERSION || seriesId === null || volume === null || digest === null || objectIn(value) === null) return null;
  return { figure: { seriesId, volume, value }, digest };
}

function placeIn(json: ReturnType<typeof objectIn>): Place | null {
  const seriesId = wholeIn(json?.['seriesId'], 1);
  if (json === null || seriesId === null) return null;
  if (json['kind'] === 'image') {
    const image = objectIn(json['image']);
    const instanceId = wholeIn(image?.['instance_id'], 1);
    const frameNumber = wholeIn(image?.['frame_number'], 1);
    return instanceId === null || frameNumber === null ? null : { kind: 'image', seriesId, image: { instance_id: instanceId, frame_number: frameNumber } };
  }
  if (json['kind'] !== 'plane') return null;
  const volume = wholeIn(json['volume'], 0, 1023);
  const [origin, right, down] = [vectorIn(json['origin']), vectorIn(json['right']), vectorIn(json['down'])];
  const stepMm = numberIn(json['stepMm'], Number.MIN_VALUE, 1e4);
  if (volume === null || origin === null || right === null || down === null || stepMm === null || !isFrame(right, down)) return null;
  return { kind: 'plane', seriesId, volume, origin, right, down, stepMm };
}

function pair({ x, y }: Point): [number, number] {
  return [x, y];
}

function pointIn(value: unknown): Point | null {
  const list = listIn(value, 2, (one) => numberIn(one, -1e7, 1e7));
  return list?.length === 2 ? { x: list[0] as number, y: list[1] as number } : null;
}
