import { useEffect, useRef } from 'react';
import { useInterfaceScale } from '../../../shared/theme/InterfaceScale';
import { TouchRecogniser } from '../../input/gestures';
import { listenTo, onChrome, wheelZoom } from '../../input/listening';
import type { Point } from '../../model/geometry';
import type { MprController } from '../control/mpr';

/** A click moves a little; only more than this is a drag. */
const CLICK_PX = 3;
const ZOOM_PX = 160;

type Hand = 'turn' | 'pan' | 'zoom';

/** Mouse, wheel and fingers over the volume beside the planes: a drag turns it, a click sends the crossing there. */
export function useVolumeWindowInput(element: HTMLElement | null, mpr: MprController, enlarge: () => void): void {
  const scale = useInterfaceScale();
  const latest = useRef(enlarge);
  useEffect(() => {
    latest.current = enlarge;
  });
  useEffect(() => {
    if (element === null) return;
    const { volume } = mpr;
    const { on, place, stop } = listenTo(element, scale);
    const perCss = (): number => volume.cell.state.canvas.perCss;
    /** Where the crossing goes: the pick is asked of the picture that is seen. */
    const pick = (at: Point, time: number): void => {
      const k = perCss();
      void volume.pick(at.x * k, at.y * k).then((point) => {
        if (point !== null) mpr.move(point, time, false);
      });
    };
    const drag = (hand: Hand, dx: number, dy: number, time: number): void => {
      const k = perCss();
      if (hand === 'turn') volume.turn(dx * k, dy * k, time);
      else if (hand === 'pan') volume.pan(dx * k, dy * k, time);
      else volume.zoom(Math.exp(-dy / ZOOM_PX), time);
    };
    const handOf = (button: number): Hand => (button === 1 ? 'pan' : button === 2 ? 'zoom' : mpr.state.bindings.left === 'pan' || mpr.state.bindings.left === 'zoom' ? mpr.state.bindings.left : 'turn');

    let time = 0;
    let held: { pointer: number; hand: Hand; button: number; from: Point; last: Point; moved: boolean } | null = null;
    let last: Point = { x: 0, y: 0 };
    let factor = 1;
    let degrees = 0;
    const touch = new TouchRecogniser(
      {
        one: (phase, from, to) => {
          if (phase === 'start') {
            volume.cell.beginDrag();
            last = from;
          } else if (phase === 'move') {
            drag('turn', to.x - last.x, to.y - last.y, time);
            last = to;
          } else volume.cell.endDrag(time);
        },
        two: (phase, fingers) => {
          if (phase === 'start') {
            volume.cell.beginDrag();
            [last, factor, degrees] = [fingers.to, 1, 0];
          } else if (phase === 'move') {
            drag('pan', fingers.to.x - last.x, fingers.to.y - last.y, time);
            if (fingers.factor !== factor) volume.zoom(fingers.factor / factor, time);
            if (fingers.degrees !== degrees) volume.roll(fingers.degrees - degrees, time);
            [last, factor, degrees] = [fingers.to, fingers.factor, fingers.degrees];
          } else volume.cell.endDrag(time);
        },
        three: () => undefined,
        tap: (at) => pick(at, time),
        doubleTap: () => latest.current(),
        longPress: () => undefined,
      },
      mpr.viewer.clock,
    );
    const release = (at: number): void => {
      if (held !== null) volume.cell.endDrag(at);
      held = null;
    };
    on('pointerdown', (event) => {
      if (onChrome(event)) return;
      mpr.activate('volume');
      element.setPointerCapture(event.pointerId);
      const from = place(event);
      if (event.pointerType === 'touch') {
        time = event.timeStamp;
        touch.down(event.pointerId, from);
        return;
      }
      if (held !== null) return;
      if (event.button === 1) event.preventDefault(); // no automatic scrolling
      held = { pointer: event.pointerId, hand: handOf(event.button), button: event.button, from, last: from, moved: false };
      volume.cell.beginDrag();
    });
    on('pointermove', (event) => {
      time = event.timeStamp;
      const to = place(event);
      if (event.pointerType === 'touch') {
        touch.move(event.pointerId, to);
        return;
      }
      if (held?.pointer !== event.pointerId) return;
      if (!held.moved && Math.hypot(to.x - held.from.x, to.y - held.from.y) < CLICK_PX) return;
      held.moved = true;
      drag(held.hand, to.x - held.last.x, to.y - held.last.y, event.timeStamp);
      held.last = to;
    });
    on('pointerup', (event) => {
      time = event.timeStamp;
      if (event.pointerType === 'touch') {
        touch.up(event.pointerId);
        return;
      }
      if (held?.pointer !== event.pointerId) return;
      const { moved, button, from } = held;
      release(event.timeStamp);
      if (!moved && button === 0) pick(from, event.timeStamp);
    });
    on('pointercancel', (event) => {
      if (event.pointerType === 'touch') touch.cancel(event.pointerId);
      else release(event.timeStamp);
    });
    on('dblclick', (event) => {
      if (!onChrome(event)) latest.current();
    });
    on('contextmenu', (event) => event.preventDefault());
    on('touchend', (event) => {
      if (!onChrome(event) && event.cancelable) event.preventDefault();
    });
    on('wheel', (event) => {
      event.preventDefault();
      mpr.activate('volume');
      volume.zoom(wheelZoom(event), event.timeStamp);
    });
    return () => {
      release(performance.now());
      stop();
    };
  }, [element, mpr, scale]);
}

