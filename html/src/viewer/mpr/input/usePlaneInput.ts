import { useEffect, useRef } from 'react';
import { useInterfaceScale } from '../../../shared/theme/InterfaceScale';
import { TouchRecogniser } from '../../input/gestures';
import { listenTo, onChrome, WheelSteps, wheelZoom } from '../../input/listening';
import type { MeasurePointer } from '../../measure/control/pointer';
import type { CrossingPlanes } from '../../model/crossing';
import type { Point } from '../../model/geometry';
import { lpsOnPlane, type PlaneKind } from '../../model/plane';
import { isMeasureTool, type Tool } from '../../model/tools';
import type { MprController } from '../control/mpr';
import type { LineGrip } from '../model/lines';
import { beginDrag, gripAt, type PlaneDrag, TwoFingerDrag, zoomPlane } from './drag';

export interface PlaneInputHandlers {
  /** Right click without a move, long press, or the menu key; page coordinates. */
  openMenu: (at: Point) => void;
  enlarge: () => void;
  /** Who draws here; asked before anything else is done with a button or a finger. */
  measuring: MeasurePointer;
}

const BUTTONS = ['left', 'middle', 'right'] as const;
/** A click moves a little; so much is a drag. */
const CLICK_PX = 4;
/** Two clicks so soon after each other may be a double one. */
const DOUBLE_MS = 600;
const CURSORS: Readonly<Record<LineGrip['part'], string>> = { crossing: 'move', ring: 'grab', line: 'move', slab: 'row-resize' };

interface Held {
  drag: PlaneDrag | null;
  pointer: number;
  button: (typeof BUTTONS)[number];
  from: Point;
  moved: boolean;
}

