/**
 * Directions and points of the patient (LPS, mm), and frames of them.
 *
 * A frame is three unit directions of what is seen on a canvas: right, down and away; right × down = away.
 */

export type Vec3 = readonly [number, number, number];

export interface Frame {
  readonly right: Vec3;
  readonly down: Vec3;
  readonly away: Vec3;
}

export type Letter = 'A' | 'P' | 'L' | 'R' | 'H' | 'F';

export const letterDirections: Readonly<Record<Letter, Vec3>> = {
  L: [1, 0, 0],
  R: [-1, 0, 0],
  P: [0, 1, 0],
  A: [0, -1, 0],
  H: [0, 0, 1],
  F: [0, 0, -1],
};

export function add(one: Vec3, other: Vec3): Vec3 {
  return [one[0] + other[0], one[1] + other[1], one[2] + other[2]];
}

export function subtract(one: Vec3, other: Vec3): Vec3 {
  return [one[0] - other[0], one[1] - other[1], one[2] - other[2]];
}

export function scaled(one: Vec3, factor: number): Vec3 {
  return [one[0] * factor, one[1] * factor, one[2] * factor];
}

export function dot(one: Vec3, other: Vec3): number {
  return one[0] * other[0] + one[1] * other[1] + one[2] * other[2];
}

export function cross(one: Vec3, other: Vec3): Vec3 {
  return [one[1] * other[2] - one[2] * other[1], one[2] * other[0] - one[0] * other[2], one[0] * other[1] - one[1] * other[0]];
}

export function length(one: Vec3): number {
  return Math.hypot(one[0], one[1], one[2]);
}

export function distance(one: Vec3, other: Vec3): number {
  return length(subtract(one, other));
}

/** @throws RangeError where it has no length */
export function unit(one: Vec3): Vec3 {
  const size = length(one);
  if (!(size > 1e-9)) throw new RangeError(`The direction ${one.join(', ')} has no length.`);
  return scaled(one, 1 / size);
}

/** The frame of two directions; `down` gives way where they are not square. */
export function frameOf(right: Vec3, down: Vec3): Frame {
  const across = unit(right);
  const away = unit(cross(across, unit(down)));
  return { right: across, down: cross(away, across), away };
}

/** A point of the frame's own coordinates, in the patient. */
export function inPatient(frame: Frame, x: number, y: number, z = 0): Vec3 {
  return add(add(scaled(frame.right, x), scaled(frame.down, y)), scaled(frame.away, z));
}

/** A direction turned about a unit axis by the right hand's rule. */
export function turnedAbout(one: Vec3, axis: Vec3, degrees: number): Vec3 {
  const cos = cosDeg(degrees);
  return add(add(scaled(one, cos), scaled(cross(axis, one), sinDeg(degrees))), scaled(axis, (1 - cos) * dot(axis, one)));
}

/** The frame turned, kept square though turned a million times. */
export function turnedFrame(frame: Frame, axis: Vec3, degrees: number): Frame {
  return frameOf(turnedAbout(frame.right, axis, degrees), turnedAbout(frame.down, axis, degrees));
}

/** The turn about a unit axis that takes one direction to another, -180 to 180. */
export function angleBetween(start: Vec3, end: Vec3, axis: Vec3): number {
  return degrees(Math.atan2(dot(axis, cross(start, end)), dot(start, end)));
}

/** Exact at right angles. */
export function cosDeg(angle: number): number {
  const quarter = angle / 90;
  if (quarter === Math.round(quarter)) return [1, 0, -1, 0][((quarter % 4) + 4) % 4] ?? 1;
  return Math.cos((angle * Math.PI) / 180);
}

export function sinDeg(angle: number): number {
  return cosDeg(angle - 90);
}

export function degrees(radians: number): number {
  return (radians * 180) / Math.PI;
}
