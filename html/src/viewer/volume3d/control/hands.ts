/** What pointers do on the picture: drags by the tool of their button, clicks by the tool of the left one. */

import type { CameraPose, Look, Pick, Picked, Sentence } from '../../../shared/protocol/messages';
import { Store } from '../../control/store';
import type { TwoFingers } from '../../input/gestures';
import type { Point } from '../../model/geometry';
import type { Clock } from '../../stream/clock';
import type { Vector } from '../../model/vector';
import { dragWindow, type WidthLevel } from '../../model/windowing';
import { type Camera, panned, poseOf, rolled, turnedByDrag, zoomed } from '../model/camera';
import { opacityAt, windowOf } from '../model/look';
import { type MeasureKind, pointsOf } from '../model/measure';
import type { SceneController } from './scene';
import type { HeldTool, Tool } from './sceneState';

/** So near to the first point, pixels of the interface, a click closes the outline. */
const CLOSES_PX = 10;
/** The contract takes no more. */
const MAX_OUTLINE = 256;
const MAX_STROKE = 256;
/** A cut of a large volume takes a moment. */
const AGAIN_MS = 150;
const MOST_TRIES = 40;
/** A whole turn of zooming over so many pixels of the interface. */
const ZOOM_PX = 160;

/** What a tool says to the doctor. */
export type NoticeCode = 'nothingThere' | 'tooManyCuts' | 'lost' | 'refused';

export interface HandsState {
  /** Corners of the outline that is being drawn, pixels of the interface in the window. */
  readonly outline: readonly Point[];
  /** Where the pointer is while something is drawn. */
  readonly pointer: Point | null;
  /** Centres of the sphere's stroke, in the patient. */
  readonly stroke: readonly Vector[];
  /** `words` are the server's own, said in the doctor's language where the page knows them. */
  readonly notice: { readonly code: NoticeCode; readonly words: Sentence | null; readonly id: number } | null;
}

/** Who wants to know about a point of the model that was picked for him. */
export interface HandsTargets {
  /** MPR planes go there. */
  select: (point: Vector) => void;
}

export class Hands {
  readonly store = new Store<HandsState>({ outline: [], pointer: null, stroke: [], notice: null });
  readonly #scene: SceneController;
  readonly #targets: HandsTargets;
  readonly #pause: (ms: number) => Promise<void>;
  #notices = 0;

  constructor(scene: SceneController, targets: HandsTargets, clock: Clock) {
    this.#scene = scene;
    this.#pause = (ms) => new Promise((resolve) => void clock.setTimeout(resolve, ms));
    this.#targets = targets;
  }

  get state(): HandsState {
    return this.store.get();
  }

