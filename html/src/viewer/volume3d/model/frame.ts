/**
 * Frames: three unit directions in the patient of what is seen on a canvas, right, down and away; right × down = away.
 */

import { add, cross, dot, scale, turnedAbout, unit, type Vector } from '../../model/vector';

export interface Frame {
  readonly right: Vector;
  readonly down: Vector;
  readonly away: Vector;
}

export type Letter = 'A' | 'P' | 'L' | 'R' | 'H' | 'F';

export const letterDirections: Readonly<Record<Letter, Vector>> = {
  L: [1, 0, 0],
  R: [-1, 0, 0],
  P: [0, 1, 0],
  A: [0, -1, 0],
  H: [0, 0, 1],
  F: [0, 0, -1],
};

/** The frame of two directions; `down` gives way where they are not square. */
export function frameOf(right: Vector, down: Vector): Frame {
  const across = unit(right);
  const away = unit(cross(across, unit(down)));
  return { right: across, down: cross(away, across), away };
}

/** A point of the frame's own coordinates, in the patient. */
export function inPatient(frame: Frame, x: number, y: number, z = 0): Vector {
  return add(add(scale(frame.right, x), scale(frame.down, y)), scale(frame.away, z));
}

/** A point of the patient in the frame's own coordinates. */
export function inFrame(frame: Frame, point: Vector): Vector {
  return [dot(frame.right, point), dot(frame.down, point), dot(frame.away, point)];
}

/** The frame turned about a unit axis, kept square though turned a million times. */
export function turnedFrame(frame: Frame, axis: Vector, degrees: number): Frame {
  return frameOf(turnedAbout(frame.right, axis, degrees), turnedAbout(frame.down, axis, degrees));
}

export function distance(one: Vector, other: Vector): number {
  return Math.hypot(one[0] - other[0], one[1] - other[1], one[2] - other[2]);
}
