/** What is measured on the model: points of the patient that were picked, and the lengths and angles between them. */

import { cross, dot, length, subtract, type Vector } from '../../model/vector';
import { distance } from './frame';

export type MeasureKind = 'line' | 'polyline' | 'angle' | 'marker';

export interface Measurement {
  readonly id: number;
  readonly kind: MeasureKind;
  readonly points: readonly Vector[];
  /** Of a marker. */
  readonly name: string;
}

/** How many points finish a shape; a polygonal ruler ends when the doctor says so. */
export const pointsOf: Readonly<Record<MeasureKind, number>> = { line: 2, polyline: Infinity, angle: 3, marker: 1 };

/** Straight through the patient from point to point, mm. */
export function lengthMm(points: readonly Vector[]): number {
  return points.slice(1).reduce((sum, point, index) => sum + distance(points[index] as Vector, point), 0);
}

/** The angle at the second of three points, 0 to 180; null where two are the same. */
export function angleDeg([one, corner, other]: readonly Vector[]): number | null {
  if (one === undefined || corner === undefined || other === undefined) return null;
  const [a, b] = [subtract(one, corner), subtract(other, corner)];
  if (length(a) === 0 || length(b) === 0) return null;
  // Exact also where the arc cosine is not: near 0 and 180.
  return (Math.atan2(length(cross(a, b)), dot(a, b)) * 180) / Math.PI;
}
