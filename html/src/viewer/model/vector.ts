/** Points and directions of three numbers, mm or parts of 1 in LPS, and (3, 3) matrices by rows. */

export type Vector = readonly [number, number, number];
/** Rows of a (3, 3) matrix. */
export type Matrix = readonly [Vector, Vector, Vector];

export function add(one: Vector, other: Vector): Vector {
  return [one[0] + other[0], one[1] + other[1], one[2] + other[2]];
}

export function subtract(one: Vector, other: Vector): Vector {
  return [one[0] - other[0], one[1] - other[1], one[2] - other[2]];
}

export function scale(v: Vector, by: number): Vector {
  return [v[0] * by, v[1] * by, v[2] * by];
}

/** `from` and so much of a direction. */
export function along(from: Vector, direction: Vector, by: number): Vector {
  return [from[0] + direction[0] * by, from[1] + direction[1] * by, from[2] + direction[2] * by];
}

export function dot(one: Vector, other: Vector): number {
  return one[0] * other[0] + one[1] * other[1] + one[2] * other[2];
}

export function cross(one: Vector, other: Vector): Vector {
  return [one[1] * other[2] - one[2] * other[1], one[2] * other[0] - one[0] * other[2], one[0] * other[1] - one[1] * other[0]];
}

export function length(v: Vector): number {
  return Math.hypot(v[0], v[1], v[2]);
}

/** The direction of length 1; a vector without a length stays as it is. */
export function unit(v: Vector): Vector {
  const size = length(v);
  return size === 0 ? v : scale(v, 1 / size);
}

export function times(matrix: Matrix, v: Vector): Vector {
  return [dot(matrix[0], v), dot(matrix[1], v), dot(matrix[2], v)];
}

export function transposed(m: Matrix): Matrix {
  return [
    [m[0][0], m[1][0], m[2][0]],
    [m[0][1], m[1][1], m[2][1]],
    [m[0][2], m[1][2], m[2][2]],
  ];
}

export function inverse(m: Matrix): Matrix {
  const columns: Matrix = [cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1])];
  const determinant = dot(m[0], columns[0]);
  return transposed([scale(columns[0], 1 / determinant), scale(columns[1], 1 / determinant), scale(columns[2], 1 / determinant)]);
}

/** Turns a vector about a unit axis by the right hand's rule, exact at right angles. */
export function turnedAbout(v: Vector, axis: Vector, degrees: number): Vector {
  const cosine = cosineDeg(degrees);
  const sine = cosineDeg(degrees - 90);
  const across = cross(axis, v);
  const kept = dot(axis, v) * (1 - cosine);
  return [0, 1, 2].map((at) => cosine * (v[at] as number) + sine * (across[at] as number) + kept * (axis[at] as number)) as unknown as Vector;
}

/** The turn about a unit axis that takes one direction to another, -180 to 180; 0 where one has no length. */
export function angleBetweenDeg(start: Vector, end: Vector, axis: Vector): number {
  return (Math.atan2(dot(axis, cross(start, end)), dot(start, end)) * 180) / Math.PI;
}

/** The cosine, exact at right angles, so that a quarter turn maps voxels onto pixels. */
export function cosineDeg(degrees: number): number {
  const quarter = degrees / 90;
  if (Number.isInteger(quarter)) return [1, 0, -1, 0][((quarter % 4) + 4) % 4] ?? 1;
  return Math.cos((degrees * Math.PI) / 180);
}

export function sineDeg(degrees: number): number {
  return cosineDeg(degrees - 90);
}
