/**
 * Standard orientations, the angles of a camera as an angiography unit counts them (PS3.3 C.8.7.5.1.2: towards the
 * patient's left and head is positive), and the orientation cube.
 */

import type { Camera } from './camera';
import { angleBetweenDeg, cosineDeg, dot, scale, sineDeg, type Vector } from '../../model/vector';
import { type Frame, frameOf, inPatient, type Letter, letterDirections, turnedFrame } from './frame';

const STRAIGHT_UP = 1e-9;
const degrees = (radians: number): number => (radians * 180) / Math.PI;

/** From where it is seen: right and down on the canvas. From head and feet the patient's front is up. */
const STANDARD: Readonly<Record<Letter, readonly [Letter, Letter]>> = {
  A: ['L', 'F'],
  P: ['R', 'F'],
  L: ['P', 'F'],
  R: ['A', 'F'],
  H: ['R', 'P'],
  F: ['L', 'P'],
};

export type Orientation = Letter | 'LAO' | 'RAO';

export const orientations: readonly Orientation[] = ['A', 'P', 'L', 'R', 'H', 'F', 'LAO', 'RAO'];
/** What the panel offers for LAO and RAO. */
export const obliqueAngles = [15, 30, 45, 60, 75] as const;
export const DEFAULT_OBLIQUE_DEG = 45;

export interface CameraAngles {
  /** From the front towards the patient's left (LAO), negative to his right (RAO), -180 to 180. */
  readonly rotationDeg: number;
  /** Towards the head, negative to the feet, -90 to 90. */
  readonly angulationDeg: number;
  /** Of the picture, clockwise. */
  readonly rollDeg: number;
}

export function standardFrame(name: Orientation, angleDeg: number = DEFAULT_OBLIQUE_DEG): Frame {
  if (name === 'LAO' || name === 'RAO') {
    return frameFromAngles({ rotationDeg: name === 'LAO' ? angleDeg : -angleDeg, angulationDeg: 0, rollDeg: 0 });
  }
  const [right, down] = STANDARD[name];
  return frameOf(letterDirections[right], letterDirections[down]);
}

export function frameFromAngles({ rotationDeg, angulationDeg, rollDeg }: CameraAngles): Frame {
  // The camera stands in front and is lifted towards the head: its lower edge tips to the front.
  const level = -sineDeg(angulationDeg);
  const straight = frameOf(
    [cosineDeg(rotationDeg), sineDeg(rotationDeg), 0],
    [-sineDeg(rotationDeg) * level, cosineDeg(rotationDeg) * level, -cosineDeg(angulationDeg)],
  );
  return turnedFrame(straight, straight.away, -rollDeg);
}

/** The angles of a camera; straight from head or feet the rotation is 0 and the roll says the rest. */
export function anglesOf({ frame }: Pick<Camera, 'frame'>): CameraAngles {
  const viewer = scale(frame.away, -1);
  let angulationDeg = degrees(Math.asin(Math.min(1, Math.max(-1, viewer[2]))));
  let rotationDeg = 0;
  if (Math.hypot(viewer[0], viewer[1]) > STRAIGHT_UP) rotationDeg = degrees(Math.atan2(viewer[0], -viewer[1]));
  else angulationDeg = Math.sign(angulationDeg) * 90;
  const straight = frameFromAngles({ rotationDeg, angulationDeg, rollDeg: 0 });
  const rollDeg = -angleBetweenDeg(straight.right, frame.right, frame.away);
  return { rotationDeg: rotationDeg + 0, angulationDeg: angulationDeg + 0, rollDeg: rollDeg + 0 };
}

/** The name of an orientation that a camera has to half a degree, with its whole degrees where it is an oblique one. */
export function orientationName(camera: Pick<Camera, 'frame'>): { name: Orientation; angleDeg: number | null } | null {
  for (const name of ['A', 'P', 'L', 'R', 'H', 'F'] as const) {
    const frame = standardFrame(name);
    if (dot(frame.away, camera.frame.away) > NEAR && dot(frame.right, camera.frame.right) > NEAR) return { name, angleDeg: null };
  }
  const { rotationDeg, angulationDeg, rollDeg } = anglesOf(camera);
  if (Math.abs(angulationDeg) > 0.5 || Math.abs(rollDeg) > 0.5 || Math.abs(rotationDeg) >= 89.5) return null;
  return { name: rotationDeg > 0 ? 'LAO' : 'RAO', angleDeg: Math.round(Math.abs(rotationDeg)) };
}

const NEAR = cosineDeg(0.5);

export interface CubeFace {
  readonly letter: Letter;
  /**
   * Four points on the cube's own canvas, its half edge being 1; in order around the face, the first two along its
   * upper edge from left to right as its letter is read.
   */
  readonly corners: readonly (readonly [number, number])[];
  /** 1 where it is looked at straight. */
  readonly facing: number;
}

/** The faces that are turned to the viewer, the one most so last. */
export function cubeFaces({ frame }: Pick<Camera, 'frame'>): CubeFace[] {
  const faces: CubeFace[] = [];
  for (const letter of ['A', 'P', 'L', 'R', 'H', 'F'] as const) {
    const middle = letterDirections[letter];
    const facing = -dot(middle, frame.away);
    if (facing <= STRAIGHT_UP) continue;
    const [right, down] = STANDARD[letter];
    const face: Frame = { right: letterDirections[right], down: letterDirections[down], away: middle };
    const corners = ([[-1, -1], [1, -1], [1, 1], [-1, 1]] as const).map(([x, y]): [number, number] => {
      const corner: Vector = inPatient(face, x, y, 1);
      return [dot(corner, frame.right), dot(corner, frame.down)];
    });
    faces.push({ letter, corners, facing });
  }
  return faces.sort((one, other) => one.facing - other.facing);
}
