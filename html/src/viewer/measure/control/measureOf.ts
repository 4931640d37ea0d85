/** The measurements of a viewing tab, one for all its pages, and who draws in which of its windows. */

import type { ViewerController } from '../../control/viewer';
import { freshIds } from '../model/ids';
import { Measures } from './measures';
import type { MeasurePointer } from './pointer';

export interface Measuring {
  measures: Measures;
  /** By the number of the window; only of windows that are on the page. */
  pointers: Map<number, MeasurePointer>;
}

const all = new WeakMap<ViewerController, Measuring>();

export function measuringOf(viewer: ViewerController): Measuring {
  let found = all.get(viewer);
  if (found === undefined) {
    found = {
      measures: new Measures({
        ask: (cell, what, key) => viewer.connection.ask(cell, what, key),
        clock: viewer.clock,
        newId: freshIds(Date.now, Math.random),
      }),
      pointers: new Map(),
    };
    all.set(viewer, found);
  }
  return found;
}
