/** Held tools: what dragging does to a cell. Each move is reckoned from the start of the drag, so nothing adds up. */

import type { CellController } from '../control/cell';
import { type CellState, resolvePlacement } from '../control/cellState';
import { panBy, type Placement, type Point, turnAbout, zoomAbout } from '../model/geometry';
import { frameAt, isColour, sizeOf } from '../model/series';
import { recommendation, voiFunction } from '../model/seriesWindow';
import type { Tool } from '../model/tools';
import { dragWindow, type WidthLevel, windowValues } from '../model/windowing';
import type { TwoFingers } from './gestures';

/** The window that the doctor sees or has asked for; null for colour, or while it is not known. */
export function currentWindow(state: CellState): WidthLevel | null {
  const { window } = state.data;
  if (window.kind === 'values') return { width: window.width, center: window.center };
  if (window.kind === 'recommended') {
    const own = recommendation(state.detail, state.reference.image, window.scope)?.windows[window.index ?? 0];
    if (own !== undefined) return { width: own.width, center: own.center };
  }
  const { shown } = state;
  if (shown === null || shown.windowCenter === null || shown.windowWidth === null || shown.windowWidth <= 0) return null;
  return { width: shown.windowWidth, center: shown.windowCenter };
}

/** The canvas lies over `box`; positions are pixels of the interface from its upper left corner. */
export interface Box {
  width: number;
  height: number;
}

/** Pixels to drag for one image more: a long series passes within the height of the window. */
export function scrollStepCss(imageCount: number, height: number): number {
  return Math.min(24, Math.max(3, (height * 0.8) / Math.max(1, imageCount)));
}

export class ToolDrag {
  readonly #cell: CellController;
  readonly #tool: Tool;
  readonly #from: Point;
  readonly #box: Box;
  readonly #window: WidthLevel | null;
  readonly #placement: Placement | null;
  readonly #index: number;
  readonly #aspect: number;
  #moved = false;

  constructor(cell: CellController, tool: Tool, from: Point, box: Box) {
    const { state } = cell;
    const frame = frameAt(state.detail, state.reference.image);
    this.#cell = cell;
    this.#tool = tool;
    this.#from = from;
    this.#box = box;
    this.#window = frame !== null && isColour(frame) ? null : currentWindow(state);
    this.#placement = resolvePlacement(state);
    this.#aspect = frame === null ? 1 : sizeOf(frame).pixelAspect;
    this.#index = cell.index;
    cell.beginDrag();
  }

  get moved(): boolean {
    return this.#moved;
  }

  move(to: Point, at: number): void {
    const { state } = this.#cell;
    const dx = to.x - this.#from.x;
    const dy = to.y - this.#from.y;
    if (dx !== 0 || dy !== 0) this.#moved = true;
    if (this.#tool === 'scroll') {
      const step = scrollStepCss(state.detail?.frames.length ?? 1, this.#box.height);
      this.#cell.goTo(this.#index + Math.trunc(dy / step), at, true);
      return;
    }
    if (this.#tool === 'window') {
      if (this.#window === null) return;
      const values = dragWindow(this.#window, dx, dy);
      const window = windowValues(values, voiFunction(state.detail, state.reference.image));
      this.#cell.change({ data: { window, presetId: null } }, at, true);
      return;
    }
    const placement = this.#placement;
    if (placement === null) return;
    const { canvas } = state;
    const k = canvas.perCss;
    const from = { x: this.#from.x * k, y: this.#from.y * k };
    if (this.#tool === 'pan') this.#lay(panBy(placement, canvas, this.#aspect, dx * k, dy * k), at);
    else if (this.#tool === 'zoom') this.#lay(zoomAbout(placement, canvas, this.#aspect, from, Math.exp(-dy / 160)), at);
    else {
      const middle = { x: canvas.widthPx / 2, y: canvas.heightPx / 2 };
      const angle = (point: Point): number => Math.atan2(point.y * k - middle.y, point.x * k - middle.x) * (180 / Math.PI);
      const degrees = Math.round((angle(to) - angle(this.#from)) * 10) / 10;
      this.#lay(turnAbout(placement, canvas, this.#aspect, middle, degrees), at);
    }
  }

  end(at: number): void {
    this.#cell.endDrag(at);
  }

  #lay(placement: Placement, at: number): void {
    this.#cell.change({ presentation: placement }, at, true);
  }
}

/** Zooms about a point (pixels of the interface in the window): the wheel with Ctrl. */
export function zoomCell(cell: CellController, at: Point, factor: number, time: number): void {
  const placement = resolvePlacement(cell.state);
  const frame = frameAt(cell.state.detail, cell.state.reference.image);
  if (placement === null || frame === null) return;
  const { canvas } = cell.state;
  const point = { x: at.x * canvas.perCss, y: at.y * canvas.perCss };
  cell.change({ presentation: zoomAbout(placement, canvas, sizeOf(frame).pixelAspect, point, factor) }, time, true);
}

/** Two fingers: move, pinch and turn together, from where they started. */
export class TwoFingerDrag {
  readonly #cell: CellController;
  readonly #placement: Placement | null;
  readonly #aspect: number;

  constructor(cell: CellController) {
    const frame = frameAt(cell.state.detail, cell.state.reference.image);
    this.#cell = cell;
    this.#placement = resolvePlacement(cell.state);
    this.#aspect = frame === null ? 1 : sizeOf(frame).pixelAspect;
    cell.beginDrag();
  }

  move(fingers: TwoFingers, time: number): void {
    if (this.#placement === null) return;
    const { canvas } = this.#cell.state;
    const k = canvas.perCss;
    const to = { x: fingers.to.x * k, y: fingers.to.y * k };
    let next = panBy(this.#placement, canvas, this.#aspect, to.x - fingers.from.x * k, to.y - fingers.from.y * k);
    if (fingers.factor !== 1) next = zoomAbout(next, canvas, this.#aspect, to, fingers.factor);
    if (fingers.degrees !== 0) next = turnAbout(next, canvas, this.#aspect, to, Math.round(fingers.degrees * 10) / 10);
    this.#cell.change({ presentation: next }, time, true);
  }

  end(time: number): void {
    this.#cell.endDrag(time);
  }
}
