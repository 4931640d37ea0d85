/** What a change of the cuts is called, for who cannot see it. */

import type { Edit } from '../../../shared/protocol/messages';
import type { History } from '../model/history';
import type { Cuts } from './sceneState';

/** Keys of texts: how it came, and of what. */
export interface Said {
  readonly key: 'done' | 'undone' | 'redone' | 'restored' | 'boxOn' | 'boxOff' | 'planeOn' | 'planeOff';
  readonly what: string | null;
}

export function stepName(step: Edit['step']): string {
  switch (step.kind) {
    case 'polygon':
      return step.inside ? 'tool.cutInside' : 'tool.cutOutside';
    case 'object':
      return step.keep ? 'tool.keepObject' : 'tool.cutObject';
    case 'sphere':
      return step.restore ? 'tool.restoreSphere' : 'tool.removeSphere';
    case 'table':
      return 'action.removeTable';
  }
}

/** @returns null where there is nothing to say: nothing came or went, or the server refused it and says so itself */
export function saidOf(before: History<Cuts>, after: History<Cuts>): Said | null {
  const [was, is] = [before.present, after.present];
  if (was === is) return null;
  const undone = after.future.length > before.future.length;
  const redone = !undone && before.future[0] === is;
  const longer = is.steps.length > was.steps.length ? is : was;
  const step = is.steps.length === was.steps.length ? undefined : longer.steps[longer.steps.length - 1];
  const what = step !== undefined ? stepName(step) : was.plane !== is.plane ? 'plane.title' : 'box.title';
  if (undone || redone) return { key: undone ? 'undone' : 'redone', what };
  if (after.past.length < before.past.length) return null;
  if (is.steps.length > was.steps.length) return { key: 'done', what };
  if (is.steps.length < was.steps.length || (is.box === null && was.box !== null && is.plane === null)) return { key: 'restored', what: null };
  if (is.boxOn !== was.boxOn) return { key: is.boxOn ? 'boxOn' : 'boxOff', what: null };
  if ((is.plane === null) !== (was.plane === null)) return { key: is.plane === null ? 'planeOff' : 'planeOn', what: null };
  return null;
}
