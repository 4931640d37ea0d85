/** A cut that the server refuses is taken back, and it is said why: the model stays as it was. */

import { PASSING } from '../../control/pictureCell';
import type { Hands } from './hands';
import type { SceneController } from './scene';
import type { Step } from './sceneState';

/** So many wishes may be under way. */
const REMEMBERED = 256;

/** @returns how to stop */
export function takeBackRefused(scene: SceneController, hands: Hands): () => void {
  /** The cuts of wishes by revision: the doctor may have gone on meanwhile. */
  const asked = new Map<number, readonly Step[]>();
  let done = scene.cell.state.fault;
  return scene.cell.store.subscribe(() => {
    const { fault, navigation } = scene.cell.state;
    const { steps } = scene.state.cuts.present;
    if (!asked.has(navigation.revision)) {
      asked.set(navigation.revision, steps);
      for (const old of asked.keys()) if (asked.size > REMEMBERED) asked.delete(old);
    }
    if (fault === done) return;
    done = fault;
    if (fault?.edit === null || fault?.edit === undefined || PASSING.has(fault.code)) return;
    // An edit is refused before the wish that counts on it, or with that.
    const step = (asked.get(fault.revision) ?? [])[fault.edit - 1] ?? steps[fault.edit - 1];
    if (step === undefined || !steps.includes(step)) return;
    hands.say('refused', { code: fault.code, numbers: fault.numbers, texts: [], text: fault.message });
    scene.dropStep(step, 0);
  });
}
