/**
 * What fingers mean: one drags the active tool, two move, pinch and turn, three set the window; tap, double tap and long
 * press. Knows only positions and time. A finger that stays after a gesture of more fingers starts nothing new.
 */

import type { Point } from '../model/geometry';
import type { Clock } from '../stream/clock';

export type Phase = 'start' | 'move' | 'end';

/** Sums since the gesture began, so that applying the newest is enough. */
export interface TwoFingers {
  from: Point;
  to: Point;
  factor: number;
  /** Clockwise. */
  degrees: number;
}

export interface TouchSink {
  one(phase: Phase, from: Point, to: Point): void;
  two(phase: Phase, fingers: TwoFingers): void;
  three(phase: Phase, dx: number, dy: number): void;
  tap(at: Point): void;
  doubleTap(at: Point): void;
  longPress(at: Point): void;
}

export const SLOP_PX = 8;
export const LONG_PRESS_MS = 550;
export const DOUBLE_TAP_MS = 320;
const DOUBLE_TAP_PX = 36;
/** Fingers that only move always turn and pinch a little: below these it does not count. */
const PINCH_FROM = 0.06;
const TURN_FROM_DEG = 10;

type Mode = 'idle' | 'pending' | 'one' | 'two' | 'three' | 'over';

export class TouchRecogniser {
  readonly #sink: TouchSink;
  readonly #clock: Clock;
  readonly #fingers = new Map<number, Point>();
  #mode: Mode = 'idle';
  #from: Point = { x: 0, y: 0 };
  #startDistance = 1;
  #lastAngle = 0;
  #turned = 0;
  #pinches = false;
  #turns = 0;
  #last: TwoFingers = { from: this.#from, to: this.#from, factor: 1, degrees: 0 };
  #longPress: number | null = null;
  #lastTap: { at: Point; time: number } | null = null;

  constructor(sink: TouchSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  down(id: number, at: Point): void {
    this.#fingers.set(id, at);
    this.#clearLongPress();
    switch (this.#fingers.size) {
      case 1:
        this.#mode = 'pending';
        this.#from = at;
        this.#longPress = this.#clock.setTimeout(() => {
          this.#longPress = null;
          this.#mode = 'over';
          this.#lastTap = null;
          this.#sink.longPress(at);
        }, LONG_PRESS_MS);
        return;
      case 2:
        if (this.#mode === 'over') return;
        if (this.#mode === 'one') this.#sink.one('end', this.#from, this.#from);
        this.#begin('two');
        return;
      case 3:
        if (this.#mode === 'over') return;
        this.#finish();
        this.#begin('three');
        return;
      default:
        this.#finish();
        this.#mode = 'over';
    }
  }

  move(id: number, at: Point): void {
    if (!this.#fingers.has(id)) return;
    this.#fingers.set(id, at);
    if (this.#mode === 'pending') {
      if (distance(at, this.#from) < SLOP_PX) return;
      this.#clearLongPress();
      this.#mode = 'one';
      this.#sink.one('start', this.#from, this.#from);
    }
    if (this.#mode === 'one') this.#sink.one('move', this.#from, at);
    else if (this.#mode === 'two') this.#moveTwo();
    else if (this.#mode === 'three') {
      const to = this.#middle();
      this.#sink.three('move', to.x - this.#from.x, to.y - this.#from.y);
    }
  }

  up(id: number): void {
    const at = this.#fingers.get(id);
    if (at === undefined) return;
    this.#clearLongPress();
    if (this.#mode === 'pending') this.#tapped(at);
    else if (this.#mode === 'one') this.#sink.one('end', this.#from, at);
    else this.#finish();
    this.#fingers.delete(id);
    this.#mode = this.#fingers.size === 0 ? 'idle' : 'over';
  }

  /** The system took the fingers. */
  cancel(id: number): void {
    if (!this.#fingers.has(id)) return;
    this.#clearLongPress();
    if (this.#mode === 'one') this.#sink.one('end', this.#from, this.#from);
    else this.#finish();
    this.#fingers.delete(id);
    this.#mode = this.#fingers.size === 0 ? 'idle' : 'over';
  }

  #tapped(at: Point): void {
    const now = this.#clock.now();
    const before = this.#lastTap;
    if (before !== null && now - before.time <= DOUBLE_TAP_MS && distance(before.at, at) <= DOUBLE_TAP_PX) {
      this.#lastTap = null;
      this.#sink.doubleTap(at);
    } else {
      this.#lastTap = { at, time: now };
      this.#sink.tap(at);
    }
  }

  #begin(mode: 'two' | 'three'): void {
    this.#mode = mode;
    this.#from = this.#middle();
    if (mode === 'three') {
      this.#sink.three('start', 0, 0);
      return;
    }
    const { length, angle } = this.#span();
    this.#startDistance = Math.max(1, length);
    this.#lastAngle = angle;
    this.#turned = this.#turns = 0;
    this.#pinches = false;
    this.#last = { from: this.#from, to: this.#from, factor: 1, degrees: 0 };
    this.#sink.two('start', this.#last);
  }

  #moveTwo(): void {
    const { length, angle } = this.#span();
    let step = angle - this.#lastAngle;
    if (step > 180) step -= 360;
    else if (step < -180) step += 360;
    this.#lastAngle = angle;
    this.#turned += step;
    const factor = length / this.#startDistance;
    if (!this.#pinches && Math.abs(factor - 1) >= PINCH_FROM) this.#pinches = true;
    // From the threshold on it counts from the threshold, so nothing jumps.
    if (this.#turns === 0 && Math.abs(this.#turned) >= TURN_FROM_DEG) this.#turns = Math.sign(this.#turned) * TURN_FROM_DEG;
    this.#last = {
      from: this.#from,
      to: this.#middle(),
      factor: this.#pinches ? factor : 1,
      degrees: this.#turns === 0 ? 0 : this.#turned - this.#turns,
    };
    this.#sink.two('move', this.#last);
  }

  #finish(): void {
    if (this.#mode === 'two') this.#sink.two('end', this.#last);
    else if (this.#mode === 'three') this.#sink.three('end', 0, 0);
  }

  #middle(): Point {
    const all = [...this.#fingers.values()];
    const sum = all.reduce((one, other) => ({ x: one.x + other.x, y: one.y + other.y }), { x: 0, y: 0 });
    return { x: sum.x / all.length, y: sum.y / all.length };
  }

  #span(): { length: number; angle: number } {
    const [one, other] = [...this.#fingers.values()];
    if (one === undefined || other === undefined) return { length: 1, angle: 0 };
    return { length: distance(one, other), angle: (Math.atan2(other.y - one.y, other.x - one.x) * 180) / Math.PI };
  }

  #clearLongPress(): void {
    if (this.#longPress !== null) this.#clock.clearTimeout(this.#longPress);
    this.#longPress = null;
  }
}

function distance(one: Point, other: Point): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
