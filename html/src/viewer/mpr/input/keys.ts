/** Keys of MPR. Arrows move the crossing by a voxel, with Alt they turn the lines by a degree. */

import { toolKeys } from '../../input/actions';
import { measureTools } from '../../model/tools';
import type { MprController } from '../control/mpr';
import type { MprTool } from '../model/state';

export interface MprDeeds {
  exportPicture: () => void;
  openKeys: () => void;
}

const toolOf: Readonly<Record<string, MprTool>> = {
  ...Object.fromEntries(measureTools.flatMap((tool) => (toolKeys[tool] === undefined ? [] : [[toolKeys[tool], tool]]))),
  W: 'window',
  Z: 'zoom',
  S: 'scroll',
  R: 'rotate',
  M: 'pan',
  X: 'crossing',
  D: 'cursor',
};
const ARROWS: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TURN_DEG = 1;
const ORBIT_DEG = 5;

/** Does what a key stands for; true when it stood for something. */
export function handleMprKey(event: KeyboardEvent, mpr: MprController, deeds: MprDeeds): boolean {
  const at = event.timeStamp;
  if (event.ctrlKey || event.metaKey) {
    if (event.altKey) return false;
    const letter = event.key.toLowerCase();
    if (letter === 'z' && !event.shiftKey) return mpr.undo(at);
    if (letter === 'y' || letter === 'z') return mpr.redo(at);
    if (letter !== 's' || event.shiftKey) return false;
    deeds.exportPicture();
    return true;
  }
  const kind = mpr.activePlane;
  const way = ARROWS[event.key];
  if (way !== undefined) {
    const [right, down] = way;
    if (mpr.state.active === 'volume') mpr.volume.look((camera, canvas) => mpr.volume.turned(camera, canvas, right * ORBIT_DEG, down * ORBIT_DEG), at, true);
    else if (event.altKey) mpr.turnBy(kind, (right + down) * TURN_DEG, at);
    else mpr.nudge(kind, right, down, at);
    return true;
  }
  if (event.altKey) return false;
  switch (event.key) {
    case 'PageUp':
      mpr.scroll(kind, -1, at);
      return true;
    case 'PageDown':
      mpr.scroll(kind, 1, at);
      return true;
    case 'Home':
      mpr.goTo(kind, 1, at, false);
      return true;
    case 'End':
      mpr.goTo(kind, Number.MAX_SAFE_INTEGER, at, false);
      return true;
    case ' ':
      mpr.togglePlay();
      return true;
    case 'Escape':
      if (mpr.state.playing !== null) mpr.stopPlay();
      else if (mpr.state.cursor !== null) mpr.point(null);
      else if (mpr.state.enlarged) mpr.toggleEnlarged(mpr.state.active);
      return true;
    case '?':
      deeds.openKeys();
      return true;
  }
  if (event.shiftKey) return false;
  const key = event.key.toUpperCase();
  const tool = toolOf[key];
  if (tool !== undefined) {
    mpr.bind('left', tool);
    return true;
  }
  switch (key) {
    case 'I':
      mpr.invert(at);
      return true;
    case 'H':
      mpr.flip('horizontal', at);
      return true;
    case 'V':
      mpr.flip('vertical', at);
      return true;
    case '[':
      mpr.turnPicture(-90, at);
      return true;
    case ']':
      mpr.turnPicture(90, at);
      return true;
    case 'F':
      mpr.fit(at);
      return true;
    case '0':
      mpr.resetAll(at);
      return true;
    case 'O':
      mpr.nextOverlay();
      return true;
    case 'N':
      mpr.toggleLines();
      return true;
    default:
      return false;
  }
}

/** Keys as `aria-keyshortcuts` writes them. */
export const mprKeys = {
  window: 'W',
  zoom: 'Z',
  scroll: 'S',
  rotate: 'R',
  pan: 'M',
  crossing: 'X',
  cursor: 'D',
  invert: 'I',
  flipHorizontal: 'H',
  flipVertical: 'V',
  turnRight: ']',
  turnLeft: '[',
  fit: 'F',
  resetAll: '0',
  overlays: 'O',
  lines: 'N',
  play: 'Space',
  undoMove: 'Control+Z',
  redoMove: 'Control+Y',
  exportPicture: 'Control+S',
  keys: '?',
} as const;
