/** One window of the image viewer: which image of a series it shows, and how. */

import type { Frame } from '../../shared/protocol/frame';
import type { View, ViewError } from '../../shared/protocol/messages';
import { canvasFromImage, type Placement } from '../model/geometry';
import { frameAt, imageAt, indexOfImage, sameImage, type SeriesDetail, sizeOf } from '../model/series';
import type { WindowScope } from '../model/seriesWindow';
import { windowValues } from '../model/windowing';
import {
  asShown,
  type CellFault,
  type CellState,
  type DataPresentation,
  emptyCell,
  resolvePlacement,
  startDataOf,
  startPresentation,
  toView,
  type ViewPresentation,
} from './cellState';
import type { Picture } from './painter';
import { PictureCell, type PictureDependencies, type Sent } from './pictureCell';

export interface CellDependencies extends PictureDependencies {
  openCell: (cell: number, seriesId: number) => void;
  sendView: (view: View) => void;
  /** Whose recommended window series are shown with at first; shared by the cells of a tab, and remembered while it lives. */
  recommended?: { scope: WindowScope };
}

/** What a sent view was like. */
interface SentView {
  placement: Placement | null;
  data: DataPresentation;
}

export interface Change {
  reference?: Partial<CellState['reference']>;
  presentation?: Partial<ViewPresentation>;
  data?: Partial<DataPresentation>;
}

/** With which image and viewport state a cell begins, where it does not begin at the start of the series. */
export interface CellStart {
  image: CellState['reference']['image'];
  presentation: ViewPresentation;
  data: DataPresentation;
}

export class CellController extends PictureCell<CellState, Placement, SentView> {
  readonly #deps: CellDependencies;
  readonly #recommended: { scope: WindowScope };
  #awake = true;
  #frozen = false;

  constructor(number: number, deps: CellDependencies) {
    super(number, deps, emptyCell());
    this.#deps = deps;
    this.#recommended = deps.recommended ?? { scope: 'series' };
  }

  /** Whose recommended window the doctor chose last in this tab. */
  get recommendedScope(): WindowScope {
    return this.#recommended.scope;
  }

  /** The study is deleted: only the place of the picture that is seen can change, for which no server is needed. */
  freeze(): void {
    this.#frozen = true;
    const { shown } = this.state;
    if (shown === null) return;
    const { reference, data } = asShown(this.state);
    this.store.set({ reference, data });
  }

