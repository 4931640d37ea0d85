/** What each measuring tool draws: how many points, what is drawn of them, where it is held, what is hit. */

import type { Measure } from '../../../shared/protocol/messages';
import type { Point } from '../../model/geometry';
import type { MeasureTool } from '../../model/tools';

export interface ToolShape {
  shape: Measure['shape'];
  /** Points that it takes; of an open one the fewest. */
  points: number;
  /** As many points as the doctor likes: a double click ends it. */
  open: boolean;
  /** The last point is joined to the first. */
  closed: boolean;
}

export const MAX_POINTS = 512;

export const toolShapes: Readonly<Record<MeasureTool, ToolShape>> = {
  ruler: { shape: 'line', points: 2, open: false, closed: false },
  polyline: { shape: 'line', points: 2, open: true, closed: false },
  angle: { shape: 'angle', points: 3, open: false, closed: false },
  cobb: { shape: 'cobb', points: 4, open: false, closed: false },
  ellipse: { shape: 'ellipse', points: 2, open: false, closed: true },
  rectangle: { shape: 'rectangle', points: 2, open: false, closed: true },
  polygon: { shape: 'polygon', points: 3, open: true, closed: true },
  point: { shape: 'point', points: 1, open: false, closed: false },
};

const ELLIPSE_STEPS = 72;

/** Whether the next point begins a line of its own: the first of all, and of the second line of a Cobb angle. */
export function beginsLine(tool: MeasureTool, fixed: number): boolean {
  return fixed === 0 || (tool === 'cobb' && fixed === 2);
}

/** Broken lines that are drawn, in the points' own space; a closed one ends where it began. */
export function outlines(tool: MeasureTool, points: readonly Point[]): Point[][] {
  const [first, second] = points;
  if (first === undefined || second === undefined) return [];
  switch (tool) {
    case 'cobb':
      return [points.slice(0, 2), points.slice(2, 4)].filter((line) => line.length === 2);
    case 'rectangle': {
      const corners = [first, { x: second.x, y: first.y }, second, { x: first.x, y: second.y }];
      return [[...corners, first]];
    }
    case 'ellipse': {
      const middle = { x: (first.x + second.x) / 2, y: (first.y + second.y) / 2 };
      return [
        Array.from({ length: ELLIPSE_STEPS + 1 }, (_, step) => {
          const turn = (2 * Math.PI * step) / ELLIPSE_STEPS;
          return { x: middle.x + (Math.cos(turn) * (second.x - first.x)) / 2, y: middle.y + (Math.sin(turn) * (second.y - first.y)) / 2 };
        }),
      ];
    }
    case 'polygon':
      return [points.length > 2 ? [...points, first] : [...points]];
    case 'point':
      return [];
    default:
      return [[...points]];
  }
}

/** Where a shape is held: its points, corners of a rectangle, ends of the axes of an ellipse. */
export function handles(tool: MeasureTool, points: readonly Point[]): Point[] {
  const [first, second] = points;
  if (first === undefined || second === undefined) return [...points];
  if (tool === 'rectangle') return [first, { x: second.x, y: first.y }, second, { x: first.x, y: second.y }];
  if (tool !== 'ellipse') return [...points];
  const middle = { x: (first.x + second.x) / 2, y: (first.y + second.y) / 2 };
  return [
    { x: first.x, y: middle.y },
    { x: middle.x, y: first.y },
    { x: second.x, y: middle.y },
    { x: middle.x, y: second.y },
  ];
}

/** The points after a handle was dragged somewhere. */
export function withHandle(tool: MeasureTool, points: readonly Point[], handle: number, to: Point): Point[] {
  const [first, second] = points;
  if (first === undefined || second === undefined || (tool !== 'rectangle' && tool !== 'ellipse')) {
    return points.map((point, index) => (index === handle ? to : point));
  }
  if (tool === 'rectangle') {
    const left = handle === 0 || handle === 3;
    const top = handle === 0 || handle === 1;
    return [
      { x: left ? to.x : first.x, y: top ? to.y : first.y },
      { x: left ? second.x : to.x, y: top ? second.y : to.y },
    ];
  }
  return [
    { x: handle === 0 ? to.x : first.x, y: handle === 1 ? to.y : first.y },
    { x: handle === 2 ? to.x : second.x, y: handle === 3 ? to.y : second.y },
  ];
}

export function moved(points: readonly Point[], dx: number, dy: number): Point[] {
  return points.map(({ x, y }) => ({ x: x + dx, y: y + dy }));
}

/** Distance of a point from a broken line. */
export function distanceTo(line: readonly Point[], at: Point): number {
  const [only] = line;
  if (line.length === 1 && only !== undefined) return Math.hypot(at.x - only.x, at.y - only.y);
  let nearest = Number.POSITIVE_INFINITY;
  for (let index = 1; index < line.length; index += 1) {
    const from = line[index - 1] as Point;
    const to = line[index] as Point;
    const along = (to.x - from.x) ** 2 + (to.y - from.y) ** 2;
    const share = along === 0 ? 0 : Math.max(0, Math.min(1, ((at.x - from.x) * (to.x - from.x) + (at.y - from.y) * (to.y - from.y)) / along));
    nearest = Math.min(nearest, Math.hypot(at.x - from.x - share * (to.x - from.x), at.y - from.y - share * (to.y - from.y)));
  }
  return nearest;
}

export function nearer(one: Point, other: Point, distance: number): boolean {
  return Math.hypot(one.x - other.x, one.y - other.y) <= distance;
}

/** The foot of what joins the two lines of a Cobb angle: dotted perpendiculars, from the middle of each to where they meet. */
export function perpendiculars(points: readonly Point[]): Point[][] {
  const [a, b, c, d] = points;
  if (a === undefined || b === undefined || c === undefined || d === undefined) return [];
  const one = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  const other = { x: (c.x + d.x) / 2, y: (c.y + d.y) / 2 };
  // Across each line: (dx, dy) turned by a right angle.
  const p = { x: -(b.y - a.y), y: b.x - a.x };
  const q = { x: -(d.y - c.y), y: d.x - c.x };
  const turn = p.x * q.y - p.y * q.x;
  const size = Math.hypot(p.x, p.y) * Math.hypot(q.x, q.y);
  if (size === 0 || Math.abs(turn) < size * PARALLEL) return [];
  const share = ((other.x - one.x) * q.y - (other.y - one.y) * q.x) / turn;
  const meet = { x: one.x + share * p.x, y: one.y + share * p.y };
  return [
    [one, meet],
    [other, meet],
  ];
}

/** Sine under which perpendiculars meet too far away to be drawn. */
const PARALLEL = 0.02;