  /** What the left button's tool makes of a click; coordinates are pixels of the interface in the window. */
  click(at: Point, time: number): void {
    const { left } = this.#scene.state.bindings;
    this.#scene.select(null);
    if (left === 'cutInside' || left === 'cutOutside') this.#corner(at, time);
    else if (left === 'center') void this.pick(at).then((point) => point !== null && this.#scene.center(point, time));
    else if (left === 'select') void this.pick(at).then((point) => point !== null && this.#targets.select(point));
    else if (left === 'cutObject' || left === 'keepObject') void this.#cutObject(at, left === 'keepObject', time);
    else if (left === 'line' || left === 'polyline' || left === 'angle' || left === 'marker') void this.#measure(at, left);
  }

  /** Ends an outline, or a polygonal ruler. */
  doubleClick(time: number): void {
    if (this.state.outline.length > 0) this.closeOutline(time);
    else this.#scene.endDraft();
  }

  hover(at: Point | null): void {
    const { left } = this.#scene.state.bindings;
    const draws = this.state.outline.length > 0 || this.#scene.state.draft !== null || left === 'removeSphere' || left === 'restoreSphere';
    if (draws || this.state.pointer !== null) this.store.set({ pointer: draws ? at : null });
  }

  /** Drops what is unfinished; true where there was something. */
  escape(): boolean {
    const unfinished = this.state.outline.length > 0 || this.state.stroke.length > 0 || this.#scene.state.draft !== null;
    this.store.set({ outline: [], stroke: [], pointer: null });
    this.#scene.dropDraft();
    return unfinished;
  }

  closeOutline(time: number): void {
    const { outline } = this.state;
    const corners = outline.filter((point, index) => index === 0 || apart(point, outline[index - 1] as Point) > 1);
    const pose = this.#pose();
    this.store.set({ outline: [], pointer: null });
    if (corners.length < 3 || pose === null) return;
    const { perCss } = this.#scene.cell.state.canvas;
    const points = corners.map(({ x, y }): [number, number] => [x * perCss, y * perCss]);
    this.#cut({ kind: 'polygon', pose, points, inside: this.#scene.state.bindings.left !== 'cutOutside' }, time);
  }

  /** The point of the patient that is seen there; null, and said so, where nothing is. */
  async pick(at: Point, key = 'pick', quiet = false): Promise<Vector | null> {
    const { perCss } = this.#scene.cell.state.canvas;
    const what = { kind: 'pick', x_px: at.x * perCss, y_px: at.y * perCss } as const;
    try {
      const point = await this.#picked(what, key);
      if (point === null && !quiet) this.say('nothingThere');
      return point;
    } catch (error) {
      const code = codeOf(error);
      if (!quiet && code !== 'superseded') this.say(code === 'lost' || code === 'gone' ? 'lost' : 'refused', error instanceof Error ? { code, numbers: [], texts: [], text: error.message } : null);
      return null;
    }
  }

  /** While what was cut away is being made, it is asked again. */
  async #picked(what: Pick, key: string): Promise<Vector | null> {
    for (let tries = 1; ; tries += 1) {
      try {
        return ((await this.#scene.cell.ask(what, key)) as Picked).p_lps_mm;
      } catch (error) {
        if (codeOf(error) !== 'cut_in_work' || tries === MOST_TRIES) throw error;
        await this.#pause(AGAIN_MS);
      }
    }
  }

  say(code: NoticeCode, words: Sentence | null = null): void {
    this.store.set({ notice: { code, words, id: ++this.#notices } });
  }

  /** Between these values lies what shows: what a connected piece is made of. */
  get threshold(): { low: number; high: number } {
    const { threshold, look } = this.#scene.state;
    if (threshold !== null) return threshold;
    const { facts } = this.#scene;
    return visibleRange(look, facts?.lowest ?? 0, facts?.highest ?? 1);
  }

  /** A stroke of the sphere begins, goes on, or ends. */
  brush(phase: 'start' | 'move' | 'end', at: Point, time: number): void {
    const { left } = this.#scene.state.bindings;
    const restore = left === 'restoreSphere';
    if (phase === 'start') this.store.set({ stroke: [], pointer: at });
    else this.store.set({ pointer: at });
    if (phase !== 'end') {
      void this.pick(at, 'brush', true).then((point) => {
        if (point !== null) this.#stroke(point);
      });
      return;
    }
    // The last place counts, and what is on its way still.
    void this.pick(at, 'brush', this.state.stroke.length > 0).then((point) => {
      if (point !== null) this.#stroke(point);
      const { stroke } = this.state;
      this.store.set({ stroke: [] });
      if (stroke.length === 0) return;
      this.#cut({ kind: 'sphere', centers_lps_mm: stroke.map((center): [number, number, number] => [...center]), radius_mm: this.#scene.state.radiusMm, restore }, time);
    });
  }

  /** Both ends of a ruler at once: pressed, dragged, released. */
  drawLine(from: Point, to: Point): void {
    void Promise.all([this.pick(from, 'from'), this.pick(to, 'to')]).then(([start, end]) => {
      if (start === null || end === null || this.#scene.state.bindings.left !== 'line') return;
      this.#scene.dropDraft();
      this.#scene.addPoint('line', start, 2);
      this.#scene.addPoint('line', end, 2);
    });
  }

  #stroke(point: Vector): void {
    const { stroke } = this.state;
    const last = stroke[stroke.length - 1];
    const step = this.#scene.state.radiusMm / 4;
    if (stroke.length >= MAX_STROKE || (last !== undefined && Math.hypot(last[0] - point[0], last[1] - point[1], last[2] - point[2]) < step)) return;
    this.store.set({ stroke: [...stroke, point] });
  }

  #corner(at: Point, time: number): void {
    const { outline } = this.state;
    const [first] = outline;
    if (first !== undefined && outline.length >= 3 && apart(first, at) <= CLOSES_PX) {
      this.closeOutline(time);
      return;
    }
    if (outline.length < MAX_OUTLINE) this.store.set({ outline: [...outline, at], pointer: at });
  }

  async #cutObject(at: Point, keep: boolean, time: number): Promise<void> {
    const { low, high } = this.threshold;
    const point = await this.pick(at);
    if (point !== null) this.#cut({ kind: 'object', p_lps_mm: [...point], low, high, keep }, time);
  }

  async #measure(at: Point, kind: MeasureKind): Promise<void> {
    const point = await this.pick(at);
    // The tool may be another one by now.
    if (point !== null && this.#scene.state.bindings.left === kind) this.#scene.addPoint(kind, point, pointsOf[kind]);
  }

  #cut(step: Parameters<SceneController['cut']>[0], time: number): void {
    if (!this.#scene.cut(step, time)) this.say('tooManyCuts');
  }

  #pose(): CameraPose | null {
    const { camera } = this.#scene.state;
    const { canvas } = this.#scene.cell.state;
    return camera === null || canvas.widthPx < 1 ? null : poseOf(camera, canvas);
  }
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? '';
}

function apart(one: Point, other: Point): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

/** From this opacity on something is seen. */
const SEEN = 0.05;

/** The values of what a look shows. */
export function visibleRange(look: Look | null, lowest: number, highest: number): { low: number; high: number } {
  if (look === null) return { low: lowest, high: highest };
  if (look.mode === 'isosurface' && look.iso_value !== null) return { low: look.iso_value, high: Math.max(highest, look.iso_value + 1) };
  const { width, center } = windowOf(look);
  const middle = { low: center - width / 4, high: Math.max(highest, center) };
  if (look.mode === 'minip') return { low: lowest, high: center + width / 4 };
  if (look.mode !== 'shaded') return middle;
  const parts = 512;
  const on = look.tissues.filter((tissue) => tissue.on);
  for (let part = 0; part <= parts; part += 1) {
    const value = lowest + ((highest - lowest) * part) / parts;
    if (on.some((tissue) => opacityAt(tissue, value) >= SEEN)) return { low: value, high: highest };
  }
  return middle;
}

/** One drag of a button. Each move is reckoned from the start of the drag, so nothing adds up. */
export class Drag {
  readonly #scene: SceneController;
  readonly #tool: HeldTool;
  readonly #from: Point;
  readonly #camera: Camera | null;
  readonly #look: Look | null;
  readonly #window: WidthLevel | null;
  #last: Point;

  constructor(scene: SceneController, tool: HeldTool, from: Point) {
    this.#scene = scene;
    this.#tool = tool;
    this.#from = this.#last = from;
    this.#camera = scene.state.camera;
    this.#look = scene.state.look;
    this.#window = scene.window;
    scene.stopPlay();
    scene.cell.beginDrag();
  }

  move(to: Point, at: number): void {
    const camera = this.#camera;
    const { canvas } = this.#scene.cell.state;
    const k = canvas.perCss;
    const [dx, dy] = [to.x - this.#from.x, to.y - this.#from.y];
    if (this.#tool === 'window') {
      if (this.#look !== null && this.#window !== null) this.#scene.dragWindow(this.#look, dragWindow(this.#window, dx, dy), at);
    } else if (camera !== null && canvas.widthPx > 0) {
      if (this.#tool === 'pan') this.#scene.look(panned(camera, canvas, dx * k, dy * k), at, true);
      else if (this.#tool === 'zoom') this.#scene.look(zoomed(camera, Math.exp(-dy / ZOOM_PX)), at, true);
      // Turns do add up: the way of the pointer counts, not only where it ends.
      else this.#scene.turn((to.x - this.#last.x) * k, (to.y - this.#last.y) * k, at);
    }
    this.#last = to;
  }

  end(at: number): void {
    if (this.#tool === 'window') this.#scene.keepLook();
    this.#scene.cell.endDrag(at);
  }
}

/** Two fingers: move, pinch and turn together, from where they started. */
export class TwoFingerTurn {
  readonly #scene: SceneController;
  readonly #camera: Camera | null;

  constructor(scene: SceneController) {
    this.#scene = scene;
    this.#camera = scene.state.camera;
    scene.stopPlay();
    scene.cell.beginDrag();
  }

  move({ from, to, factor, degrees }: TwoFingers, at: number): void {
    if (this.#camera === null) return;
    const { canvas } = this.#scene.cell.state;
    if (canvas.widthPx < 1) return;
    const moved = panned(this.#camera, canvas, (to.x - from.x) * canvas.perCss, (to.y - from.y) * canvas.perCss);
    this.#scene.look(rolled(zoomed(moved, factor), degrees), at, true);
  }

  end(at: number): void {
    this.#scene.cell.endDrag(at);
  }
}

/** Turns by keys, degrees. */
export const KEY_TURN_DEG = 5;
const KEY_PAN_CSS = 20;
const KEY_ZOOM = 1.1;

/** Arrows turn, with Shift they move; plus and minus zoom. @returns whether the key meant that */
export function moveByKey(scene: SceneController, event: KeyboardEvent): boolean {
  const arrows: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const way = arrows[event.key];
  const at = event.timeStamp;
  if (way !== undefined) {
    scene.stopPlay();
    if (event.shiftKey) {
      const { perCss } = scene.cell.state.canvas;
      scene.pan(way[0] * KEY_PAN_CSS * perCss, way[1] * KEY_PAN_CSS * perCss, at);
    } else {
      scene.move((camera, canvas) => {
        const pixels = (Math.min(canvas.widthPx, canvas.heightPx) * KEY_TURN_DEG) / 180;
        return turnedByDrag(camera, canvas, way[0] * pixels, way[1] * pixels);
      }, at, true);
    }
    return true;
  }
  if (event.key === '+' || event.key === '=' || event.key === '-') {
    scene.zoom(event.key === '-' ? 1 / KEY_ZOOM : KEY_ZOOM, at);
    return true;
  }
  return false;
}

/** Keys of tools, as `aria-keyshortcuts` writes them. */
export const toolKeys: Readonly<Partial<Record<Tool, string>>> = { rotate: 'R', pan: 'M', zoom: 'Z', window: 'W', center: 'C', cutInside: 'X', line: 'L', angle: 'A', marker: 'K', select: 'P' };
