/** The letters at the edges: which side of the patient each edge of the window shows (PS3.3 C.7.6.1.1.1). */

import { turn } from './geometry';

export interface EdgeLetters {
  top: string;
  right: string;
  bottom: string;
  left: string;
}

/** A second or third letter from about 15 degrees on. */
const SHARE = 0.25;
const AXES = [
  ['L', 'R'],
  ['P', 'A'],
  ['H', 'F'],
] as const;

/** Letters of a direction in the patient (LPS), the strongest first. */
export function directionLetters(direction: readonly [number, number, number]): string {
  return direction
    .map((value, axis) => ({ size: Math.abs(value), letter: AXES[axis]?.[value > 0 ? 0 : 1] ?? '' }))
    .filter(({ size }) => size >= SHARE)
    .sort((one, other) => other.size - one.size)
    .map(({ letter }) => letter)
    .join('');
}

/**
 * Letters of the four edges.
 *
 * @param orientation Image Orientation (Patient): direction along a row, then along a column
 */
export function edgeLetters(
  orientation: readonly number[] | null,
  look: { rotationDeg: number; flipHorizontal: boolean },
): EdgeLetters | null {
  if (orientation === null || orientation.length !== 6 || !orientation.every(Number.isFinite)) return null;
  const { cos, sin } = turn(look.rotationDeg);
  const side = look.flipHorizontal ? -1 : 1;
  // A direction of the screen, turned back and flipped back, in columns and rows of the picture.
  const patient = (screenX: number, screenY: number): [number, number, number] => {
    const column = side * (cos * screenX + sin * screenY);
    const row = -sin * screenX + cos * screenY;
    return [0, 1, 2].map((axis) => column * (orientation[axis] ?? 0) + row * (orientation[axis + 3] ?? 0)) as [number, number, number];
  };
  return {
    top: directionLetters(patient(0, -1)),
    right: directionLetters(patient(1, 0)),
    bottom: directionLetters(patient(0, 1)),
    left: directionLetters(patient(-1, 0)),
  };
}

const OPPOSITE: Readonly<Record<string, string>> = { L: 'R', R: 'L', A: 'P', P: 'A', H: 'F', F: 'H' };

/**
 * Letters of the four edges where only letters are known, as of a radiograph.
 *
 * @param directions Patient Orientation: the letters along a row, then along a column, as "AF"
 */
export function edgeLettersOfProjection(
  directions: readonly string[] | null,
  look: { rotationDeg: number; flipHorizontal: boolean },
): EdgeLetters | null {
  const [alongRow, alongColumn] = directions ?? [];
  if (alongRow === undefined || alongColumn === undefined || alongRow === '' || alongColumn === '') return null;
  const { cos, sin } = turn(look.rotationDeg);
  const side = look.flipHorizontal ? -1 : 1;
  const pointing = (letters: string, share: number): string =>
    share > 0 ? letters : [...letters].map((letter) => OPPOSITE[letter] ?? '').join('');
  const letters = (screenX: number, screenY: number): string => {
    const parts = [
      { share: side * (cos * screenX + sin * screenY), of: alongRow },
      { share: -sin * screenX + cos * screenY, of: alongColumn },
    ];
    const named = parts
      .filter(({ share }) => Math.abs(share) >= SHARE)
      .sort((one, other) => Math.abs(other.share) - Math.abs(one.share))
      .map(({ share, of }) => pointing(of, share))
      .join('');
    // What both directions share is said once, and what they contradict each other in is left to the stronger.
    return [...named].filter((letter, at) => !named.slice(0, at).includes(letter) && !named.slice(0, at).includes(OPPOSITE[letter] ?? '')).join('');
  };
  return { top: letters(0, -1), right: letters(1, 0), bottom: letters(0, 1), left: letters(-1, 0) };
}
