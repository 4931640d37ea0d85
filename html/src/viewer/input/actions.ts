/** One-shot actions and tools by name: keys, tool bar, context menu and phone drawer all call these. */

import type { ViewerEnvironment } from '../control/environment';
import type { ViewerController } from '../control/viewer';
import { handleMeasureKey } from '../measure/control/keys';
import { type HeldTool, measureTools, type MeasureTool, type Tool, tools } from '../model/tools';

export type ActionName =
  | 'fit' | 'actualSize' | 'fitWidth' | 'invert' | 'interpolation' | 'flipHorizontal' | 'flipVertical' | 'turnRight' | 'turnLeft'
  | 'resetPosition' | 'resetAll' | 'play' | 'overlays' | 'exportPicture' | 'fullScreen' | 'keys' | 'setWindow';

/** Keys as `aria-keyshortcuts` writes them. */
export const toolKeys: Readonly<Record<HeldTool, string> & Partial<Record<MeasureTool, string>>> = {
  window: 'W',
  zoom: 'Z',
  scroll: 'S',
  rotate: 'R',
  pan: 'M',
  ruler: 'L',
  angle: 'A',
  cobb: 'C',
  rectangle: 'B',
  ellipse: 'E',
  point: 'P',
};

export const actionKeys: Readonly<Partial<Record<ActionName, string>>> = {
  invert: 'I',
  flipHorizontal: 'H',
  flipVertical: 'V',
  turnRight: ']',
  turnLeft: '[',
  fit: 'F',
  actualSize: '1',
  resetAll: '0',
  overlays: 'O',
  play: 'Space',
  exportPicture: 'Control+S',
  keys: '?',
};

export function runAction(name: ActionName, environment: ViewerEnvironment, at: number): void {
  const { viewer } = environment;
  switch (name) {
    case 'fit':
      return viewer.fit('fit', at);
    case 'fitWidth':
      return viewer.fit('width', at);
    case 'actualSize':
      return viewer.actualSize(at);
    case 'invert':
      return viewer.invert(at);
    case 'interpolation':
      return toggleInterpolation(viewer, at);
    case 'flipHorizontal':
      return viewer.flip('horizontal', at);
    case 'flipVertical':
      return viewer.flip('vertical', at);
    case 'turnRight':
      return viewer.turn(90, at);
    case 'turnLeft':
      return viewer.turn(-90, at);
    case 'resetPosition':
      return viewer.activeCell.reset('position', at);
    case 'resetAll':
      return viewer.activeCell.reset('all', at);
    case 'play':
      return viewer.togglePlay();
    case 'overlays':
      return viewer.nextOverlay();
    case 'exportPicture':
      return environment.exportPicture();
    case 'fullScreen':
      return environment.toggleFullScreen();
    case 'keys':
      return environment.openKeys();
    case 'setWindow':
      return environment.openWindowDialog();
  }
}

function toggleInterpolation(viewer: ViewerController, at: number): void {
  const cell = viewer.activeCell;
  cell.change({ data: { interpolation: cell.state.data.interpolation === 'nearest' ? 'bilinear' : 'nearest' } }, at, false);
}

/** How a key is written for people. */
export function keyLabel(shortcut: string): string {
  return shortcut.replace('Control', 'Ctrl');
}

const letterTools = new Map<string | undefined, Tool>([...tools, ...measureTools].map((tool) => [toolKeys[tool], tool]));
letterTools.delete(undefined);
const letterActions = new Map(
  (Object.entries(actionKeys) as [ActionName, string][]).filter(([, key]) => key.length === 1).map(([name, key]) => [key, name]),
);

/** Does what a key stands for; true when it stood for something. */
export function handleKey(event: KeyboardEvent, environment: ViewerEnvironment): boolean {
  const { viewer } = environment;
  const at = event.timeStamp;
  if (handleMeasureKey(event, viewer)) return true;
  if (event.ctrlKey || event.metaKey) {
    if (event.altKey || event.shiftKey || event.key.toLowerCase() !== 's') return false;
    environment.exportPicture();
    return true;
  }
  if (event.altKey) return false;
  const cell = viewer.activeCell;
  switch (event.key) {
    case 'ArrowUp':
    case 'PageUp':
      viewer.scroll(cell, -1, at);
      return true;
    case 'ArrowDown':
    case 'PageDown':
      viewer.scroll(cell, 1, at);
      return true;
    case 'Home':
      viewer.scroll(cell, -cell.index, at);
      return true;
    case 'End':
      viewer.scroll(cell, Number.MAX_SAFE_INTEGER, at);
      return true;
    case 'ArrowLeft':
      stepSeries(environment, -1);
      return true;
    case 'ArrowRight':
      stepSeries(environment, 1);
      return true;
    case ' ':
      viewer.togglePlay();
      return true;
    case 'Escape':
      viewer.stopPlay();
      if (viewer.state.enlarged) viewer.toggleEnlarged(viewer.state.active);
      return true;
  }
  const key = event.key.toUpperCase();
  const tool = event.shiftKey ? undefined : letterTools.get(key);
  if (tool !== undefined) {
    viewer.bind('left', tool);
    return true;
  }
  const action = letterActions.get(key);
  if (action === undefined || (event.shiftKey && action !== 'keys')) return false;
  runAction(action, environment, at);
  return true;
}

function stepSeries({ viewer, study }: ViewerEnvironment, step: 1 | -1): void {
  const withImages = (study?.series ?? []).filter((one) => one.has_images);
  const at = withImages.findIndex((one) => one.series_id === viewer.activeCell.state.reference.seriesId);
  const next = withImages[at < 0 ? 0 : at + step];
  if (next !== undefined) viewer.show(viewer.state.active, next.series_id);
}
