import { type PointerEvent, useRef } from 'react';

const longMs = 550;
const slopPx = 10;

/** A long press of a finger or pen opens what a right click opens. */
export function useLongPress(act: (x: number, y: number, target: EventTarget | null) => void) {
  const press = useRef<{ timer: number; x: number; y: number } | null>(null);
  const drop = (): void => {
    if (press.current !== null) window.clearTimeout(press.current.timer);
    press.current = null;
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.pointerType === 'mouse') return;
      drop();
      const { clientX: x, clientY: y, target } = event;
      press.current = { x, y, timer: window.setTimeout(() => act(x, y, target), longMs) };
    },
    onPointerMove: (event: PointerEvent) => {
      const start = press.current;
      if (start !== null && Math.hypot(event.clientX - start.x, event.clientY - start.y) > slopPx) drop();
    },
    onPointerUp: drop,
    onPointerCancel: drop,
  };
}
