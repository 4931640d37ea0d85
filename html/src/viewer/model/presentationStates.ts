/** Presentation states that refer to images of a series, as the storage node reads them from their files. */

import type { FrameFacts } from './series';

export interface PresentationState {
  label: string;
  description: string;
  created_date: string | null;
  created_time: string | null;
  /** Null for all images of the series; an image without frame numbers is meant with all frames. */
  images: { sop_instance_uid: string; frame_numbers: number[] }[] | null;
}

export interface PresentationStates {
  presentation_states: PresentationState[];
  /** States of the study that cannot be read. */
  unread: number;
  /** At least so many states of the study were not read: all together are over a limit of one answer. */
  left_out: number;
}

interface Reference {
  state: PresentationState;
  frames: ReadonlySet<number> | null;
}

const indexes = new WeakMap<PresentationStates, Map<string, Reference[]>>();

/** The references by SOP Instance UID, made once: a doctor scrolls through thousands of images. */
function indexOf(states: PresentationStates): Map<string, Reference[]> {
  let index = indexes.get(states);
  if (index === undefined) {
    index = new Map();
    for (const state of states.presentation_states) {
      for (const { sop_instance_uid: uid, frame_numbers: frames } of state.images ?? []) {
        const references = index.get(uid) ?? [];
        references.push({ state, frames: frames.length > 0 ? new Set(frames) : null });
        index.set(uid, references);
      }
    }
    indexes.set(states, index);
  }
  return index;
}

/** The states that refer to an image, each once, in their order. */
export function statesFor(states: PresentationStates, frame: Pick<FrameFacts, 'sop_instance_uid' | 'frame_number'>): PresentationState[] {
  const references = indexOf(states).get(frame.sop_instance_uid) ?? [];
  const named = new Set(references.filter(({ frames }) => frames === null || frames.has(frame.frame_number)).map(({ state }) => state));
  return states.presentation_states.filter((state) => state.images === null || named.has(state));
}
