/** Keys of measuring, for every page that has windows to measure in. */

import type { ViewerController } from '../../control/viewer';
import { measuringOf } from './measureOf';

/**
 * Does what a key means for measuring; false when it means nothing there. Asked before the keys of the page itself.
 *
 * @param left what the left button drives
 * @param cellNumber the active window
 */
export function handleMeasureKey(event: KeyboardEvent, viewer: ViewerController, left = viewer.state.bindings.left, cellNumber = viewer.state.active): boolean {
  const { measures, pointers } = measuringOf(viewer);
  // What is being drawn goes on wherever it was begun.
  const pointer = pointers.get(measures.state.draft?.cellNumber ?? cellNumber);
  if (event.altKey) return false;
  if (event.ctrlKey || event.metaKey) {
    if (event.shiftKey || event.key.toLowerCase() !== 'z') return false;
    return pointer?.back() === true || measures.undo();
  }
  if (pointer?.key(event.key, event.shiftKey, left) === true) return true;
  switch (event.key) {
    case 'Delete':
    case 'Backspace': {
      const { chosen } = measures.state;
      if (chosen === null) return false;
      measures.removeOne(chosen);
      return true;
    }
    case 'Escape':
      if (pointer?.drop() === true) return true;
      if (measures.state.chosen === null) return false;
      measures.choose(null);
      return true;
    default:
      return false;
  }
}
