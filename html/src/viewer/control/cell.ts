/** One window of the viewer: its state, the wishes it sends, the pictures it takes. */

import type { Frame } from '../../shared/protocol/frame';
import type { View, ViewError } from '../../shared/protocol/messages';
import { mayShow } from '../model/frameGate';
import { frameAt, indexOfImage, imageAt, sameImage, sizeOf, type SeriesDetail } from '../model/series';
import type { Clock } from '../stream/clock';
import {
  type CellCanvas,
  type CellState,
  type DataPresentation,
  emptyCell,
  resolvePlacement,
  startData,
  startPresentation,
  toView,
  type ViewPresentation,
} from './cellState';
import { markInput, markPainted } from './marks';
import { Painter } from './painter';
import { Store } from './store';
import type { Placement } from '../model/geometry';
import { windowValues } from '../model/windowing';

/**
 * After the last wheel turn or key the movement is over. By then the server has sent the full-quality picture by itself;
 * only if it has not come is it asked for.
 */
export const SETTLE_MS = 250;
/** Refusals of a part of the server that comes back by itself. */
export const PASSING: ReadonlySet<string> = new Set(['unavailable', 'device_lost', 'out_of_resources']);
export const RETRY_MS = 2000;
/** So many sent views are remembered to know what a picture shows: a node that hangs may answer an old one. */
const REMEMBERED = 2048;

export interface CellDependencies {
  openCell: (cell: number, seriesId: number) => void;
  closeCell: (cell: number) => void;
  sendView: (view: View) => void;
  acknowledge: (sequence: number, generation: number) => void;
  generation: () => number;
  clock: Clock;
  /** Runs at the next animation frame (or soon, where none come). */
  onFrame: (run: () => void) => void;
  decode: (payload: Blob) => Promise<ImageBitmap>;
}

interface Sent {
  placement: Placement | null;
  canvas: CellCanvas;
  inputAt: number | null;
  data: DataPresentation;
}

export interface Change {
  reference?: Partial<CellState['reference']>;
  presentation?: Partial<ViewPresentation>;
  data?: Partial<DataPresentation>;
}

export class CellController {
  readonly number: number;
  readonly store = new Store<CellState>(emptyCell());
  readonly painter = new Painter();
  readonly #deps: CellDependencies;
  readonly #sent = new Map<number, Sent>();
  /** Pictures of older revisions are of another series. */
  #floor = 0;
  #dragging = false;
  #settleTimer: number | null = null;
  #retryTimer: number | null = null;
  #inputAt: number | null = null;
  #sendWaits = false;
  #frameWaits = false;
  #drawWaits = false;
  #lastSent = 0;

  constructor(number: number, deps: CellDependencies) {
    this.number = number;
    this.#deps = deps;
  }

  get state(): CellState {
    return this.store.get();
  }

  /** Revision of the last view that went to the server. */
  get lastSent(): number {
    return this.#lastSent;
  }

