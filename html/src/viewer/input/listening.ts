/** What every window of the viewer hears of its element: listeners that go together, places, and turns of the wheel. */

import type { Point } from '../model/geometry';

const WHEEL_STEP_PX = 60;

export interface Listening {
  on: <K extends keyof HTMLElementEventMap>(type: K, run: (event: HTMLElementEventMap[K]) => void) => void;
  /** In the element, CSS pixels from its upper left corner. */
  place: (event: MouseEvent) => Point;
  /** Hears nothing any more. */
  stop: () => void;
}

export function listenTo(element: HTMLElement): Listening {
  const removers: (() => void)[] = [];
  return {
    on: (type, run) => {
      element.addEventListener(type, run, { passive: false });
      removers.push(() => element.removeEventListener(type, run));
    },
    place: (event) => {
      const box = element.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    },
    stop: () => {
      for (const remove of removers) remove();
    },
  };
}

/** Whether an event is of a button or panel that floats over the window. */
export function onChrome(event: Event): boolean {
  return event.target instanceof Element && event.target.closest('[data-chrome]') !== null;
}

function wheelPixels(event: WheelEvent): number {
  return event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * WHEEL_STEP_PX;
}

/** By how much a turn of the wheel enlarges. */
export function wheelZoom(event: WheelEvent): number {
  return Math.exp(-Math.max(-200, Math.min(200, wheelPixels(event))) / 500);
}

/** Steps of the wheel: a notch is one; a touchpad's small steps are collected. */
export class WheelSteps {
  #collected = 0;

  of(event: WheelEvent): number {
    const pixels = wheelPixels(event);
    if (Math.abs(pixels) >= WHEEL_STEP_PX) {
      this.#collected = 0;
      return Math.sign(pixels);
    }
    if (Math.sign(this.#collected) !== Math.sign(pixels)) this.#collected = 0;
    this.#collected += pixels;
    const steps = Math.trunc(this.#collected / (WHEEL_STEP_PX / 2));
    this.#collected -= (steps * WHEEL_STEP_PX) / 2;
    return steps;
  }
}
