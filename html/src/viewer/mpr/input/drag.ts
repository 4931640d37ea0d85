/** What dragging does on a window of MPR. Each move is reckoned from the start of the drag, so nothing adds up. */

import type { TwoFingers } from '../../input/gestures';
import { scrollStepCss } from '../../input/drag';
import { type CrossingPlanes, draggedAngle, planeOf } from '../../model/crossing';
import { normalDegrees, type Point } from '../../model/geometry';
import { distanceMm, lpsOnPlane, pannedLook, type PlaneKind, type PlaneLook, type PlaneView, resolvePlane, zoomedLook } from '../../model/plane';
import { isMeasureTool } from '../../model/tools';
import { add, subtract, type Vector } from '../../model/vector';
import { dragWindow, type WidthLevel } from '../../model/windowing';
import type { MprController } from '../control/mpr';
import { drawnLines, gripOf, type LineGrip } from '../model/lines';
import type { MprTool } from '../model/state';

/** A whole e-fold of zooming over so many pixels of the interface. */
const ZOOM_PX = 160;
/** The picture turns by steps of this much. */
const TURN_STEP_DEG = 0.1;

export interface PlaneDrag {
  move: (to: Point, at: number) => void;
  end: (at: number) => void;
}

/** What lies under a pointer on a window; null while lines are off or nothing is known. */
export function gripAt(mpr: MprController, kind: PlaneKind, at: Point, touch: boolean): LineGrip | null {
  const { planes, lines, slab, thicknessMm, overlay } = mpr.state;
  const view = mpr.view(kind);
  if (!lines || overlay === 'off' || planes === null || view === null) return null;
  return gripOf(drawnLines(planes, view, mpr.cell(kind).state.canvas.perCss, slab === 'plane' ? null : thicknessMm), at, touch);
}

/** Positions are pixels of the interface in the window. */
class Drag {
  protected readonly mpr: MprController;
  protected readonly kind: PlaneKind;
  protected readonly from: Point;
  protected readonly view: PlaneView;
  protected readonly planes: CrossingPlanes;
  protected readonly perCss: number;

  constructor(mpr: MprController, kind: PlaneKind, from: Point, view: PlaneView, planes: CrossingPlanes) {
    this.mpr = mpr;
    this.kind = kind;
    this.from = from;
    this.view = view;
    this.planes = planes;
    this.perCss = mpr.cell(kind).state.canvas.perCss;
    mpr.beginDrag();
  }

  /** The point of the plane, as it was at the start, under a point of the window. */
  protected lps(at: Point): Vector {
    return lpsOnPlane(this.view, this.px(at));
  }

  protected px(at: Point): Point {
    return { x: at.x * this.perCss, y: at.y * this.perCss };
  }

  end(at: number): void {
    this.mpr.endDrag(at);
  }
}

/** The crossing, a line, a ring or a slab's face in the hand. */
class LineDrag extends Drag implements PlaneDrag {
  readonly #grip: LineGrip;

  constructor(mpr: MprController, kind: PlaneKind, from: Point, view: PlaneView, planes: CrossingPlanes, grip: LineGrip) {
    super(mpr, kind, from, view, planes);
    this.#grip = grip;
  }

  move(to: Point, at: number): void {
    const grip = this.#grip;
    const [start, now] = [this.lps(this.from), this.lps(to)];
    // The crossing keeps its distance to the pointer: nothing jumps when it is taken beside its middle.
    if (grip.part === 'crossing') this.mpr.move(add(this.planes.crossing, subtract(now, start)), at, true);
    else if (grip.part === 'ring') this.mpr.turn(this.planes, this.kind, draggedAngle(this.planes, this.kind, start, now), grip.kind, at, true);
    else {
      const other = planeOf(this.planes, grip.kind);
      if (grip.part === 'line') this.mpr.shift(this.planes, grip.kind, distanceMm(other, now) - distanceMm(other, start), at);
      else this.mpr.setThickness(2 * Math.abs(distanceMm(other, now)), at, true);
    }
  }
}

/** A tool in the hand. */
class ToolDrag extends Drag implements PlaneDrag {
  readonly #tool: MprTool;
  readonly #look: PlaneLook;
  readonly #window: WidthLevel | null;
  readonly #step: { css: number; number: number };

  constructor(mpr: MprController, kind: PlaneKind, from: Point, view: PlaneView, planes: CrossingPlanes, tool: MprTool) {
    super(mpr, kind, from, view, planes);
    const { count, number } = mpr.steps(kind);
    this.#tool = tool;
    this.#look = mpr.state.looks[kind];
    this.#window = mpr.windowValues;
    this.#step = { css: scrollStepCss(count, view.heightPx / this.perCss), number };
  }

