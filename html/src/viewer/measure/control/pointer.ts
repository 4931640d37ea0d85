/**
 * Drawing and editing with one pointer in one window. A line is drawn with click, move and click, or with press, drag and
 * release; a double click ends what has as many points as one likes. Positions are pixels of the interface in the window.
 */

import type { Point } from '../../model/geometry';
import { isMeasureTool, type MeasureTool, type Tool } from '../../model/tools';
import type { Box } from '../model/layout';
import { type MeasureSurface, samePlace } from '../model/place';
import { beginsLine, distanceTo, handles, MAX_POINTS, moved, nearer, outlines, toolShapes, withHandle } from '../model/shapes';
import type { Draft, Measurement, Measures } from './measures';

/** Less than this is a click that trembles. */
const CLICK_PX = 3;
/** How near a mouse, and a finger, must come: 44 px across for fingers. */
const REACH_MOUSE = { handle: 11, line: 6 } as const;
const REACH_TOUCH = { handle: 22, line: 16 } as const;
const KEY_STEP_PX = 1;
const KEY_STRIDE_PX = 10;

export type Grip = { id: number; part: 'handle'; handle: number } | { id: number; part: 'line' } | { id: number; part: 'label' };

interface Press {
  from: Point;
  touch: boolean;
  moved: boolean;
  /** What is dragged, as it was; null while something is drawn. */
  edit: { grip: Grip; item: Measurement; label: Point; began: boolean } | null;
  /** The press itself began the shape. */
  began: boolean;
}

export class MeasurePointer {
  readonly #measures: Measures;
  readonly #surface: () => MeasureSurface | null;
  #press: Press | null = null;
  #taken = false;
  /** What the left button drives, and what it drove when the draft was begun: another tool ends the drawing. */
  #left: Tool | null = null;
  #leftAtStart: Tool | null = null;
  #labels: ReadonlyMap<number, Box> = new Map();

  /** @param surface what the window shows now */
  constructor(measures: Measures, surface: () => MeasureSurface | null) {
    this.#measures = measures;
    this.#surface = surface;
  }

  /** Where the labels stand, told by whoever draws them. */
  setLabels(labels: ReadonlyMap<number, Box>): void {
    this.#labels = labels;
  }

  /** Whether a click would take hold of a shape that is there. */
  get isOverOne(): boolean {
    return this.#measures.state.hovered !== null;
  }

  /** Whether a press holds something now. */
  get isDown(): boolean {
    return this.#press !== null;
  }

  /**
   * A button or finger goes down; true when it is for measuring and must do nothing else.
   *
   * @param tool what the button drives
   */
  down(at: Point, tool: Tool, touch: boolean): boolean {
    this.#taken = this.#down(at, tool, touch);
    return this.#taken;
  }

  /** Moves while down. */
  move(at: Point): void {
    const press = this.#press;
    const surface = this.#surface();
    if (press === null || surface === null) return;
    if (!press.moved && nearer(at, press.from, CLICK_PX)) return;
    press.moved = true;
    if (press.edit === null) {
      this.#float(at, surface);
      return;
    }
    const { grip, item, label, began } = press.edit;
    if (!began) this.#measures.beginEdit();
    press.edit.began = true;
    if (grip.part === 'label') {
      // Not beyond the window: a label there is lost.
      const to = { x: held(at.x, surface.width), y: held(at.y, surface.height) };
      this.#measures.change(item.id, { label: { x: label.x + to.x - press.from.x, y: label.y + to.y - press.from.y } }, surface);
      return;
    }
    const from = surface.fromCanvas(press.from, item.place);
    const to = surface.fromCanvas(at, item.place);
    if (grip.part === 'line') {
      this.#measures.change(item.id, { points: moved(item.points, to.x - from.x, to.y - from.y) }, surface);
      return;
    }
    // The handle keeps its distance to the pointer: nothing jumps when it is taken hold of beside its middle.
    const handle = handles(item.tool, item.points)[grip.handle];
    if (handle === undefined) return;
    const placed = { x: handle.x + to.x - from.x, y: handle.y + to.y - from.y };
    this.#measures.change(item.id, { points: withHandle(item.tool, item.points, grip.handle, placed) }, surface);
  }

  /** Goes up again. */
  up(at: Point): void {
    const press = this.#press;
    this.#press = null;
    const surface = this.#surface();
    const { draft } = this.#measures.state;
    if (press === null || press.edit !== null || draft === null || surface === null) return;
    if (press.began && !press.moved) return; // the first click: the next point follows the pointer
    this.#fix(draft, at, surface, press.touch);
  }

  /** The system, or another gesture, took the pointer: what this press began is dropped. */
  cancel(): void {
    const press = this.#press;
    this.#press = null;
    if (press === null) return;
    if (press.edit?.began === true) this.#measures.undo();
    else if (press.began && press.edit === null) this.drop();
  }

