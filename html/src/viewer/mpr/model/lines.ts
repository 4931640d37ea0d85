/** The coloured lines of the other planes on a window: where they are drawn and what of them a hand takes hold of. pixels of the interface. */

import { type CrossingPlanes, othersOf, planeOf } from '../../model/crossing';
import type { Point } from '../../model/geometry';
import { canvasOfPlane, type CanvasLine, lineOf, type PlaneKind, type PlaneView } from '../../model/plane';

export interface Segment {
  readonly from: Point;
  readonly to: Point;
}

export interface DrawnLine {
  /** The plane that the line is of. */
  readonly kind: PlaneKind;
  /** The line with a gap where the planes cross, so that what lies there is seen. */
  readonly segments: readonly Segment[];
  /** The whole of it, for the hand. */
  readonly whole: Segment;
  /** Rings that turn it. */
  readonly rings: readonly Point[];
  /** Where its letter stands. */
  readonly badge: Point;
  /** The faces of a slab of that plane. */
  readonly faces: readonly Segment[];
}

export interface DrawnLines {
  readonly lines: readonly DrawnLine[];
  readonly crossing: Point;
}

/** Room at the borders: letters and corners stand there; beside an oblique plane up to three letters. */
const INSET_PX = 44;
const INSET_BESIDE_PX = 64;
/** The scale on the right, with its words below it. */
const SCALE_PX = { width: 84, below: 43, above: 93, least: 260, share: 0.24, most: 200 } as const;
/** The words in a corner, and windows that have room beside them. */
const CORNER_PX = { width: 130, height: 84 } as const;
const ROOMY_PX = { width: 420, height: 300 } as const;
/** A ring stands so far from the end of its line. */
const RING_PX = 44;
/** Half of the gap about the crossing. */
const GAP_PX = 16;
/** Nearer to the crossing a ring could not be told from it. */
const RING_FROM_PX = 46;

/** @param thicknessMm of the slab, null where a plane alone is shown */
export function drawnLines(planes: CrossingPlanes, view: PlaneView, perCss: number, thicknessMm: number | null): DrawnLines {
  const at = canvasOfPlane(view, planes.crossing);
  const crossing = { x: at.x / perCss, y: at.y / perCss };
  const room = { width: view.widthPx / perCss, height: view.heightPx / perCss };
  const lines = othersOf(view.plane.kind).flatMap((kind): DrawnLine[] => {
    const other = planeOf(planes, kind);
    const whole = within(lineOf(view, other), perCss, room);
    if (whole === null) return [];
    const faces = thicknessMm === null || thicknessMm === 0 ? [] : [thicknessMm / 2, -thicknessMm / 2].flatMap((offset) => within(lineOf(view, other, offset), perCss, room) ?? []);
    return [{ kind, whole, faces, ...parts(whole, crossing) }];
  });
  return { lines, crossing };
}

/** A line of the canvas without what lies too near to the border; null where nothing is left. */
function within(line: CanvasLine | null, perCss: number, room: { width: number; height: number }): Segment | null {
  if (line === null) return null;
  const from = { x: line.x0 / perCss, y: line.y0 / perCss };
  const to = { x: line.x1 / perCss, y: line.y1 / perCss };
  const inset = insets(from, to, room);
  let first = 0;
  let last = 1;
  for (const [start, way, size, least] of [
    [from.x, to.x - from.x, room.width, inset.x],
    [from.y, to.y - from.y, room.height, inset.y],
  ] as const) {
    if (Math.abs(way) < 1e-9) {
      // A line along the border is there still: it is taken by it.
      if (start < 0 || start > size) return null;
      continue;
    }
    const ends = [(least - start) / way, (size - least - start) / way];
    first = Math.max(first, Math.min(...ends));
    last = Math.min(last, Math.max(...ends));
  }
  if (!(first < last)) return null;
  const ends = [between(from, to, first), between(from, to, last)] as const;
  return room.width < ROOMY_PX.width || room.height < ROOMY_PX.height ? { from: ends[0], to: ends[1] } : { from: outOfCorners(ends[0], ends[1], room), to: outOfCorners(ends[1], ends[0], room) };
}

/** An end of a line that runs aslant into the words of an upper corner, drawn back to where they end. */
function outOfCorners(end: Point, other: Point, { width }: { width: number }): Point {
  const right = end.x > width / 2;
  const inside = end.y < CORNER_PX.height && (right ? end.x > width - CORNER_PX.width : end.x < CORNER_PX.width);
  if (!inside) return end;
  const [dx, dy] = [other.x - end.x, other.y - end.y];
  const wall = right ? width - CORNER_PX.width : CORNER_PX.width;
  const shares = [(wall - end.x) / dx, (CORNER_PX.height - end.y) / dy].filter((share) => share > 0 && share <= 1);
  return shares.length === 0 ? end : between(end, other, Math.min(...shares));
}

