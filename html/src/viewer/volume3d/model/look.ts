/**
 * What values look like, and how a doctor changes it: points of the curve and of the colour bar, tissues, window, mode
 * and light. Looks are the contract's and never changed in place, so a history of them costs nothing.
 */

import type { Lighting, Look, Preset, Tissue } from '../../../shared/protocol/messages';
import type { WidthLevel } from '../../model/windowing';

export type VolumeMode = Look['mode'];
export type Colour = readonly [number, number, number];

export const modes: readonly VolumeMode[] = ['shaded', 'mip', 'minip', 'aip', 'isosurface'];
export const startLighting: Lighting = { ambient: 0.2, diffuse: 0.8, specular: 0.3, specular_power: 20 };
export const MAX_POINTS = 64;
export const MAX_TISSUES = 16;
/** The server draws no values beyond. */
const LARGEST = 1e6;
const GREY: Tissue['colour'] = [[0, 1, 1, 1]];

/** Values of neighbours may not meet: they rise from point to point. */
function least(look: Look): number {
  const { width } = windowOf(look);
  return Math.max(1e-6, width * 1e-4);
}

export function isProjection(mode: VolumeMode): boolean {
  return mode === 'mip' || mode === 'minip' || mode === 'aip';
}

function withTissue(look: Look, at: number, change: (tissue: Tissue) => Tissue): Look {
  if (look.tissues[at] === undefined) return look;
  return { ...look, tissues: look.tissues.map((tissue, index) => (index === at ? change(tissue) : tissue)) };
}

/** The place of a value among points, between its neighbours. */
function between(points: readonly (readonly number[])[], index: number, value: number, gap: number): number {
  const low = points[index - 1]?.[0];
  const high = points[index + 1]?.[0];
  const held = Math.min(high === undefined ? LARGEST : high - gap, Math.max(low === undefined ? -LARGEST : low + gap, value));
  // Where neighbours are closer than the gap there is no room: the point stays.
  return (low === undefined || held > low) && (high === undefined || held < high) ? held : (points[index]?.[0] ?? value);
}

/** Drags a point of the curve; it stays between its neighbours. A colour at its very value comes along. */
export function movePoint(look: Look, at: number, index: number, value: number, opacity: number): Look {
  return withTissue(look, at, (tissue) => {
    const point = tissue.opacity[index];
    if (point === undefined) return tissue;
    const gap = least(look);
    const to = between(tissue.opacity, index, value, gap);
    const coloured = tissue.colour.findIndex((one) => one[0] === point[0]);
    return {
      ...tissue,
      opacity: tissue.opacity.map((one, place): [number, number] => (place === index ? [to, share(opacity)] : [...one])),
      colour: coloured < 0 ? tissue.colour : movedColour(tissue.colour, coloured, to, gap),
    };
  });
}

/** @returns the look and the place of the new point, null where there may be no more */
export function addPoint(look: Look, at: number, value: number, opacity: number): { look: Look; index: number } | null {
  const points = look.tissues[at]?.opacity;
  if (points === undefined || points.length >= MAX_POINTS || !Number.isFinite(value)) return null;
  const index = points.findIndex((one) => one[0] > value);
  const place = index < 0 ? points.length : index;
  const gap = least(look);
  if ([points[place - 1], points[place]].some((one) => one !== undefined && Math.abs(one[0] - value) < gap)) return null;
  const next = [...points.slice(0, place), [value, share(opacity)] as [number, number], ...points.slice(place)];
  return { look: withTissue(look, at, (tissue) => ({ ...tissue, opacity: next })), index: place };
}

/** The last one stays: a curve has at least one point. */
export function removePoint(look: Look, at: number, index: number): Look {
  return withTissue(look, at, (tissue) => (tissue.opacity.length < 2 ? tissue : { ...tissue, opacity: tissue.opacity.filter((_, place) => place !== index) }));
}

/** The opacity of a value, straight between points and level beyond them. */
export function opacityAt(tissue: Tissue, value: number): number {
  return interpolated(tissue.opacity, value)[0] ?? 0;
}

export function colourAt(tissue: Tissue, value: number): Colour {
  const [red = 0, green = 0, blue = 0] = interpolated(tissue.colour, value);
  return [red, green, blue];
}

