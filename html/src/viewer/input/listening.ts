/** What every window of the viewer hears of its element: listeners that go together, places, and turns of the wheel. */

import type { Point } from '../model/geometry';

const WHEEL_STEP_PX = 60;

export interface Listening {
  on: <K extends keyof HTMLElementEventMap>(type: K, run: (event: HTMLElementEventMap[K]) => void) => void;
  /** In the element, pixels of the interface from its upper left corner. */
  place: (event: MouseEvent) => Point;
  /** A place in the element as a place in the page, CSS pixels. */
  onPage: (at: Point) => Point;
  /** Of the element, pixels of the interface. */
  size: () => { width: number; height: number };
  /** Hears nothing any more. */
  stop: () => void;
}

/** @param scale CSS pixels per pixel of the interface */
export function listenTo(element: HTMLElement, scale: number): Listening {
  const removers: (() => void)[] = [];
  return {
    on: (type, run) => {
      element.addEventListener(type, run, { passive: false });
      removers.push(() => element.removeEventListener(type, run));
    },
    place: (event) => {
      const box = element.getBoundingClientRect();
      return { x: (event.clientX - box.left) / scale, y: (event.clientY - box.top) / scale };
    },
    onPage: (at) => {
      const box = element.getBoundingClientRect();
      return { x: at.x * scale + box.left, y: at.y * scale + box.top };
    },
    size: () => ({ width: element.clientWidth / scale, height: element.clientHeight / scale }),
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
