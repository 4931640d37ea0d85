/** What a doctor made of MPR in a tab, while the tab shows images or the volume, and over a reload: coming back, all is as it was left. */

import type { ViewerController } from '../../control/viewer';
import { type Kept, mprJson, readMpr } from './stored';

const SECTION = 'mpr';
const all = new WeakMap<ViewerController, Kept>();

export function keptOf(viewer: ViewerController): Kept | null {
  return all.get(viewer) ?? viewer.sections.read(SECTION, readMpr);
}

export function keep(viewer: ViewerController, kept: Kept): void {
  all.set(viewer, kept);
}

/** Says how MPR is stored. @param now what is open at that moment, null if nothing is */
export function storeMpr(viewer: ViewerController, now: () => Kept | null): void {
  viewer.sections.provide(SECTION, () => {
    const kept = now() ?? keptOf(viewer);
    return kept === null ? null : mprJson(kept);
  });
}