function interpolated(points: readonly (readonly number[])[], value: number): number[] {
  const next = points.findIndex((one) => (one[0] ?? 0) >= value);
  if (next <= 0) return (next < 0 ? points[points.length - 1] : points[0])?.slice(1) ?? [];
  const [low, high] = [points[next - 1] ?? [], points[next] ?? []];
  const along = (value - (low[0] ?? 0)) / ((high[0] ?? 0) - (low[0] ?? 0));
  return low.slice(1).map((part, index) => part + ((high[index + 1] ?? part) - part) * along);
}

/** Gives a value a colour: the one that stands there changes, else a new one stands there. */
export function setColour(look: Look, at: number, value: number, [red, green, blue]: Colour): Look {
  return withTissue(look, at, (tissue) => {
    const gap = least(look);
    const given: [number, number, number, number] = [value, share(red), share(green), share(blue)];
    const known = tissue.colour.findIndex((one) => Math.abs(one[0] - value) < gap);
    if (known >= 0) return { ...tissue, colour: tissue.colour.map((one, place) => (place === known ? [one[0], given[1], given[2], given[3]] : one)) };
    if (tissue.colour.length >= MAX_POINTS) return tissue;
    return { ...tissue, colour: [...tissue.colour, given].sort((one, other) => one[0] - other[0]) };
  });
}

export function moveColour(look: Look, at: number, index: number, value: number): Look {
  return withTissue(look, at, (tissue) => ({ ...tissue, colour: movedColour(tissue.colour, index, value, least(look)) }));
}

function movedColour(colour: Tissue['colour'], index: number, value: number, gap: number): Tissue['colour'] {
  const to = between(colour, index, value, gap);
  return colour.map((one, place) => (place === index ? [to, one[1], one[2], one[3]] : one));
}

export function removeColour(look: Look, at: number, index: number): Look {
  return withTissue(look, at, (tissue) => (tissue.colour.length < 2 ? tissue : { ...tissue, colour: tissue.colour.filter((_, place) => place !== index) }));
}

export function setTissueOn(look: Look, at: number, on: boolean): Look {
  return withTissue(look, at, (tissue) => ({ ...tissue, on }));
}

/** A colour that says which tissue is meant: that where it is densest below its plateau. */
export function tissueColour(tissue: Tissue): Colour {
  const top = Math.max(...tissue.opacity.map(([, opacity]) => opacity));
  const dense = tissue.opacity.find(([, opacity]) => opacity >= top * 0.5) ?? tissue.opacity[0];
  return colourAt(tissue, dense?.[0] ?? 0);
}

/** A new tissue over a part of the window, with a name that no other has. */
export function addTissue(look: Look, name: string, colour: Colour): Look {
  if (look.tissues.length >= MAX_TISSUES) return look;
  const names = new Set(look.tissues.map((tissue) => tissue.name));
  let own = name;
  for (let number = 2; names.has(own); number += 1) own = `${name} ${number}`;
  const { width, center } = windowOf(look);
  const at = (part: number): number => center + width * part;
  const tissue: Tissue = { name: own, on: true, opacity: [[at(-0.3), 0], [at(-0.1), 0.3], [at(0.1), 0.3], [at(0.3), 0]], colour: [[center, ...colour]] };
  return { ...look, tissues: [...look.tissues, tissue] };
}

/** The last one stays. */
export function removeTissue(look: Look, at: number): Look {
  return look.tissues.length < 2 ? look : { ...look, tissues: look.tissues.filter((_, index) => index !== at) };
}

export function setLighting(look: Look, lighting: Lighting | null): Look {
  return { ...look, lighting };
}

/**
 * Width and level of a look: of projections the ramp, else from where the tissues that are on begin to show to where
 * they show nearly as they ever will.
 */
export function windowOf(look: Look): WidthLevel {
  const curves = isProjection(look.mode) ? look.tissues.slice(0, 1) : look.tissues.filter((tissue) => tissue.on);
  let low = Infinity;
  let high = -Infinity;
  for (const { opacity } of curves.length > 0 ? curves : look.tissues) {
    const sizes = opacity.map((point) => point[1]);
    const top = Math.max(...sizes);
    const shows = sizes.findIndex((size) => size > 0);
    const begin = opacity[Math.max(0, shows - 1)];
    const end = opacity.find((point) => point[1] >= top * 0.9);
    if (begin === undefined || end === undefined) continue;
    low = Math.min(low, begin[0]);
    high = Math.max(high, end[0]);
  }
  if (look.mode === 'isosurface' && look.iso_value !== null && !(high > low)) [low, high] = [look.iso_value - 1, look.iso_value + 1];
  if (!Number.isFinite(low)) return { width: 1, center: 0 };
  return high > low ? { width: high - low, center: (low + high) / 2 } : { width: 1, center: low };
}