  /**
   * Moves with no button down.
   *
   * @param tool what the left button drives
   */
  hover(at: Point, tool: Tool): void {
    const surface = this.#surface();
    this.#left = tool;
    if (surface === null || this.#press !== null) return;
    const before = this.#draftHere(surface);
    if (before !== null && before.tool !== tool && this.#leftAtStart !== null && this.#leftAtStart !== tool) this.drop();
    if (this.#draftHere(surface) !== null) {
      this.#float(at, surface);
      return;
    }
    const grip = this.gripAt(at, false);
    this.#measures.hover(grip?.id ?? null);
    if (tool === 'point' && grip === null && surface.place !== null) this.#measures.probe(surface.fromCanvas(at, surface.place), surface);
    else this.#measures.probe(null, null);
  }

  /** The pointer left the window. */
  leave(): void {
    this.#measures.hover(null);
    this.#measures.probe(null, null);
  }

  /** Whether the last press, and so a double click, was for measuring. */
  get tookLast(): boolean {
    return this.#taken;
  }

  /** What the context menu at a point is about. */
  openMenu(at: Point, touch: boolean): void {
    this.#measures.store.set({ menu: this.gripAt(at, touch)?.id ?? null });
  }

  /** Drops what is being drawn; false when there is nothing. */
  drop(): boolean {
    if (this.#measures.state.draft === null) return false;
    this.#press = null;
    this.#measures.setDraft(null, null);
    return true;
  }

  /** Ends a shape of as many points as one likes; false where it has too few. */
  finish(): boolean {
    const surface = this.#surface();
    const draft = surface === null ? null : this.#draftHere(surface);
    if (draft === null || surface === null || draft.fixed.length < toolShapes[draft.tool].points) return false;
    this.#measures.finish(draft);
    this.#measures.ensure(surface);
    return true;
  }

  /** Takes back the last point that was set. */
  back(): boolean {
    const surface = this.#surface();
    const draft = surface === null ? null : this.#draftHere(surface);
    if (draft === null) return false;
    if (draft.fixed.length < 2) return this.drop();
    const fixed = draft.fixed.slice(0, -1);
    this.#measures.setDraft({ ...draft, fixed, floating: beginsLine(draft.tool, fixed.length) ? null : draft.floating }, surface);
    return true;
  }

  /** Drawing without a mouse: Enter shows a cross that arrows move, and sets points with it. True when a key was for this. */
  key(key: string, shift: boolean, tool: Tool): boolean {
    const surface = this.#surface();
    const { cursor } = this.#measures.state;
    if (surface === null || surface.place === null) return false;
    if (cursor === null || cursor.cellNumber !== surface.cellNumber) {
      if (key !== 'Enter' || !isMeasureTool(tool)) return false;
      if (this.#draftHere(surface) !== null) return this.finish(); // drawn with a mouse until now
      this.#moveCursor({ x: surface.width / 2, y: surface.height / 2 }, tool, surface);
      return true;
    }
    const way = ARROWS[key];
    if (way !== undefined) {
      const step = shift ? KEY_STRIDE_PX : KEY_STEP_PX;
      const at = { x: held(cursor.at.x + way.x * step, surface.width), y: held(cursor.at.y + way.y * step, surface.height) };
      this.#moveCursor(at, tool, surface);
      return true;
    }
    if (key === 'Escape') {
      this.drop();
      this.#measures.probe(null, null);
      this.#measures.store.set({ cursor: null });
      return true;
    }
    if (key !== 'Enter') return false;
    if (this.#begin(cursor.at, tool, surface, false)) this.up(cursor.at);
    return true;
  }

  /** What lies under a point: handles of the chosen one first, then labels and lines, the last drawn first. */
  gripAt(at: Point, touch: boolean): Grip | null {
    const surface = this.#surface();
    if (surface === null) return null;
    const reach = touch ? REACH_TOUCH : REACH_MOUSE;
    const { chosen } = this.#measures.state;
    const items = [...this.#measures.shown(surface)].sort((one, other) => Number(other.id === chosen) - Number(one.id === chosen) || other.id - one.id);
    const near = (item: Measurement, within: number): number | null => {
      const places = handles(item.tool, item.points).map((point) => surface.toCanvas(point, item.place));
      const distances = places.map((point) => Math.hypot(point.x - at.x, point.y - at.y));
      const least = Math.min(...distances);
      return least <= within ? distances.indexOf(least) : null;
    };
    for (const item of items) {
      const handle = near(item, item.id === chosen ? reach.handle : reach.line + 2);
      if (handle !== null) return { id: item.id, part: 'handle', handle };
    }
    for (const item of items) {
      const box = this.#labels.get(item.id);
      if (box !== undefined && inside(box, at)) return { id: item.id, part: 'label' };
      const lines = outlines(item.tool, item.points).map((line) => line.map((point) => surface.toCanvas(point, item.place)));
      if (lines.some((line) => distanceTo(line, at) <= reach.line)) return { id: item.id, part: 'line' };
    }
    return null;
  }

  #down(at: Point, tool: Tool, touch: boolean): boolean {
    const surface = this.#surface();
    if (surface === null || this.#press !== null) return false;
    const { draft } = this.#measures.state;
    if (draft !== null && (draft.tool !== tool || this.#draftHere(surface) === null)) this.drop();
    if (this.#measures.state.draft === null) {
      const grip = this.gripAt(at, touch);
      const item = this.#measures.item(grip?.id ?? null);
      if (grip !== null && item !== null) {
        this.#measures.choose(grip.id);
        this.#measures.probe(null, null);
        this.#press = { from: at, touch, moved: false, began: false, edit: { grip, item, label: this.#labelOf(item, surface), began: false } };
        return true;
      }
      this.#measures.choose(null);
    }
    return this.#begin(at, tool, surface, touch);
  }

  /** A press that draws. */
  #begin(at: Point, tool: Tool, surface: MeasureSurface, touch: boolean): boolean {
    const { place } = surface;
    if (!isMeasureTool(tool) || place === null) return false;
    this.#measures.probe(null, null);
    const before = this.#draftHere(surface);
    if (before === null) this.#leftAtStart = this.#left;
    const draft = before ?? fresh(tool, surface);
    const began = beginsLine(tool, draft.fixed.length) && tool !== 'point';
    this.#press = { from: at, touch, moved: false, began, edit: null };
    const point = surface.fromCanvas(at, place);
    if (began) this.#measures.setDraft({ ...draft, fixed: [...draft.fixed, point], floating: null }, surface);
    else this.#measures.setDraft({ ...draft, floating: point }, surface);
    return true;
  }

  #float(at: Point, surface: MeasureSurface): void {
    const draft = this.#draftHere(surface);
    if (draft === null || (beginsLine(draft.tool, draft.fixed.length) && draft.tool !== 'point')) return;
    this.#measures.setDraft({ ...draft, floating: surface.fromCanvas(at, draft.place) }, surface);
  }

  #fix(draft: Draft, at: Point, surface: MeasureSurface, touch: boolean): void {
    const { open, closed, points: needed } = toolShapes[draft.tool];
    const onto = (point: Point | undefined, distance: number): boolean => point !== undefined && nearer(surface.toCanvas(point, draft.place), at, distance);
    if (open && draft.fixed.length >= needed) {
      const closes = closed && onto(draft.fixed[0], touch ? REACH_TOUCH.handle : REACH_MOUSE.handle);
      if (closes || onto(draft.fixed.at(-1), CLICK_PX + 1) || draft.fixed.length >= MAX_POINTS) {
        this.#end({ ...draft, floating: null }, surface);
        return;
      }
    }
    // A second click on the same spot: no line has no length.
    if (!beginsLine(draft.tool, draft.fixed.length) && onto(draft.fixed.at(-1), CLICK_PX)) return;
    const fixed = [...draft.fixed, surface.fromCanvas(at, draft.place)];
    const next = { ...draft, fixed, floating: null };
    if (!open && fixed.length >= needed) this.#end(next, surface);
    else this.#measures.setDraft(next, surface);
  }

  #end(draft: Draft, surface: MeasureSurface): void {
    this.#measures.finish(draft);
    this.#measures.ensure(surface);
  }

  /** The draft, if it is of what this window shows. */
  #draftHere(surface: MeasureSurface): Draft | null {
    const { draft } = this.#measures.state;
    if (draft === null || draft.cellNumber !== surface.cellNumber || surface.place === null) return null;
    return surface.shows(draft.place) || samePlace(draft.place, surface.place) ? draft : null;
  }

  #moveCursor(at: Point, tool: Tool, surface: MeasureSurface): void {
    this.#measures.store.set({ cursor: { cellNumber: surface.cellNumber, at } });
    this.hover(at, tool);
  }

  /** Where the label stands now, from the middle of its shape. */
  #labelOf(item: Measurement, surface: MeasureSurface): Point {
    const box = this.#labels.get(item.id);
    if (item.label !== null || box === undefined) return item.label ?? { x: 0, y: 0 };
    const middle = middleOf(item, surface);
    return { x: box.left - middle.x, y: box.top - middle.y };
  }
}

/** The middle of a shape in the window: labels are placed from there. */
export function middleOf(item: Pick<Measurement, 'tool' | 'points' | 'place'>, surface: MeasureSurface): Point {
  const places = item.points.map((point) => surface.toCanvas(point, item.place));
  const all = places.length === 0 ? [{ x: 0, y: 0 }] : places;
  const xs = all.map(({ x }) => x);
  const ys = all.map(({ y }) => y);
  return { x: (Math.min(...xs) + Math.max(...xs)) / 2, y: (Math.min(...ys) + Math.max(...ys)) / 2 };
}

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

function fresh(tool: MeasureTool, surface: MeasureSurface): Draft {
  if (surface.place === null) throw new Error('There is nothing to measure here.');
  return { tool, place: surface.place, cellNumber: surface.cellNumber, fixed: [], floating: null, answers: {} };
}

function inside(box: Box, at: Point): boolean {
  return at.x >= box.left && at.x <= box.left + box.width && at.y >= box.top && at.y <= box.top + box.height;
}

function held(value: number, end: number): number {
  return Math.min(end, Math.max(0, value));
}
