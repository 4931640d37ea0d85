/** The layout of the image page and the viewport state of its cells as JSON for the browser's storage. */

import { fits } from '../../../shared/protocol/validate';
import { type CellState, emptyCell, toView } from '../../control/cellState';
import { playModes } from '../../control/cine';
import { CELLS, type Layout, MAX_COLUMNS, MAX_ROWS, overlayLevels, type ViewerController, type ViewerStart, type ViewerState } from '../../control/viewer';
import type { CellStart } from '../../control/cell';
import { measureTools, tools } from '../../model/tools';
import { listIn, numberIn, objectIn, oneOf, textIn, wholeIn } from './json';
import { windowIn } from './view';

const allTools = [...tools, ...measureTools] as const;
const zoomWords = ['fit', 'width'] as const;

/** What a cell shows, and the digest of its SOP instance; null while the first image of the series is asked for. */
export interface StoredCell extends CellStart {
  seriesId: number;
  digest: string | null;
}

export interface StoredImages {
  start: ViewerStart;
  digests: ReadonlyMap<number, string | null>;
}

/** @param digestOf of the SOP instance that a cell shows; null where it is not known */
export function imagesJson(viewer: ViewerController, digestOf: (state: CellState) => string | null): unknown {
  const { layout, places, active, enlarged, overlay, bindings, fps, playMode, stripOpen } = viewer.state;
  const cells = viewer.cells.flatMap(({ number, state }) => {
    const { reference, presentation, data } = state;
    return reference.seriesId === null ? [] : [{ number, seriesId: reference.seriesId, image: reference.image, digest: digestOf(state), presentation, data }];
  });
  return { layout, places, active, enlarged, overlay, bindings, fps, playMode, stripOpen, cells };
}

/** Reads what `imagesJson` wrote; null where anything in it is not good. */
export function readImages(value: unknown): StoredImages | null {
  const json = objectIn(value);
  if (json === null) return null;
  const layout = layoutIn(json['layout']);
  const places = listIn(json['places'], CELLS, cellNumberIn);
  const active = cellNumberIn(json['active']);
  const overlay = oneOf(json['overlay'], overlayLevels);
  const playMode = oneOf(json['playMode'], playModes);
  const fps = numberIn(json['fps'], 1, 60);
  const bindings = bindingsIn(json['bindings']);
  const { enlarged, stripOpen } = json;
  if (layout === null || places === null || active === null || overlay === null || playMode === null || fps === null || bindings === null) return null;
  if (typeof enlarged !== 'boolean' || typeof stripOpen !== 'boolean') return null;
  if (places.length !== layout.rows * layout.columns || new Set(places).size !== places.length || !places.includes(active)) return null;
  const cells = listIn(json['cells'], CELLS, numberedCellIn);
  if (cells === null) return null;
  return {
    start: { layout, places, active, overlay, playMode, fps, bindings, enlarged, stripOpen, cells: new Map(cells.map(({ number, cell }) => [number, cell])) },
    digests: new Map(cells.map(({ number, cell }) => [number, cell.digest])),
  };
}

function layoutIn(value: unknown): Layout | null {
  const json = objectIn(value);
  const [rows, columns] = [wholeIn(json?.['rows'], 1, MAX_ROWS), wholeIn(json?.['columns'], 1, MAX_COLUMNS)];
  return rows === null || columns === null ? null : { rows, columns };
}

function cellNumberIn(value: unknown): number | null {
  return wholeIn(value, 0, CELLS - 1);
}

function bindingsIn(value: unknown): ViewerState['bindings'] | null {
  const json = objectIn(value);
  const [left, middle, right] = [oneOf(json?.['left'], allTools), oneOf(json?.['middle'], allTools), oneOf(json?.['right'], allTools)];
  return left === null || middle === null || right === null ? null : { left, middle, right };
}

function numberedCellIn(value: unknown): { number: number; cell: StoredCell } | null {
  const json = objectIn(value);
  const number = cellNumberIn(json?.['number']);
  const cell = cellIn(value);
  return number === null || cell === null ? null : { number, cell };
}

function cellIn(value: unknown): StoredCell | null {
  const json = objectIn(value);
  const seriesId = wholeIn(json?.['seriesId'], 1);
  const presentation = presentationIn(json?.['presentation']);
  const data = objectIn(json?.['data']);
  const digest = json?.['digest'] === null ? null : textIn(json?.['digest'], 64);
  const presetId = data?.['presetId'] === null ? null : textIn(data?.['presetId'], 64);
  const image = json?.['image'] === null ? null : objectIn(json?.['image']);
  const window = windowIn(data?.['window']);
  if (json === null || data === null || seriesId === null || presentation === null || window === null) return null;
  if (image === null && json['image'] !== null) return null;
  // What an earlier version stored knows no overlays and shutters.
  const { invert, interpolation, colours, overlays = true, shutters = true } = data;
  const cell = { seriesId, digest, image, presentation, data: { window, invert, interpolation, colours, overlays, shutters, presetId } } as StoredCell;
  // The contract of the stream knows what a good image reference and colour table are.
  const view = toView(0, { ...emptyCell(), reference: { seriesId, image: cell.image }, presentation, data: cell.data, canvas: ANY_CANVAS });
  return fits(view, 'View') ? cell : null;
}

const ANY_CANVAS = { widthPx: 1, heightPx: 1, perCss: 1, deviceRatio: 1 };

function presentationIn(value: unknown): StoredCell['presentation'] | null {
  const json = objectIn(value);
  if (json === null) return null;
  const zoom = oneOf(json['zoom'], zoomWords) ?? numberIn(json['zoom'], Number.MIN_VALUE);
  const { centerX, centerY, flipHorizontal } = json;
  const rotationDeg = numberIn(json['rotationDeg'], -360, 360);
  if (zoom === null || rotationDeg === null || typeof flipHorizontal !== 'boolean') return null;
  const [x, y] = [centerX === null ? null : numberIn(centerX), centerY === null ? null : numberIn(centerY)];
  if ((x === null) !== (centerX === null) || (y === null) !== (centerY === null)) return null;
  return { zoom, centerX: x, centerY: y, rotationDeg, flipHorizontal };
}