  /** Shows another series, from its first image, fitted, with its own window; null empties the window. */
  setSeries(seriesId: number | null, detail: SeriesDetail | null): void {
    const { canvas, navigation } = this.state;
    this.#clearRetry();
    this.#settle(false);
    this.painter.take(null);
    this.#floor = navigation.revision + 1;
    this.store.set({
      ...emptyCell(),
      canvas,
      navigation: { revision: this.#floor, moving: false },
      reference: { seriesId, image: null },
      detail,
    });
    this.#draw();
    if (seriesId === null) this.#deps.closeCell(this.number);
    else {
      this.#deps.openCell(this.number, seriesId);
      this.#send();
    }
  }

  /** The window is not on the page any more: it keeps its view but holds nothing at the server. */
  sleep(): void {
    this.#settle(false);
    this.painter.take(null);
    this.#deps.closeCell(this.number);
    this.store.set({ shown: null, loading: null, canvas: { ...this.state.canvas, widthPx: 0, heightPx: 0 } });
  }

  wake(): void {
    const { seriesId } = this.state.reference;
    if (seriesId !== null) this.#deps.openCell(this.number, seriesId);
  }

  /** The canvas on the page, null when the window goes. */
  attach(canvas: HTMLCanvasElement | null): void {
    this.painter.attach(canvas);
    if (canvas !== null) this.painter.draw(resolvePlacement(this.state), this.state.canvas);
  }

  /** The details of the series arrived, or more images did. The image shown stays the same. */
  setDetail(detail: SeriesDetail): void {
    const { detail: before, reference } = this.state;
    if (detail.series_id !== reference.seriesId || detail === before) return;
    if (before !== null && before.frames.length !== detail.frames.length) this.#deps.openCell(this.number, detail.series_id);
    // The first image may be another one now: stay with the one that is shown.
    const stays = reference.image ?? this.state.shown?.image ?? null;
    this.store.set({ detail, reference: { ...reference, image: stays } });
    this.#draw();
  }

  resize(canvas: CellCanvas): void {
    const before = this.state.canvas;
    if (canvas.widthPx < 1 || canvas.heightPx < 1) return;
    if (before.widthPx === canvas.widthPx && before.heightPx === canvas.heightPx && before.perCss === canvas.perCss) return;
    this.store.set({ canvas });
    if (this.state.reference.seriesId === null) return;
    this.#bump(false);
    this.painter.draw(resolvePlacement(this.state), canvas); // a canvas that was resized is empty: draw before the next paint
    this.#send();
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
    const inputAt = at > 0 ? at : performance.now();
    this.store.set({
      reference: { ...state.reference, ...change.reference },
      presentation: { ...state.presentation, ...change.presentation },
      data: { ...state.data, ...change.data },
      fault: change.reference === undefined ? state.fault : null,
      navigation: { revision: state.navigation.revision + 1, moving: moving || this.#dragging },
    });
    this.#inputAt ??= inputAt;
    markInput({ cell: this.number, revision: this.state.navigation.revision }, inputAt);
    this.#draw();
    this.#send();
    if (moving && !this.#dragging) this.#settleSoon();
  }

  /** A drag begins: all changes until `endDrag` are of one movement. */
  beginDrag(): void {
    this.#dragging = true;
    this.#clearSettle();
  }

  endDrag(at: number): void {
    if (!this.#dragging) return;
    this.#dragging = false;
    if (this.state.navigation.moving) this.#settle(true, at);
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
    this.change(what === 'all' ? { presentation: startPresentation, data: startData } : { presentation: startPresentation }, at, false);
  }

  /** Asks for the same image again after it could not be drawn. */
  tryAgain(): void {
    const { seriesId } = this.state.reference;
    if (seriesId === null) return;
    this.store.set({ fault: null });
    this.#ask(seriesId);
  }

  #ask(seriesId: number): void {
    this.#clearRetry();
    this.#deps.openCell(this.number, seriesId);
    this.#bump(false);
    this.#send();
  }

  /** Not the image's fault: asks again by itself. */
  #retrySoon(): void {
    this.#clearRetry();
    this.#retryTimer = this.#deps.clock.setTimeout(() => {
      this.#retryTimer = null;
      const { seriesId } = this.state.reference;
      if (seriesId !== null && this.state.canvas.widthPx > 0) this.#ask(seriesId);
    }, RETRY_MS);
  }

  #clearRetry(): void {
    if (this.#retryTimer !== null) this.#deps.clock.clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
  }

  /** After a reconnect: the same view under a fresh revision, so that its picture counts as new. */
  replay(): void {
    if (this.state.reference.seriesId === null || this.state.canvas.widthPx < 1) return;
    this.#bump(this.state.navigation.moving);
    this.#sendNow();
  }

  opened(frameCount: number, seriesId: number): void {
    if (seriesId === this.state.reference.seriesId) this.store.set({ frameCount });
  }

  progress(loaded: number, total: number): void {
    this.store.set({ loading: loaded < total ? { loaded, total } : null });
  }

