/**
 * Turns in the patient as vectors: about their direction in LPS, by the right hand's rule, by so many degrees as they are
 * long; as the contract has that of a clipping box.
 */

import { add, cosineDeg, cross, dot, length, scale, sineDeg, turnedAbout, type Vector } from '../../model/vector';

export const noTurn: Vector = [0, 0, 0];

/** A direction, turned. */
export function turnedBy(turn: Vector, direction: Vector): Vector {
  const degrees = length(turn);
  return degrees === 0 ? direction : turnedAbout(direction, scale(turn, 1 / degrees), degrees);
}

export function turnedBack(turn: Vector, direction: Vector): Vector {
  return turnedBy(scale(turn, -1), direction);
}

/** A turn, and after it one about a unit axis of the patient; of half a turn at most. */
export function thenTurned(turn: Vector, axis: Vector, degrees: number): Vector {
  const [one, other] = [halfOf(scale(axis, degrees)), halfOf(turn)];
  // The product of quaternions has no direction in which it fails, as angles about fixed axes have.
  const cosine = one.cosine * other.cosine - dot(one.sine, other.sine);
  const sine = add(add(scale(other.sine, one.cosine), scale(one.sine, other.cosine)), cross(one.sine, other.sine));
  const size = length(sine);
  if (size === 0) return noTurn;
  const angle = (2 * Math.atan2(size, Math.abs(cosine)) * 180) / Math.PI;
  return scale(sine, ((cosine < 0 ? -1 : 1) * angle) / size);
}

function halfOf(turn: Vector): { cosine: number; sine: Vector } {
  const degrees = length(turn);
  return degrees === 0 ? { cosine: 1, sine: noTurn } : { cosine: cosineDeg(degrees / 2), sine: scale(turn, sineDeg(degrees / 2) / degrees) };
}