/** How much of a line is left out at the borders: more where it runs through the words in the corners. */
function insets(from: Point, to: Point, { width, height }: { width: number; height: number }): Point {
  const least = Math.min(INSET_PX, width / 6, height / 6);
  const level = Math.abs(to.x - from.x) >= Math.abs(to.y - from.y);
  const plain = { x: level ? Math.min(INSET_BESIDE_PX, width / 6) : least, y: least };
  if (level && height > SCALE_PX.least) {
    const { y } = from.x > to.x ? from : to;
    const top = height - SCALE_PX.above - Math.min(SCALE_PX.most, height * SCALE_PX.share);
    if (y > top && y < height - SCALE_PX.below) plain.x = Math.min(SCALE_PX.width, width / 4);
  }
  if (width < ROOMY_PX.width || height < ROOMY_PX.height) return plain;
  if (level) {
    const through = Math.max(from.y, to.y) < CORNER_PX.height || Math.min(from.y, to.y) > height - INSET_PX;
    return through ? { x: CORNER_PX.width, y: least } : plain;
  }
  const through = Math.max(from.x, to.x) < CORNER_PX.width || Math.min(from.x, to.x) > width - CORNER_PX.width;
  return through ? { x: least, y: CORNER_PX.height } : plain;
}

function parts(whole: Segment, crossing: Point): Pick<DrawnLine, 'segments' | 'rings' | 'badge'> {
  const length = Math.hypot(whole.to.x - whole.from.x, whole.to.y - whole.from.y);
  const way = { x: (whole.to.x - whole.from.x) / length, y: (whole.to.y - whole.from.y) / length };
  const place = (along: number): Point => ({ x: whole.from.x + way.x * along, y: whole.from.y + way.y * along });
  const middle = (crossing.x - whole.from.x) * way.x + (crossing.y - whole.from.y) * way.y;
  const segments = [
    { from: 0, to: Math.min(length, middle - GAP_PX) },
    { from: Math.max(0, middle + GAP_PX), to: length },
  ]
    .filter(({ from, to }) => to > from)
    .map(({ from, to }) => ({ from: place(from), to: place(to) }));
  const inward = Math.min(RING_PX, length / 4);
  const rings = [inward, length - inward].filter((along) => Math.abs(along - middle) >= RING_FROM_PX).map(place);
  // The letter stands at the right end of a level line, and on top of an upright one.
  const level = Math.abs(way.x) >= Math.abs(way.y);
  const atEnd = level ? way.x > 0 : way.y < 0;
  return { segments, rings, badge: atEnd ? whole.to : whole.from };
}

function between(from: Point, to: Point, share: number): Point {
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

/** What a pointer has taken hold of. */
export type LineGrip = { part: 'crossing' } | { part: 'ring' | 'line' | 'slab'; kind: PlaneKind };

/** Handles are 44 px across for every pointer; lines are wider for fingers. */
const HANDLE_REACH_PX = 22;
const LINE_REACH_PX = { mouse: 7, touch: 16 } as const;

/** What lies under a point: the crossing and rings first, then lines, then the faces of slabs. */
export function gripOf(drawn: DrawnLines, at: Point, touch: boolean): LineGrip | null {
  const { lines, crossing } = drawn;
  const reach = touch ? LINE_REACH_PX.touch : LINE_REACH_PX.mouse;
  const handles: { grip: LineGrip; far: number }[] = lines.flatMap(({ kind, rings }) => rings.map((ring) => ({ grip: { part: 'ring', kind }, far: apart(ring, at) })));
  if (lines.length > 0) handles.push({ grip: { part: 'crossing' }, far: apart(crossing, at) });
  const near = (found: { grip: LineGrip; far: number }[], within: number): LineGrip | null =>
    found.filter(({ far }) => far <= within).sort((one, other) => one.far - other.far)[0]?.grip ?? null;
  const whole = lines.map(({ kind, whole: segment }): { grip: LineGrip; far: number } => ({ grip: { part: 'line', kind }, far: distanceTo(segment, at) }));
  const faces = lines.flatMap(({ kind, faces: both }) => both.map((segment): { grip: LineGrip; far: number } => ({ grip: { part: 'slab', kind }, far: distanceTo(segment, at) })));
  const handle = near(handles, HANDLE_REACH_PX);
  if (handle !== null) return handle;
  // Of a thin slab the faces lie within the reach of the line: the nearer one is meant.
  return near([...whole, ...faces], reach);
}

function apart(one: Point, other: Point): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

function distanceTo({ from, to }: Segment, at: Point): number {
  const length = apart(from, to);
  if (length === 0) return apart(from, at);
  const share = Math.min(1, Math.max(0, ((at.x - from.x) * (to.x - from.x) + (at.y - from.y) * (to.y - from.y)) / length ** 2));
  return apart(between(from, to, share), at);
}
