/**
 * What a window shows, kept apart by what it means: which image (reference), how it lies (presentation), how its values
 * become grey (data), where the doctor is in the work (navigation), and what is derived from all of them (resolved).
 */

import type { ImageReference, View } from '../../shared/protocol/messages';
import { type ColourTable, GREY } from '../model/colours';
import { fitWidthZoom, fitZoom, samePlacement, type Placement } from '../model/geometry';
import { frameAt, sameImage, type SeriesDetail, sizeOf } from '../model/series';
import { namingRepresentative, type WindowScope } from '../model/seriesWindow';
import { sameWindow, type Window } from '../model/windowing';
import type { PictureShown, PictureState } from './pictureCell';

export type { CellCanvas, ViewNavigation } from './pictureCell';

/** Where: persistable, no look. `image` null is the first of the series. */
export interface ViewReference {
  seriesId: number | null;
  image: ImageReference | null;
}

/** Fit the window, fit its width, or canvas pixels per image column. */
export type Zoom = 'fit' | 'width' | number;

/** How it lies. The centre is null for the image's middle. */
export interface ViewPresentation {
  zoom: Zoom;
  centerX: number | null;
  centerY: number | null;
  rotationDeg: number;
  flipHorizontal: boolean;
}

/** How values become grey. `presetId` names the proposal that was chosen. */
export interface DataPresentation {
  window: Window;
  presetId: string | null;
  invert: boolean;
  interpolation: 'nearest' | 'bilinear';
  colours: ColourTable;
  /** Overlays and shutters of the image, drawn by the server. */
  overlays: boolean;
  shutters: boolean;
}

/** Facts of the picture that is painted. */
export interface Shown extends PictureShown {
  sourceLossy: boolean;
  /** An overlay of the image cannot be drawn. */
  lacksOverlay: boolean;
  /** A shutter of the image cannot be true and is not drawn. */
  ignoresShutter: boolean;
  image: ImageReference;
  windowCenter: number | null;
  windowWidth: number | null;
  placement: Placement | null;
  /** How its values became grey. */
  data: DataPresentation;
}

export interface CellFault {
  code: string;
  /** Of the sentence that has this code, if one has. */
  numbers: readonly number[];
  message: string;
  image: ImageReference | null;
}

export interface CellState extends PictureState {
  reference: ViewReference;
  presentation: ViewPresentation;
  data: DataPresentation;
  detail: SeriesDetail | null;
  shown: Shown | null;
  /** The whole range of one image's values, known once it was shown so. */
  range: { image: ImageReference; low: number; high: number } | null;
  fault: CellFault | null;
  /** Images of the series as the render node counts them, until the details are there. */
  frameCount: number | null;
}

export const startPresentation: ViewPresentation = { zoom: 'fit', centerX: null, centerY: null, rotationDeg: 0, flipHorizontal: false };

export const startData: DataPresentation = {
  window: { kind: 'recommended', index: 0, scope: 'series' },
  presetId: null,
  invert: false,
  interpolation: 'bilinear',
  colours: GREY,
  overlays: true,
  shutters: true,
};

/** How a series is shown at first, with a recommended window of the scope that the doctor chose last. */
export function startDataOf(scope: WindowScope): DataPresentation {
  return { ...startData, window: { kind: 'recommended', index: 0, scope } };
}

export function emptyCell(): CellState {
  return {
    reference: { seriesId: null, image: null },
    presentation: startPresentation,
    data: startData,
    navigation: { revision: 0, moving: false },
    canvas: { widthPx: 0, heightPx: 0, perCss: 1, deviceRatio: 1 },
    detail: null,
    shown: null,
    range: null,
    fault: null,
    loading: null,
    frameCount: null,
  };
}

/** The view with every number known, null as long as the image's size is not. */
export function resolvePlacement(state: Pick<CellState, 'reference' | 'presentation' | 'canvas' | 'detail'>): Placement | null {
  const { presentation, canvas } = state;
  const frame = frameAt(state.detail, state.reference.image);
  if (frame === null || canvas.widthPx < 1) return null;
  const image = sizeOf(frame);
  if (image.columns < 1 || image.rows < 1) return null; // nothing to lay: a refused image may have no size
  const zoom =
    presentation.zoom === 'fit'
      ? fitZoom(image, canvas, presentation.rotationDeg)
      : presentation.zoom === 'width'
        ? fitWidthZoom(image, canvas, presentation.rotationDeg)
        : presentation.zoom;
  return {
    zoom,
    centerX: presentation.centerX ?? image.columns / 2,
    centerY: presentation.centerY ?? image.rows / 2,
    rotationDeg: presentation.rotationDeg,
    flipHorizontal: presentation.flipHorizontal,
  };
}

/**
 * The state as the picture that is seen has it: its image, its window. What describes the picture is taken from here,
 * for the wish may be ahead of it, and stays so while nothing is drawn. Without a picture it is the wish.
 */
export function asShown(state: CellState): CellState {
  const { shown } = state;
  return shown === null ? state : { ...state, reference: { ...state.reference, image: shown.image }, data: shown.data };
}

/** Whether the picture that is seen is not the one that was asked for. */
export function isBehind(state: CellState): boolean {
  const { shown, reference, data } = state;
  if (shown === null || shown.revision === state.navigation.revision) return false;
  if (reference.image !== null && !sameImage(shown.image, reference.image)) return true;
  if (!sameWindow(shown.data.window, data.window) || shown.data.invert !== data.invert || shown.data.interpolation !== data.interpolation || shown.data.colours !== data.colours) return true;
  if (shown.data.overlays !== data.overlays || shown.data.shutters !== data.shutters) return true;
  const wanted = resolvePlacement(state);
  return wanted !== null && shown.placement !== null && !samePlacement(wanted, shown.placement);
}

/** The wish as it goes to the server. */
export function toView(cell: number, state: CellState): View {
  const { presentation, data, canvas } = state;
  const width = presentation.zoom === 'width' ? (resolvePlacement(state)?.zoom ?? null) : null;
  return {
    type: 'view',
    cell,
    revision: state.navigation.revision,
    image: state.reference.image,
    width_px: canvas.widthPx,
    height_px: canvas.heightPx,
    window: namingRepresentative(state.detail, state.reference.image, data.window),
    zoom: typeof presentation.zoom === 'number' ? presentation.zoom : width,
    center_x: presentation.centerX,
    center_y: presentation.centerY,
    rotation_deg: presentation.rotationDeg,
    flip_horizontal: presentation.flipHorizontal,
    invert: data.invert,
    interpolation: data.interpolation,
    colours: data.colours,
    overlays: data.overlays,
    shutters: data.shutters,
    moving: state.navigation.moving,
  };
}