/** Moves and stretches all curves and colours, so that the look has another window. */
export function withWindow(look: Look, to: WidthLevel): Look {
  const from = windowOf(look);
  const width = Math.min(LARGEST, Math.max(1e-3, to.width));
  const moved = (value: number): number => held(to.center + ((value - from.center) * width) / from.width);
  return {
    ...look,
    tissues: look.tissues.map((tissue) => ({
      ...tissue,
      opacity: rising(tissue.opacity.map(([value, opacity]): [number, number] => [moved(value), opacity])),
      colour: rising(tissue.colour.map(([value, ...colour]): [number, number, number, number] => [moved(value), ...colour])),
    })),
    iso_value: look.iso_value === null ? null : moved(look.iso_value),
  };
}

/** What ran into the end of all values would stand at one value: the outer ones go. */
function rising<P extends readonly [number, ...number[]]>(points: readonly P[]): P[] {
  return points.filter((point, index) => index === 0 || point[0] > (points[index - 1]?.[0] ?? -Infinity));
}

function held(value: number): number {
  return Math.min(LARGEST, Math.max(-LARGEST, value));
}

/** What modes need to know of a volume. */
export interface VolumeRange {
  readonly low: number;
  readonly high: number;
  readonly presets: readonly Preset[];
}

/** The look in another mode: a projection is a ramp of grey, a shaded volume has tissues, an isosurface a value. */
export function inMode(look: Look, mode: VolumeMode, { low, high, presets }: VolumeRange): Look {
  if (mode === look.mode) return look;
  if (isProjection(mode)) {
    // One projection's window suits the others; curves of tissues are no greys.
    if (isProjection(look.mode)) return { ...look, mode };
    const offered = presets.find((preset) => preset.look.mode === mode)?.look;
    if (offered !== undefined) return offered;
    const end = high > low ? high : low + 1;
    return { mode, tissues: [{ name: 'values', on: true, opacity: [[low, 0], [end, 1]], colour: GREY }], lighting: null, iso_value: null };
  }
  const shaped = isProjection(look.mode) ? (presets.find((preset) => preset.look.mode === mode) ?? presets.find((preset) => !isProjection(preset.look.mode)))?.look ?? look : look;
  const lighting = shaped.lighting ?? startLighting;
  if (mode === 'shaded') return { ...shaped, mode, lighting, iso_value: null };
  const { width, center } = windowOf(shaped);
  return { ...shaped, mode, lighting, iso_value: shaped.iso_value ?? presets.find((preset) => preset.look.mode === mode)?.look.iso_value ?? center - width / 4 };
}

export function setIsoValue(look: Look, value: number): Look {
  return Number.isFinite(value) ? { ...look, iso_value: held(value) } : look;
}

export function sameLook(one: Look | null, other: Look | null): boolean {
  if (one === other) return true;
  if (one === null || other === null) return false;
  return (
    one.mode === other.mode &&
    one.iso_value === other.iso_value &&
    sameLighting(one.lighting, other.lighting) &&
    one.tissues.length === other.tissues.length &&
    one.tissues.every((tissue, index) => sameTissue(tissue, other.tissues[index]))
  );
}

function sameLighting(one: Lighting | null, other: Lighting | null): boolean {
  if (one === null || other === null) return one === other;
  return one.ambient === other.ambient && one.diffuse === other.diffuse && one.specular === other.specular && one.specular_power === other.specular_power;
}

function sameTissue(one: Tissue, other: Tissue | undefined): boolean {
  if (one === other) return true;
  return other !== undefined && one.name === other.name && one.on === other.on && samePoints(one.opacity, other.opacity) && samePoints(one.colour, other.colour);
}

function samePoints(one: readonly (readonly number[])[], other: readonly (readonly number[])[]): boolean {
  return one.length === other.length && one.every((point, index) => point.every((part, place) => part === other[index]?.[place]));
}

function share(value: number): number {
  return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
}

/** `#rrggbb` of a colour, and back. */
export function toHex(colour: Colour): string {
  return `#${colour.map((part) => Math.round(share(part) * 255).toString(16).padStart(2, '0')).join('')}`;
}

export function fromHex(text: string): Colour | null {
  const match = /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(text);
  if (match === null) return null;
  const [red = 0, green = 0, blue = 0] = match.slice(1).map((part) => parseInt(part, 16) / 255);
  return [red, green, blue];
}
