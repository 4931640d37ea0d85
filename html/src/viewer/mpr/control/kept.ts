/** What a doctor made of MPR in a tab, while the tab shows images or the volume: coming back, all is as it was left. */

import type { ViewerController } from '../../control/viewer';
import type { Camera } from '../../volume3d/model/camera';
import type { MprState } from '../model/state';

export interface Kept {
  readonly seriesId: number;
  readonly volume: number;
  readonly state: MprState;
  /** Of the window with the whole volume. */
  readonly camera: Camera | null;
}

const all = new WeakMap<ViewerController, Kept>();

export function keptOf(viewer: ViewerController): Kept | null {
  return all.get(viewer) ?? null;
}

export function keep(viewer: ViewerController, kept: Kept): void {
  all.set(viewer, kept);
}