  /** Shows another series: from its first image, fitted, with its own window, unless `start` says otherwise; null empties the window. */
  setSeries(seriesId: number | null, detail: SeriesDetail | null, start: CellStart | null = null): void {
    const { canvas } = this.state;
    const revision = this.forget();
    const { image = null, ...looks } = start ?? { data: startDataOf(this.#recommended.scope) };
    this.store.set({ ...emptyCell(), ...looks, canvas, navigation: { revision, moving: false }, reference: { seriesId, image }, detail });
    this.draw();
    if (!this.#awake) return;
    if (seriesId === null) this.#deps.closeCell(this.number);
    else {
      this.#deps.openCell(this.number, seriesId);
      this.send();
    }
  }

  /** The window is not on the page any more: it keeps its view but holds nothing at the server. */
  sleep(): void {
    this.settle(false);
    this.painter.take(null);
    if (this.#awake) this.#deps.closeCell(this.number); // else the number is somebody else's
    this.#awake = false;
    this.store.set({ shown: null, loading: null, canvas: { ...this.state.canvas, widthPx: 0, heightPx: 0 } });
  }

  wake(): void {
    this.#awake = true;
    if (!this.isOpen) return;
    this.reopen();
    // The window may have been measured before.
    if (this.state.canvas.widthPx < 1) return;
    this.bump(false);
    this.send();
  }

  /** The details of the series arrived, or more images did. The image shown stays the same. */
  setDetail(detail: SeriesDetail): void {
    const { detail: before, reference } = this.state;
    if (detail.series_id !== reference.seriesId || detail === before) return;
    if (this.#awake && before !== null && before.frames.length !== detail.frames.length) this.#deps.openCell(this.number, detail.series_id);
    // The first image may be another one now: stay with the one that is shown.
    const stays = reference.image ?? this.state.shown?.image ?? null;
    this.store.set({ detail, reference: { ...reference, image: stays } });
    this.draw();
  }

  /**
   * Changes the view by hand.
   *
   * @param at time of the input event
   * @param moving more will follow soon: a light picture will do
   */
  change(change: Change, at: number, moving: boolean): void {
    const state = this.state;
    if (state.reference.seriesId === null) return;
    if (this.#frozen) {
      if (change.presentation !== undefined) this.changed({ presentation: { ...state.presentation, ...change.presentation } }, at, moving);
      return;
    }
    const { window } = change.data ?? {};
    if (window?.kind === 'recommended') this.#recommended.scope = window.scope ?? 'series';
    const patch = {
      reference: { ...state.reference, ...change.reference },
      presentation: { ...state.presentation, ...change.presentation },
      data: { ...state.data, ...change.data },
      fault: change.reference === undefined ? state.fault : null,
    };
    this.changed(patch, at, moving);
  }

  /** Goes to an image by its place in the series; false when there is none. */
  goTo(index: number, at: number, moving: boolean): boolean {
    const { detail, reference } = this.state;
    if (detail === null || detail.frames.length === 0) return false;
    const image = imageAt(detail, index);
    if (image === null || sameImage(image, reference.image)) return false;
    this.change({ reference: { image } }, at, moving);
    return true;
  }

  /** Place of the wanted image, counted from 0; 0 until the details are there. */
  get index(): number {
    const { detail, reference } = this.state;
    return detail === null ? 0 : Math.max(0, indexOfImage(detail, reference.image));
  }

  reset(what: 'position' | 'all', at: number): void {
    this.change(what === 'all' ? { presentation: startPresentation, data: startDataOf(this.#recommended.scope) } : { presentation: startPresentation }, at, false);
  }

  opened(frameCount: number, seriesId: number): void {
    if (seriesId === this.state.reference.seriesId) this.store.set({ frameCount });
  }

  protected override get isOpen(): boolean {
    return this.#awake && this.state.reference.seriesId !== null;
  }

  protected override wantedPlace(): Placement | null {
    return resolvePlacement(this.state);
  }

  protected override sendWish(): SentView {
    const { state } = this;
    this.#deps.sendView(toView(this.number, state));
    return { placement: resolvePlacement(state), data: state.data };
  }

  protected override reopen(): void {
    const { seriesId } = this.state.reference;
    if (seriesId !== null) this.#deps.openCell(this.number, seriesId);
  }

  protected override isOurs(frame: Frame): boolean {
    return frame.instanceId > 0;
  }

  protected override concerns(error: ViewError): boolean {
    const { image } = this.state.reference;
    return error.image == null || image === null || sameImage(error.image, image); // else already on another image
  }

  protected override faultOf(error: ViewError): CellFault {
    return { code: error.code, numbers: error.numbers, message: error.message, image: error.image ?? null };
  }

  protected override receive(frame: Frame, bitmap: ImageBitmap, sent: Sent<SentView> | null): { picture: Picture<Placement>; patch: Partial<CellState> } {
    const image = { instance_id: frame.instanceId, frame_number: frame.frameNumber };
    const facts = frameAt(this.state.detail, image);
    const look = sent?.wish.placement ?? this.state.presentation;
    const placement: Placement | null =
      sent?.wish.placement ??
      (frame.zoom > 0
        ? { zoom: frame.zoom, centerX: frame.centerX, centerY: frame.centerY, rotationDeg: look.rotationDeg, flipHorizontal: look.flipHorizontal }
        : null);
    const pixelAspect = facts === null ? 1 : sizeOf(facts).pixelAspect;
    const { windowCenter, windowWidth } = frame;
    const range =
      sent?.wish.data.window.kind === 'full_dynamic' && windowCenter !== null && windowWidth !== null
        ? { image, low: windowCenter - windowWidth / 2, high: windowCenter + windowWidth / 2 }
        : this.state.range;
    return {
      picture: {
        bitmap,
        place: placement,
        canvas: sent?.canvas ?? this.state.canvas,
        smooth: this.state.data.interpolation === 'bilinear',
        lay: (place, canvas) => canvasFromImage(place, canvas, pixelAspect),
      },
      patch: {
        range,
        shown: {
          revision: frame.revision,
          sequence: frame.sequence,
          still: frame.still,
          lossless: frame.lossless,
          sourceLossy: frame.sourceLossy,
          lacksOverlay: frame.lacksOverlay,
          ignoresShutter: frame.ignoresShutter,
          image,
          windowCenter,
          windowWidth,
          placement,
          data: sent?.wish.data ?? this.#dataOf(frame),
        },
      },
    };
  }

  /** Of a picture whose wish is forgotten, the frame itself still tells the window. */
  #dataOf({ windowCenter, windowWidth }: Frame): DataPresentation {
    const { data } = this.state;
    if (windowCenter === null || windowWidth === null || windowWidth <= 0) return data;
    return { ...data, window: windowValues({ center: windowCenter, width: windowWidth }, undefined), presetId: null };
  }
}
