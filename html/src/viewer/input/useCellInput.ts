import { useEffect, useRef } from 'react';
import { useInterfaceScale } from '../../shared/theme/InterfaceScale';
import type { CellController } from '../control/cell';
import type { MouseButton, ViewerController } from '../control/viewer';
import type { MeasurePointer } from '../measure/control/pointer';
import type { Point } from '../model/geometry';
import { isMeasureTool } from '../model/tools';
import { ToolDrag, TwoFingerDrag, zoomCell } from './drag';
import { TouchRecogniser } from './gestures';
import { listenTo, onChrome, WheelSteps, wheelZoom } from './listening';

export interface CellInputHandlers {
  /** Right click without a move, long press, or the menu key; page coordinates. */
  openMenu: (at: Point) => void;
  enlarge: () => void;
  /** Who draws here; asked before anything else is done with a button or a finger. */
  measuring: MeasurePointer;
}

const BUTTONS: readonly MouseButton[] = ['left', 'middle', 'right'];
/** A right click moves a little; only more than this is a drag. */
const CLICK_PX = 3;

/** Mouse, wheel and fingers over a window of the viewer. */
export function useCellInput(element: HTMLElement | null, cell: CellController, viewer: ViewerController, handlers: CellInputHandlers): void {
  const scale = useInterfaceScale();
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  useEffect(() => {
    if (element === null) return;
    const { on, place, onPage, size: box, stop } = listenTo(element, scale);

    const { measuring } = latest.current;
    const showCursor = (): void => {
      element.style.cursor = isMeasureTool(viewer.state.bindings.left) ? 'crosshair' : measuring.isOverOne ? 'grab' : '';
    };

    // Mouse and pen
    let drawing: { pointer: number; button: MouseButton; from: Point; moved: boolean } | null = null;
    let drag: { tool: ToolDrag; pointer: number; button: MouseButton; from: Point; moved: boolean } | null = null;
    const endDrag = (at: number): void => {
      drag?.tool.end(at);
      drag = null;
    };
    // Fingers
    let time = 0;
    let one: ToolDrag | null = null;
    let two: TwoFingerDrag | null = null;
    const stopFilm = (): void => {
      if (viewer.state.playing === cell.number) viewer.stopPlay();
    };
    const openMenu = (event: MouseEvent): void => {
      measuring.openMenu(place(event), false);
      latest.current.openMenu({ x: event.clientX, y: event.clientY });
    };
    let three: { tool: ToolDrag; from: Point } | null = null;
    const touch = new TouchRecogniser(
      {
        one: (phase, from, to) => {
          const { left } = viewer.state.bindings;
          if (phase === 'start') {
            stopFilm();
            if (measuring.down(from, left, true)) return;
            one = isMeasureTool(left) ? null : new ToolDrag(cell, left, from, box());
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
            two = new TwoFingerDrag(cell);
          } else if (phase === 'move') two?.move(fingers, time);
          else {
            two?.end(time);
            two = null;
          }
        },
        three: (phase, dx, dy) => {
          if (phase === 'start') {
            stopFilm();
            three = { tool: new ToolDrag(cell, 'window', { x: 0, y: 0 }, box()), from: { x: 0, y: 0 } };
          } else if (phase === 'move') three?.tool.move({ x: dx, y: dy }, time);
          else {
            three?.tool.end(time);
            three = null;
          }
        },
        tap: (at) => {
          if (measuring.down(at, viewer.state.bindings.left, true)) measuring.up(at);
        },
        doubleTap: (at) => {
          if (measuring.down(at, viewer.state.bindings.left, true)) measuring.up(at);
          else latest.current.enlarge();
        },
        longPress: (at) => {
          measuring.openMenu(at, true);
          latest.current.openMenu(onPage(at));
        },
      },
      viewer.clock,
    );

    on('pointerdown', (event) => {
      if (onChrome(event)) return;
      viewer.activate(cell.number);
      if (event.pointerType === 'touch') {
        time = event.timeStamp;
        element.setPointerCapture(event.pointerId);
        touch.down(event.pointerId, place(event));
        return;
      }
      const button = BUTTONS[event.button];
      if (button === undefined || drag !== null || drawing !== null) return;
      if (button === 'middle') event.preventDefault(); // no automatic scrolling
      element.setPointerCapture(event.pointerId);
      const from = place(event);
      stopFilm();
      const tool = viewer.state.bindings[button];
      // Shapes that are there are taken hold of with the left button, whatever it drives.
      if ((button === 'left' || isMeasureTool(tool)) && measuring.down(from, tool, false)) {
        drawing = { pointer: event.pointerId, button, from, moved: false };
        return;
      }
      if (isMeasureTool(tool)) return; // nothing to measure here
      drag = { tool: new ToolDrag(cell, tool, from, box()), pointer: event.pointerId, button, from, moved: false };
    });
    on('pointermove', (event) => {
      if (event.pointerType === 'touch') {
        time = event.timeStamp;
        touch.move(event.pointerId, place(event));
        return;
      }
      const to = place(event);
      if (drawing?.pointer === event.pointerId) {
        if (Math.hypot(to.x - drawing.from.x, to.y - drawing.from.y) >= CLICK_PX) drawing.moved = true;
        measuring.move(to);
        return;
      }
      if (drag === null) {
        if (onChrome(event)) measuring.leave();
        else measuring.hover(to, viewer.state.bindings.left);
        showCursor();
        return;
      }
      if (drag.pointer !== event.pointerId) return;
      if (!drag.moved && Math.hypot(to.x - drag.from.x, to.y - drag.from.y) < CLICK_PX) return;
      drag.moved = true;
      drag.tool.move(to, event.timeStamp);
    });
    on('pointerup', (event) => {
      if (event.pointerType === 'touch') {
        time = event.timeStamp;
        touch.up(event.pointerId);
      } else if (drawing?.pointer === event.pointerId) {
        const click = drawing.button === 'right' && !drawing.moved;
        drawing = null;
        if (click) measuring.cancel();
        else measuring.up(place(event));
        if (click) openMenu(event);
        showCursor();
      } else if (drag?.pointer === event.pointerId) {
        const click = drag.button === 'right' && !drag.moved;
        endDrag(event.timeStamp);
        if (click) openMenu(event);
      }
    });
    on('pointerleave', (event) => {
      if (event.pointerType !== 'touch') measuring.leave();
    });
    on('pointercancel', (event) => {
      if (event.pointerType === 'touch') touch.cancel(event.pointerId);
      else if (drawing?.pointer === event.pointerId) {
        drawing = null;
        measuring.cancel();
      } else endDrag(event.timeStamp);
    });
    on('dblclick', (event) => {
      if (!onChrome(event) && !measuring.tookLast) latest.current.enlarge();
    });
    // Some systems send this when the button goes down, before anybody knows whether it will be a drag.
    on('contextmenu', (event) => event.preventDefault());

    // Fingers are read above: no mouse events made up from them, no second double click.
    on('touchend', (event) => {
      if (!onChrome(event) && event.cancelable) event.preventDefault();
    });

    // Wheel
    const steps = new WheelSteps();
    on('wheel', (event) => {
      event.preventDefault();
      viewer.activate(cell.number);
      if (event.ctrlKey || event.metaKey) {
        zoomCell(cell, place(event), wheelZoom(event), event.timeStamp);
        return;
      }
      const count = steps.of(event);
      if (count !== 0) viewer.scroll(cell, count, event.timeStamp);
    });
    return () => {
      endDrag(performance.now());
      one?.end(time);
      two?.end(time);
      three?.tool.end(time);
      stop();
    };
  }, [element, cell, viewer, scale]);
}
