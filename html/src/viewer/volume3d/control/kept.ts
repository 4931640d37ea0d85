/** What a doctor made of volumes in a tab, while the tab shows images, planes or another volume: coming back, all is as it was left. */

import type { ClipBox } from '../../../shared/protocol/messages';
import type { ViewerController } from '../../control/viewer';
import type { Made, ToolState } from './sceneState';

export interface Kept {
  readonly seriesId: number;
  readonly volume: number;
  readonly made: Made;
  readonly tools: ToolState;
  readonly slab: Slab | null;
}

/** The box that came with a minimum projection, and what was there before. */
export interface Slab {
  readonly box: ClipBox;
  readonly before: ClipBox | null;
}

/** So many volumes of a tab are remembered. */
const MOST = 8;
/** The one that was left last is the last. */
const all = new WeakMap<ViewerController, readonly Kept[]>();

export function keptOf(viewer: ViewerController, seriesId: number, volume: number): Kept | null {
  return all.get(viewer)?.find((one) => one.seriesId === seriesId && one.volume === volume) ?? null;
}

/** Which volume of a series was seen last; null if none was. */
export function lastVolumeOf(viewer: ViewerController, seriesId: number): number | null {
  return all.get(viewer)?.findLast((one) => one.seriesId === seriesId)?.volume ?? null;
}

/** What was in the doctor's hand last, of whatever volume. */
export function lastToolsOf(viewer: ViewerController): ToolState | null {
  return all.get(viewer)?.at(-1)?.tools ?? null;
}

export function keep(viewer: ViewerController, kept: Kept): void {
  const others = (all.get(viewer) ?? []).filter(({ seriesId, volume }) => seriesId !== kept.seriesId || volume !== kept.volume);
  all.set(viewer, [...others, kept].slice(-MOST));
}
