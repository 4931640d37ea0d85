/** Where labels stand: beside their shape, inside the window. pixels of the interface. */

import type { Point } from '../../model/geometry';

export const LINE_PX = 16;
const PAD_PX = 4;
const GAP_PX = 10;
const EDGE_PX = 6;
/** A label farther away than this is tied to its shape by a dotted line. */
const TIE_PX = 26;
/** One that had to give way is tied sooner: what stands where it would be is another shape's. */
const MOVED_TIE_PX = 14;
/** Between labels. */
const APART_PX = 3;
/** No label goes farther only to leave a shape alone. */
const CLEAR_WITHIN_PX = 160;
/** Points of a line that are looked at. */
const STEP_PX = 6;
const TICK_PX = 5;

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
  /** It gave way to another label. */
  moved?: boolean;
}

export interface Wanted {
  places: readonly Point[];
  offset: Point | null;
  size: Room;
  /** What is drawn of the shape: labels of others rather stand elsewhere. */
  lines?: readonly (readonly Point[])[];
}

export interface Room {
  width: number;
  height: number;
}

/**
 * @param offset where the doctor put it, from the middle of the shape; null for a place of its own
 * @param places points of the shape in the window
 * @param size of the words
 */
export function labelBox(places: readonly Point[], offset: Point | null, size: Room, room: Room): Box {
  const width = size.width + 2 * PAD_PX;
  const height = size.height + PAD_PX;
  const xs = places.map(({ x }) => x);
  const ys = places.map(({ y }) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const middle = { x: (left + right) / 2, y: (top + bottom) / 2 };
  if (offset !== null) return { left: middle.x + offset.x, top: middle.y + offset.y, width, height };
  const level = hold(middle.y - height / 2, EDGE_PX, room.height - height - EDGE_PX);
  if (right + GAP_PX + width <= room.width - EDGE_PX) return { left: Math.max(EDGE_PX, right + GAP_PX), top: level, width, height };
  if (left - GAP_PX - width >= EDGE_PX) return { left: left - GAP_PX - width, top: level, width, height };
  const across = hold(middle.x - width / 2, EDGE_PX, room.width - width - EDGE_PX);
  const under = bottom + GAP_PX + height <= room.height - EDGE_PX ? bottom + GAP_PX : top - GAP_PX - height;
  return { left: across, top: hold(under, EDGE_PX, room.height - height - EDGE_PX), width, height };
}

/**
 * Labels that do not lie over one another: those that the doctor put somewhere stay there, the others give way to them and
 * to those before them, to the nearest free place. In the order of what is wanted.
 *
 * @param taken what is taken already
 */
export function labelBoxes(wanted: readonly Wanted[], room: Room, taken: readonly Box[] = []): Box[] {
  const placed: Box[] = [...taken];
  const found = new Map<Wanted, Box>();
  for (const one of wanted) {
    if (one.offset === null) continue;
    const box = labelBox(one.places, one.offset, one.size, room);
    found.set(one, box);
    placed.push(box);
  }
  for (const one of wanted) {
    if (one.offset !== null) continue;
    const box = freeBox(one, room, placed, wanted.flatMap((other) => (other === one ? [] : (other.lines ?? []))));
    found.set(one, box);
    placed.push(box);
  }
  return wanted.map((one) => found.get(one) as Box);
}

function freeBox({ places, size }: Wanted, room: Room, placed: readonly Box[], shapes: readonly (readonly Point[])[]): Box {
  const own = labelBox(places, null, size, room);
  const isFree = (box: Box): boolean => placed.every((other) => !overlap(box, other));
  const isClear = (box: Box): boolean => shapes.every((line) => !crosses(line, box));
  if (isFree(own) && isClear(own)) return own;
  const { width, height } = own;
  const xs = places.map(({ x }) => x);
  const ys = places.map(({ y }) => y);
  const sides = [Math.max(...xs) + GAP_PX, Math.min(...xs) - GAP_PX - width, own.left];
  const inside = (box: Box): boolean => box.left >= EDGE_PX && box.top >= EDGE_PX && box.left + width <= room.width - EDGE_PX && box.top + height <= room.height - EDGE_PX;
  const at = (left: number, top: number): Box => ({ left, top, width, height, moved: true });
  const free: Box[] = [];
  // Beside the shape, over and under it, and right over and under what is in the way.
  const levels = [own.top, Math.max(...ys) + GAP_PX, Math.min(...ys) - GAP_PX - height, ...placed.flatMap((other) => [other.top + other.height + APART_PX, other.top - height - APART_PX])];
  for (const left of sides) for (const top of levels) {
    const box = at(left, top);
    if (inside(box) && isFree(box)) free.push(box);
  }
  const far = (box: Box): number => Math.hypot(box.left - own.left, box.top - own.top);
  free.sort((one, other) => far(one) - far(other));
  // On a shape of others it can be read still, on another label it can't.
  return free.find((box) => isClear(box) && far(box) <= CLEAR_WITHIN_PX) ?? (isFree(own) ? own : (free[0] ?? own));
}

/** Whether a line runs through a box. */
function crosses(line: readonly Point[], { left, top, width, height }: Box): boolean {
  return line.some((to, index) => {
    const from = line[Math.max(0, index - 1)] as Point;
    const steps = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / STEP_PX));
    for (let step = 0; step <= steps; step += 1) {
      const [x, y] = [from.x + ((to.x - from.x) * step) / steps, from.y + ((to.y - from.y) * step) / steps];
      if (x >= left && x <= left + width && y >= top && y <= top + height) return true;
    }
    return false;
  });
}

function overlap(one: Box, other: Box): boolean {
  return (
    one.left < other.left + other.width + APART_PX - 1 &&
    other.left < one.left + one.width + APART_PX - 1 &&
    one.top < other.top + other.height + APART_PX - 1 &&
    other.top < one.top + one.height + APART_PX - 1
  );
}

/** The dotted line from a label to its shape, null where it stands right beside it. */
export function tie(box: Box, lines: readonly (readonly Point[])[]): [Point, Point] | null {
  const middle = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  let best: [Point, Point] | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    for (let index = 0; index < line.length; index += 1) {
      const to = nearestOn(line[Math.max(0, index - 1)] as Point, line[index] as Point, middle);
      const from = { x: hold(to.x, box.left, box.left + box.width), y: hold(to.y, box.top, box.top + box.height) };
      const distance = Math.hypot(from.x - to.x, from.y - to.y);
      if (distance < least) [best, least] = [[from, to], distance];
    }
  }
  return least > (box.moved === true ? MOVED_TIE_PX : TIE_PX) ? best : null;
}

/** The ends of a ruler, across it. */
export function ticks(line: readonly Point[] | undefined): Point[][] {
  const [from, to] = line ?? [];
  if (from === undefined || to === undefined) return [];
  const size = Math.hypot(to.x - from.x, to.y - from.y);
  if (size < 1) return [];
  const across = { x: (-(to.y - from.y) / size) * TICK_PX, y: ((to.x - from.x) / size) * TICK_PX };
  return [from, to].map((end) => [
    { x: end.x - across.x, y: end.y - across.y },
    { x: end.x + across.x, y: end.y + across.y },
  ]);
}

function nearestOn(from: Point, to: Point, at: Point): Point {
  const along = (to.x - from.x) ** 2 + (to.y - from.y) ** 2;
  const share = along === 0 ? 0 : hold(((at.x - from.x) * (to.x - from.x) + (at.y - from.y) * (to.y - from.y)) / along, 0, 1);
  return { x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) };
}

function hold(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
