/**
 * What a doctor made of volumes in a tab, while the tab shows images, planes or another volume, and over a reload: coming
 * back, all is as it was left. Measurements are stored one by one, as figures of the viewer.
 */

import type { ViewerController } from '../../control/viewer';
import type { ToolState } from './sceneState';
import { type Kept, readVolumes, volumesJson } from './stored';

/** So many volumes of a tab are remembered. */
const MOST = 8;
const SECTION = 'volumes';
/** The one that was left last is the last. */
const all = new WeakMap<ViewerController, readonly Kept[]>();

function allOf(viewer: ViewerController): readonly Kept[] {
  return all.get(viewer) ?? viewer.sections.read(SECTION, readVolumes) ?? [];
}

export function keptOf(viewer: ViewerController, seriesId: number, volume: number): Kept | null {
  return allOf(viewer).find((one) => one.seriesId === seriesId && one.volume === volume) ?? null;
}

/** Which volume of a series was seen last; null if none was. */
export function lastVolumeOf(viewer: ViewerController, seriesId: number): number | null {
  return allOf(viewer).findLast((one) => one.seriesId === seriesId)?.volume ?? null;
}

/** What was in the doctor's hand last, of whatever volume. */
export function lastToolsOf(viewer: ViewerController): ToolState | null {
  return allOf(viewer).at(-1)?.tools ?? null;
}

export function keep(viewer: ViewerController, kept: Kept): void {
  all.set(viewer, withKept(allOf(viewer), kept));
}

/** Says how the volumes are stored. @param now the volume that is open at that moment, null if none is */
export function storeVolumes(viewer: ViewerController, now: () => Kept | null): void {
  viewer.sections.provide(SECTION, () => {
    const open = now();
    return volumesJson(open === null ? allOf(viewer) : withKept(allOf(viewer), open));
  });
}

function withKept(volumes: readonly Kept[], kept: Kept): readonly Kept[] {
  const others = volumes.filter(({ seriesId, volume }) => seriesId !== kept.seriesId || volume !== kept.volume);
  return [...others, kept].slice(-MOST);
}