  failed(error: ViewError): void {
    if (error.revision < this.#floor || error.revision < (this.state.shown?.revision ?? 0)) return;
    const { image } = this.state.reference;
    if (error.image !== null && image !== null && !sameImage(error.image, image)) return; // already on another image
    if (PASSING.has(error.code)) {
      this.#retrySoon();
      if (this.state.shown !== null) return; // the last picture stays
    }
    this.painter.take(null);
    this.store.set({ fault: { code: error.code, message: error.message, image: error.image }, shown: null });
    this.#draw();
  }

  /** A picture came: decode, paint, acknowledge. Stale ones are acknowledged unseen. */
  async take(frame: Frame): Promise<void> {
    const generation = this.#deps.generation();
    const done = (): void => this.#deps.acknowledge(frame.sequence, generation);
    if (!this.#wants(frame)) return done();
    let bitmap: ImageBitmap;
    try {
      bitmap = await this.#deps.decode(new Blob([frame.payload], { type: frame.mediaType }));
    } catch {
      return done(); // a broken picture is not shown; the next one replaces it
    }
    // Another may have been painted while this one was decoded.
    if (!this.#wants(frame)) {
      bitmap.close();
      return done();
    }
    this.#show(frame, bitmap);
    done();
  }

  #wants(frame: Frame): boolean {
    return this.state.reference.seriesId !== null && this.state.canvas.widthPx > 0 && mayShow(frame, this.state.shown, this.#floor);
  }

  #show(frame: Frame, bitmap: ImageBitmap): void {
    const sent = this.#sent.get(frame.revision);
    const image = { instance_id: frame.instanceId, frame_number: frame.frameNumber };
    const facts = frameAt(this.state.detail, image);
    const look = sent?.placement ?? this.state.presentation;
    const placement: Placement | null =
      sent?.placement ??
      (frame.zoom > 0
        ? { zoom: frame.zoom, centerX: frame.centerX, centerY: frame.centerY, rotationDeg: look.rotationDeg, flipHorizontal: look.flipHorizontal }
        : null);
    const canvas = sent?.canvas ?? this.state.canvas;
    this.painter.take({
      bitmap,
      placement,
      canvas,
      pixelAspect: facts === null ? 1 : sizeOf(facts).pixelAspect,
      smooth: this.state.data.interpolation === 'bilinear',
    });
    const wanted = frame.revision === this.state.navigation.revision ? placement : (resolvePlacement(this.state) ?? placement);
    this.painter.draw(wanted, this.state.canvas);
    const { windowCenter, windowWidth } = frame;
    const range =
      sent?.data.window.kind === 'full_dynamic' && windowCenter !== null && windowWidth !== null
        ? { image, low: windowCenter - windowWidth / 2, high: windowCenter + windowWidth / 2 }
        : this.state.range;
    this.store.set({
      range,
      shown: {
        revision: frame.revision,
        sequence: frame.sequence,
        still: frame.still,
        lossless: frame.lossless,
        sourceLossy: frame.sourceLossy,
        image,
        windowCenter,
        windowWidth,
        placement,
        data: sent?.data ?? this.#dataOf(frame),
      },
      fault: null,
    });
    const inputAt = sent?.inputAt ?? null;
    this.#forgetBefore(frame.revision);
    this.#deps.onFrame(() => markPainted({ cell: this.number, revision: frame.revision, still: frame.still }, inputAt));
  }

  /** Of a picture whose wish is forgotten, the frame itself still tells the window. */
  #dataOf({ windowCenter, windowWidth }: Frame): DataPresentation {
    const { data } = this.state;
    if (windowCenter === null || windowWidth === null || windowWidth <= 0) return data;
    return { ...data, window: windowValues({ center: windowCenter, width: windowWidth }, undefined), presetId: null };
  }

  #bump(moving: boolean): void {
    this.store.set({ navigation: { revision: this.state.navigation.revision + 1, moving } });
  }

  /** At most one view an animation frame: the first goes at once, what follows waits for the next frame. */
  #send(): void {
    if (this.#frameWaits) {
      this.#sendWaits = true;
      return;
    }
    this.#sendNow();
    this.#frameWaits = true;
    this.#deps.onFrame(() => {
      this.#frameWaits = false;
      if (!this.#sendWaits) return;
      this.#sendWaits = false;
      this.#send();
    });
  }

  #sendNow(): void {
    const { state } = this;
    if (state.canvas.widthPx < 1 || state.reference.seriesId === null) return;
    const { revision } = state.navigation;
    this.#sent.set(revision, { placement: resolvePlacement(state), canvas: state.canvas, inputAt: this.#inputAt, data: state.data });
    this.#inputAt = null;
    if (this.#sent.size > REMEMBERED) this.#sent.delete(this.#sent.keys().next().value ?? 0);
    this.#lastSent = revision;
    this.#deps.sendView(toView(this.number, state));
  }

  #forgetBefore(revision: number): void {
    for (const known of this.#sent.keys()) if (known < revision) this.#sent.delete(known);
  }

  #draw(): void {
    if (this.#drawWaits) return;
    this.#drawWaits = true;
    this.#deps.onFrame(() => {
      this.#drawWaits = false;
      this.painter.draw(resolvePlacement(this.state), this.state.canvas);
    });
  }

  #settleSoon(): void {
    this.#clearSettle();
    this.#settleTimer = this.#deps.clock.setTimeout(() => {
      this.#settleTimer = null;
      this.#settle(true);
    }, SETTLE_MS);
  }

  #clearSettle(): void {
    if (this.#settleTimer !== null) this.#deps.clock.clearTimeout(this.#settleTimer);
    this.#settleTimer = null;
  }

  /** The movement is over. */
  #settle(send: boolean, at: number | null = null): void {
    this.#clearSettle();
    this.#dragging = false;
    const { navigation, shown } = this.state;
    if (!navigation.moving) return;
    if (!send || (shown?.still === true && shown.revision === navigation.revision)) {
      this.store.set({ navigation: { ...navigation, moving: false } });
      return;
    }
    this.#bump(false);
    if (at !== null) this.#inputAt ??= at;
    this.#send();
  }
}
