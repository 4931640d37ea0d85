/** A cut that the server refuses is taken back, and it is said why: the model stays as it was. */

import { PASSING } from '../../control/pictureCell';
import type { Hands } from './hands';
import type { SceneController } from './scene';

/** @returns how to stop */
export function takeBackRefused(scene: SceneController, hands: Hands): () => void {
  let good = scene.state.cuts.present.steps;
  return scene.cell.store.subscribe(() => {
    const { shown, fault } = scene.cell.state;
    const { steps } = scene.state.cuts.present;
    const drawn = shown?.wish?.look.cuts.steps;
    if (drawn !== undefined) good = drawn;
    if (fault === null || PASSING.has(fault.code) || fault.opening || steps.length <= good.length) return;
    hands.say('refused', { code: fault.code, numbers: fault.numbers, text: fault.message });
    scene.dropLastStep(0);
  });
}