/** Mouse, wheel and fingers over a plane. */
export function usePlaneInput(element: HTMLElement | null, mpr: MprController, kind: PlaneKind, handlers: PlaneInputHandlers): void {
  const scale = useInterfaceScale();
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  useEffect(() => {
    if (element === null) return;
    const { on, place, onPage, stop } = listenTo(element, scale);
    const { measuring } = latest.current;
    const left = (): string => mpr.state.bindings.left;
    const measures = (tool: string): tool is Tool => isMeasureTool(tool);
    /** For measuring a tool of the planes is none that draws. */
    const asTool = (tool: string): Tool => (measures(tool) ? tool : 'pan');
    const grips = (at: Point, touch: boolean): LineGrip | null => (measures(left()) ? null : gripAt(mpr, kind, at, touch));
    const stopFilm = (): void => {
      if (mpr.state.playing !== null) mpr.stopPlay();
    };
    const lps = (at: Point): readonly [number, number, number] | null => {
      const view = mpr.view(kind);
      const { perCss } = mpr.cell(kind).state.canvas;
      return view === null ? null : lpsOnPlane(view, { x: at.x * perCss, y: at.y * perCss });
    };

    let held: Held | null = null;
    let drawing: Held | null = null;
    let pointed = false;
    const release = (at: number): void => {
      held?.drag?.end(at);
      held = null;
    };

    // Fingers
    let time = 0;
    let one: PlaneDrag | null = null;
    let two: TwoFingerDrag | null = null;
    let three: PlaneDrag | null = null;
    const origin = { x: 0, y: 0 };
    // Where the crossing was before a click moved it: a second click means to enlarge, and takes that back.
    let before: { planes: CrossingPlanes | null; at: number } = { planes: null, at: -Infinity };
    const enlarge = (): void => {
      const { planes, at } = before;
      if (planes !== null && time - at < 2 * DOUBLE_MS) mpr.backTo(planes, time);
      before = { planes: null, at: -Infinity };
      latest.current.enlarge();
    };
    /** A tap, or a click that did not move, with the tool that moves the crossing. */
    const tapped = (at: Point): void => {
      const point = lps(at);
      if (point === null) return;
      if (time - before.at > DOUBLE_MS) before = { planes: mpr.state.planes, at: time };
      if (left() === 'crossing') mpr.move(point, time, false);
      else if (left() === 'cursor') mpr.point(point);
    };
    const touch = new TouchRecogniser(
      {
        one: (phase, from, to) => {
          if (phase === 'start') {
            stopFilm();
            if (measuring.down(from, asTool(left()), true)) return;
            one = beginDrag(mpr, kind, from, grips(from, true), mpr.state.bindings.left);
          } else if (measuring.isDown) {
            if (phase === 'move') measuring.move(to);
            else if (from === to) measuring.cancel(); // a second finger came
            else measuring.up(to);
          } else if (phase === 'move') one?.move(to, time);
          else {
            one?.end(time);
            one = null;
          }
        },
        two: (phase, fingers) => {
          if (phase === 'start') {
            stopFilm();
            measuring.cancel();
            two = new TwoFingerDrag(mpr, kind);
          } else if (phase === 'move') two?.move(fingers, time);
          else {
            two?.end(time);
            two = null;
          }
        },
        three: (phase, dx, dy) => {
          if (phase === 'start') {
            stopFilm();
            three = beginDrag(mpr, kind, origin, null, 'window');
          } else if (phase === 'move') three?.move({ x: dx, y: dy }, time);
          else {
            three?.end(time);
            three = null;
          }
        },
        tap: (at) => {
          if (measuring.down(at, asTool(left()), true)) measuring.up(at);
          else if (grips(at, true) === null) tapped(at);
        },
        doubleTap: (at) => {
          if (measuring.down(at, asTool(left()), true)) measuring.up(at);
          else enlarge();
        },
        longPress: (at) => {
          measuring.openMenu(at, true);
          latest.current.openMenu(onPage(at));
        },
      },
      mpr.viewer.clock,
    );

    on('pointerdown', (event) => {
      if (onChrome(event)) return;
      mpr.activate(kind);
      if (event.pointerType === 'touch') {
        time = event.timeStamp;
        element.setPointerCapture(event.pointerId);
        touch.down(event.pointerId, place(event));
        return;
      }
      const button = BUTTONS[event.button];
      if (button === undefined || held !== null || drawing !== null) return;
      if (button === 'middle') event.preventDefault(); // no automatic scrolling
      element.setPointerCapture(event.pointerId);
      const from = place(event);
      stopFilm();
      const tool = mpr.state.bindings[button];
      const taken = { pointer: event.pointerId, button, from, moved: false };
      const grip = button === 'left' || tool === 'crossing' ? grips(from, false) : null;
      // Shapes that are there are taken hold of with the left button, whatever it drives.
      if ((button === 'left' || measures(tool)) && measuring.down(from, asTool(tool), false)) {
        drawing = { ...taken, drag: null };
        return;
      }
      held = { ...taken, drag: beginDrag(mpr, kind, from, grip, tool) };
    });
    on('pointermove', (event) => {
      time = event.timeStamp;
      if (event.pointerType === 'touch') {
        touch.move(event.pointerId, place(event));
        return;
      }
      const to = place(event);
      if (drawing?.pointer === event.pointerId) {
        if (Math.hypot(to.x - drawing.from.x, to.y - drawing.from.y) >= CLICK_PX) drawing.moved = true;
        measuring.move(to);
        return;
      }
      if (held === null) {
        hover(event, to);
        return;
      }
      if (held.pointer !== event.pointerId) return;
      if (!held.moved && Math.hypot(to.x - held.from.x, to.y - held.from.y) < CLICK_PX) return;
      held.moved = true;
      held.drag?.move(to, event.timeStamp);
    });
    const hover = (event: PointerEvent, at: Point): void => {
      if (onChrome(event)) {
        measuring.leave();
        element.style.cursor = '';
        return;
      }
      measuring.hover(at, asTool(left()));
      const grip = grips(at, false);
      element.style.cursor = measuring.isOverOne ? 'grab' : grip !== null ? CURSORS[grip.part] : left() === 'window' || left() === 'pan' ? '' : 'crosshair';
      // Shift shows the point under the pointer in every window, for as long as it is held.
      if (event.shiftKey) mpr.point(lps(at));
      else if (pointed && left() !== 'cursor') mpr.point(null);
      pointed = event.shiftKey;
    };
    on('pointerup', (event) => {
      time = event.timeStamp;
      if (event.pointerType === 'touch') {
        touch.up(event.pointerId);
        return;
      }
      const at = place(event);
      const openMenu = (): void => {
        measuring.openMenu(at, false);
        latest.current.openMenu({ x: event.clientX, y: event.clientY });
      };
      if (drawing?.pointer === event.pointerId) {
        const click = drawing.button === 'right' && !drawing.moved;
        drawing = null;
        if (click) measuring.cancel();
        else measuring.up(at);
        if (click) openMenu();
      } else if (held?.pointer === event.pointerId) {
        const { button, moved, from } = held;
        release(event.timeStamp);
        if (button === 'right' && !moved) openMenu();
        if (button === 'left' && !moved && grips(from, false) === null) tapped(at);
      }
    });
    on('pointerleave', (event) => {
      if (event.pointerType === 'touch') return;
      measuring.leave();
      if (pointed && left() !== 'cursor') mpr.point(null);
      pointed = false;
    });
    on('pointercancel', (event) => {
      if (event.pointerType === 'touch') touch.cancel(event.pointerId);
      else if (drawing?.pointer === event.pointerId) {
        drawing = null;
        measuring.cancel();
      } else release(event.timeStamp);
    });
    on('dblclick', (event) => {
      time = event.timeStamp;
      if (!onChrome(event) && !measuring.tookLast) enlarge();
    });
    // Some systems send this when the button goes down, before anybody knows whether it will be a drag.
    on('contextmenu', (event) => event.preventDefault());
    // Fingers are read above: no mouse events made up from them, no second double click.
    on('touchend', (event) => {
      if (!onChrome(event) && event.cancelable) event.preventDefault();
    });

    // Wheel: a notch is one step; a touchpad's small steps are collected.
    const steps = new WheelSteps();
    on('wheel', (event) => {
      if (onChrome(event)) return;
      event.preventDefault();
      mpr.activate(kind);
      if (event.ctrlKey || event.metaKey) {
        zoomPlane(mpr, kind, place(event), wheelZoom(event), event.timeStamp);
        return;
      }
      const count = steps.of(event);
      if (count !== 0) mpr.scroll(kind, count, event.timeStamp);
    });
    return () => {
      release(performance.now());
      one?.end(time);
      two?.end(time);
      three?.end(time);
      stop();
    };
  }, [element, mpr, kind, scale]);
}
