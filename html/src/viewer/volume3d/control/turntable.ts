/** Turns the model by itself. */

import { type Camera, orbited, turntable } from '../model/camera';

/** The patient's long axis, or an axis of the picture. */
export type Axis = 'patient' | 'vertical' | 'horizontal';
export const axes: readonly Axis[] = ['patient', 'vertical', 'horizontal'];

/** After a pause of the page it goes on from where it was. */
const LONGEST_STEP_S = 0.5;

/** What is turned. */
export interface Turned {
  readonly cell: { beginDrag(): void; endDrag(at: number): void };
  readonly state: { readonly speed: number; readonly axis: Axis };
  readonly store: { set(patch: { playing: boolean }): void };
  move(change: (camera: Camera) => Camera, at: number, moving: boolean): void;
}

export class Turntable {
  readonly #scene: Turned;
  readonly #onFrame: (run: () => void) => void;
  readonly #now: () => number;
  #run = 0;

  constructor(scene: Turned, onFrame: (run: () => void) => void, now: () => number) {
    this.#scene = scene;
    this.#onFrame = onFrame;
    this.#now = now;
  }

  start(): void {
    this.#run += 1;
    const run = this.#run;
    let last = this.#now();
    this.#scene.cell.beginDrag();
    this.#scene.store.set({ playing: true });
    const step = (): void => {
      if (run !== this.#run) return;
      const now = this.#now();
      const degrees = this.#scene.state.speed * Math.min(LONGEST_STEP_S, (now - last) / 1000);
      last = now;
      if (degrees > 0) {
        const { axis } = this.#scene.state;
        this.#scene.move(
          (camera) => {
            if (axis === 'patient') return turntable(camera, degrees);
            return orbited(camera, axis === 'vertical' ? camera.frame.down : camera.frame.right, -degrees);
          },
          0,
          true,
        );
      }
      this.#onFrame(step);
    };
    this.#onFrame(step);
  }

  stop(): void {
    this.#run += 1;
    this.#scene.store.set({ playing: false });
    this.#scene.cell.endDrag(0);
  }
}
