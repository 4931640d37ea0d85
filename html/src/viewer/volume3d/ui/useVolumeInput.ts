import { useEffect, useRef } from 'react';
import { useInterfaceScale } from '../../../shared/theme/InterfaceScale';
import { TouchRecogniser } from '../../input/gestures';
import { listenTo, onChrome, wheelZoom } from '../../input/listening';
import type { Point } from '../../model/geometry';
import type { Clock } from '../../stream/clock';
import { Drag, type Hands, TwoFingerTurn } from '../control/hands';
import type { SceneController } from '../control/scene';
import { isHeld } from '../control/sceneState';

const BUTTONS = ['left', 'middle', 'right'] as const;
/** A click moves a little; only more than this is a drag. */
const CLICK_PX = 3;

interface Held {
  pointer: number;
  from: Point;
  last: Point;
  moved: boolean;
  /** What the drag does; a click tool has none. */
  drag: Drag | null;
  kind: 'drag' | 'brush' | 'click' | 'line';
}

/** Mouse, wheel and fingers over the model. */
export function useVolumeInput(element: HTMLElement | null, scene: SceneController, hands: Hands, clock: Clock, openMenu: (at: Point) => void): void {
  const scale = useInterfaceScale();
  const latest = useRef(openMenu);
  useEffect(() => {
    latest.current = openMenu;
  });
  useEffect(() => {
    if (element === null) return;
    const { on, place, onPage, stop } = listenTo(element, scale);
    const brushes = (): boolean => ['removeSphere', 'restoreSphere'].includes(scene.state.bindings.left);

    let held: Held | null = null;
    const end = (at: number): void => {
      held?.drag?.end(at);
      held = null;
    };
    let time = 0;
    let one: Drag | null = null;
    let oneBrushes = false;
    let two: TwoFingerTurn | null = null;
    let three: Drag | null = null;
    const origin = { x: 0, y: 0 };
    const touch = new TouchRecogniser(
      {
        one: (phase, from, to) => {
          if (phase === 'start') {
            oneBrushes = brushes();
            const { left } = scene.state.bindings;
            if (oneBrushes) hands.brush('start', from, time);
            else one = new Drag(scene, isHeld(left) ? left : 'rotate', from);
          } else if (oneBrushes) hands.brush(phase, to, time);
          else if (phase === 'move') one?.move(to, time);
          else {
            one?.end(time);
            one = null;
          }
        },
        two: (phase, fingers) => {
          if (phase === 'start') two = new TwoFingerTurn(scene);
          else if (phase === 'move') two?.move(fingers, time);
          else {
            two?.end(time);
            two = null;
          }
        },
        three: (phase, dx, dy) => {
          if (phase === 'start') three = new Drag(scene, 'window', origin);
          else if (phase === 'move') three?.move({ x: dx, y: dy }, time);
          else {
            three?.end(time);
            three = null;
          }
        },
        tap: (at) => hands.click(at, time),
        doubleTap: () => hands.doubleClick(time),
        longPress: (at) => latest.current(onPage(at)),
      },
      clock,
    );

    on('pointerdown', (event) => {
      if (onChrome(event)) return;
      if (event.pointerType === 'touch') {
        time = event.timeStamp;
        element.setPointerCapture(event.pointerId);
        touch.down(event.pointerId, place(event));
        return;
      }
      const button = BUTTONS[event.button];
      if (button === undefined || held !== null) return;
      if (button === 'middle') event.preventDefault(); // no automatic scrolling
      element.setPointerCapture(event.pointerId);
      const from = place(event);
      const tool = scene.state.bindings[button];
      if (isHeld(tool)) held = { pointer: event.pointerId, from, last: from, moved: false, drag: null, kind: 'drag' };
      else held = { pointer: event.pointerId, from, last: from, moved: false, drag: null, kind: brushes() ? 'brush' : tool === 'line' ? 'line' : 'click' };
      if (held.kind === 'brush') hands.brush('start', from, event.timeStamp);
    });
    on('pointermove', (event) => {
      if (event.pointerType === 'touch') {
        time = event.timeStamp;
        touch.move(event.pointerId, place(event));
        return;
      }
      const to = place(event);
      if (held === null || held.pointer !== event.pointerId) {
        hands.hover(onChrome(event) ? null : to);
        return;
      }
      held.last = to;
      if (!held.moved && Math.hypot(to.x - held.from.x, to.y - held.from.y) < CLICK_PX) return;
      held.moved = true;
      if (held.kind === 'brush') hands.brush('move', to, event.timeStamp);
      else if (held.kind === 'drag') {
        const pressed = event.buttons;
        const button = (pressed & 1) !== 0 ? 'left' : (pressed & 4) !== 0 ? 'middle' : 'right';
        const tool = scene.state.bindings[button];
        held.drag ??= new Drag(scene, isHeld(tool) ? tool : 'rotate', held.from);
        held.drag.move(to, event.timeStamp);
      } else hands.hover(to);
    });
    on('pointerup', (event) => {
      if (event.pointerType === 'touch') {
        time = event.timeStamp;
        touch.up(event.pointerId);
        return;
      }
      if (held?.pointer !== event.pointerId) return;
      const { kind, moved, from, last } = held;
      end(event.timeStamp);
      if (kind === 'brush') hands.brush('end', last, event.timeStamp);
      else if (!moved && event.button === 2) latest.current({ x: event.clientX, y: event.clientY });
      else if (!moved && event.button === 0) hands.click(from, event.timeStamp);
      else if (kind === 'line' && moved) hands.drawLine(from, last);
    });
    on('pointercancel', (event) => {
      if (event.pointerType === 'touch') touch.cancel(event.pointerId);
      else end(event.timeStamp);
    });
    on('pointerleave', () => {
      if (held === null) hands.hover(null);
    });
    on('dblclick', (event) => {
      if (!onChrome(event)) hands.doubleClick(event.timeStamp);
    });
    on('contextmenu', (event) => event.preventDefault());
    on('touchend', (event) => {
      if (!onChrome(event) && event.cancelable) event.preventDefault();
    });
    on('wheel', (event) => {
      if (onChrome(event)) return;
      event.preventDefault();
      scene.zoom(wheelZoom(event), event.timeStamp);
    });
    return () => {
      const now = performance.now();
      end(now);
      one?.end(now);
      two?.end(now);
      three?.end(now);
      stop();
    };
  }, [element, scene, hands, clock, scale]);
}
