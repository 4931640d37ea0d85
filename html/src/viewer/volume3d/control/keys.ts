/** Keys of the volume page. */

import type { Hands } from './hands';
import { moveByKey, toolKeys } from './hands';
import type { SceneController } from './scene';
import { isHeld, type Tool } from './sceneState';

export interface KeyTargets {
  scene: SceneController;
  hands: Hands;
  nextOverlay: () => void;
  exportPicture: () => void;
  openKeys: () => void;
}

const letters = new Map((Object.entries(toolKeys) as [Tool, string][]).map(([tool, key]) => [key, tool]));

/** Does what a key stands for; true when it stood for something. */
export function handleVolumeKey(event: KeyboardEvent, { scene, hands, nextOverlay, exportPicture, openKeys }: KeyTargets): boolean {
  const at = event.timeStamp;
  const key = event.key.toUpperCase();
  if (event.ctrlKey || event.metaKey) {
    if (event.altKey) return false;
    if (key === 'Z') {
      if (event.shiftKey) scene.redo(at);
      else scene.undo(at);
      return true;
    }
    if (key === 'Y' && !event.shiftKey) {
      scene.redo(at);
      return true;
    }
    if (key === 'S' && !event.shiftKey) {
      exportPicture();
      return true;
    }
    return false;
  }
  if (event.altKey) return false;
  if (moveByKey(scene, event)) return true;
  switch (event.key) {
    case ' ':
      scene.togglePlay();
      return true;
    case 'Enter':
      hands.doubleClick(at);
      return true;
    case 'Escape':
      // One after the other: what is unfinished, the film, the tool.
      if (hands.escape()) return true;
      if (scene.state.playing) scene.stopPlay();
      else if (!isHeld(scene.state.bindings.left)) scene.bind('left', 'rotate');
      return true;
    case 'Delete':
    case 'Backspace': {
      const { selected } = scene.state;
      if (selected !== null) scene.removeMeasurement(selected);
      return selected !== null;
    }
    case '0':
      scene.resetPosition(at);
      return true;
    case '?':
      openKeys();
      return true;
  }
  if (event.shiftKey) return false;
  if (key === 'O') {
    nextOverlay();
    return true;
  }
  const tool = letters.get(key);
  if (tool === undefined) return false;
  hands.escape();
  scene.bind('left', tool);
  return true;
}
