import { createContext, useContext, useRef } from 'react';
import { useSelected } from '../../control/store';
import type { Hands } from '../control/hands';
import type { Recorder } from '../control/recorder';
import type { SceneController } from '../control/scene';
import type { Thumbnails } from '../control/thumbnails';
import type { Camera } from '../model/camera';

/** What every part of the volume page needs beside the viewer's own. */
export interface VolumeEnvironment {
  scene: SceneController;
  hands: Hands;
  thumbnails: Thumbnails;
  openAngles: () => void;
  openSave: () => void;
  exportPicture: () => void;
  openTurnSeries: () => void;
  openSurface: () => void;
  recorder: Recorder;
  /** Begins a video of the window, or ends and saves it. */
  record: () => void;
}

export const VolumeContext = createContext<VolumeEnvironment | null>(null);

export function useVolume(): VolumeEnvironment {
  const environment = useContext(VolumeContext);
  if (environment === null) throw new Error('A part of the volume page is drawn outside of it.');
  return environment;
}

/**
 * The camera of the picture that is seen, moved as the painter moves it: what is drawn over the picture must stay on it
 * while the next one is on its way.
 */
export function drawnCamera(wanted: Camera | null, shown: Camera | null): Camera | null {
  if (wanted === null || shown === null) return wanted;
  if (wanted.frame === shown.frame && wanted.target === shown.target && wanted.projection === shown.projection) return wanted;
  return { ...wanted, frame: shown.frame, target: shown.target, projection: shown.projection };
}

/** Drawn again only when that camera changes: while the doctor turns the model, once a picture. */
export function useDrawnCamera(): Camera | null {
  const { scene } = useVolume();
  const shown = useSelected(scene.cell.store, (state) => state.shown?.wish?.look.camera ?? null);
  const last = useRef<Camera | null>(null);
  return useSelected(scene.store, ({ camera }) => {
    const drawn = drawnCamera(camera, shown);
    if (!isSame(last.current, drawn)) last.current = drawn;
    return last.current;
  });
}

function isSame(one: Camera | null, other: Camera | null): boolean {
  if (one === null || other === null) return one === other;
  return (Object.keys(one) as (keyof Camera)[]).every((key) => one[key] === other[key]);
}