  move(to: Point, at: number): void {
    const [dx, dy] = [to.x - this.from.x, to.y - this.from.y];
    const look = this.#look;
    switch (this.#tool) {
      case 'cursor':
        this.mpr.point(this.lps(to));
        return;
      case 'window':
        if (this.#window !== null) this.mpr.dragWindow(dragWindow(this.#window, dx, dy), at);
        return;
      case 'scroll':
        this.mpr.goTo(this.kind, this.#step.number + Math.trunc(dy / this.#step.css), at, true);
        return;
      case 'pan':
        this.mpr.setLook(this.kind, pannedLook(look, this.view, dx * this.perCss, dy * this.perCss), at, true);
        return;
      case 'zoom':
        this.mpr.setLook(this.kind, zoomedLook(look, this.view, Math.exp(-dy / ZOOM_PX), this.px(this.from)), at, true);
        return;
      case 'rotate': {
        const middle = { x: this.view.widthPx / 2 / this.perCss, y: this.view.heightPx / 2 / this.perCss };
        const angle = (point: Point): number => (Math.atan2(point.y - middle.y, point.x - middle.x) * 180) / Math.PI;
        this.mpr.setLook(this.kind, turnedLook(look, angle(to) - angle(this.from)), at, true);
      }
    }
  }
}

/** About the middle of the window, where the centre of the look lies. */
function turnedLook(look: PlaneLook, degrees: number): PlaneLook {
  return { ...look, rotationDeg: normalDegrees(look.rotationDeg + Math.round(degrees / TURN_STEP_DEG) * TURN_STEP_DEG) };
}

/** A drag that begins; null where nothing can be dragged. The crossing moves by itself or by its lines: beside them only a click brings it. */
export function beginDrag(mpr: MprController, kind: PlaneKind, from: Point, grip: LineGrip | null, tool: MprTool): PlaneDrag | null {
  const view = mpr.view(kind);
  const { planes } = mpr.state;
  if (view === null || planes === null) return null;
  if (grip !== null) return new LineDrag(mpr, kind, from, view, planes, grip);
  return isMeasureTool(tool) || tool === 'crossing' ? null : new ToolDrag(mpr, kind, from, view, planes, tool);
}

/** Zooms about a point of the window: the wheel with Ctrl. */
export function zoomPlane(mpr: MprController, kind: PlaneKind, at: Point, factor: number, time: number): void {
  const view = mpr.view(kind);
  const { perCss } = mpr.cell(kind).state.canvas;
  if (view !== null) mpr.setLook(kind, zoomedLook(mpr.state.looks[kind], view, factor, { x: at.x * perCss, y: at.y * perCss }), time, true);
}

/** Two fingers: move, pinch and turn the picture together, from where they started. */
export class TwoFingerDrag {
  readonly #mpr: MprController;
  readonly #kind: PlaneKind;
  readonly #view: PlaneView | null;
  readonly #look: PlaneLook;

  constructor(mpr: MprController, kind: PlaneKind) {
    this.#mpr = mpr;
    this.#kind = kind;
    this.#view = mpr.view(kind);
    this.#look = mpr.state.looks[kind];
    mpr.beginDrag();
  }

  move(fingers: TwoFingers, time: number): void {
    const { grid } = this.#mpr;
    const { planes } = this.#mpr.state;
    const view = this.#view;
    if (view === null || grid === null || planes === null) return;
    const { canvas } = this.#mpr.cell(this.#kind).state;
    const k = canvas.perCss;
    const to = { x: fingers.to.x * k, y: fingers.to.y * k };
    const resolve = (look: PlaneLook): PlaneView => resolvePlane(grid, planeOf(planes, this.#kind), look, canvas);
    let look = pannedLook(this.#look, view, to.x - fingers.from.x * k, to.y - fingers.from.y * k);
    if (fingers.factor !== 1) look = zoomedLook(look, resolve(look), fingers.factor, to);
    if (fingers.degrees !== 0) {
      const kept = lpsOnPlane(resolve(look), to);
      look = turnedLook(look, fingers.degrees);
      const turned = resolve(look);
      look = { ...look, center: add(turned.center, subtract(kept, lpsOnPlane(turned, to))) };
    }
    this.#mpr.setLook(this.#kind, look, time, true);
  }

  end(time: number): void {
    this.#mpr.endDrag(time);
  }
}
