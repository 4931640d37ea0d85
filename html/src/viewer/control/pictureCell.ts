/**
 * What every window of the viewer does, whatever it shows: wishes with rising revisions, at most one an animation frame;
 * pictures that are decoded, judged, painted and acknowledged; the end of a movement; coming back from refusals.
 */

import type { Frame } from '../../shared/protocol/frame';
import type { ViewError } from '../../shared/protocol/messages';
import { mayShow } from '../model/frameGate';
import type { CanvasSize } from '../model/geometry';
import type { Clock } from '../stream/clock';
import { markInput, markPainted } from './marks';
import { Painter, type Picture } from './painter';
import { Store } from './store';

/**
 * After the last wheel turn or key the movement is over. By then the server has sent the full-quality picture by itself;
 * only if it has not come is it asked for.
 */
export const SETTLE_MS = 250;
/** Refusals of a part of the server that comes back by itself. */
export const PASSING: ReadonlySet<string> = new Set(['unavailable', 'device_lost', 'out_of_resources']);
export const RETRY_MS = 2000;
/** So many sent wishes are remembered to know what a picture shows: a node that hangs may answer an old one. */
const REMEMBERED = 2048;

export interface CellCanvas extends CanvasSize {
  /**
   * Canvas pixels per pixel of the interface, which is a CSS pixel times the size of the interface: places of the pointer,
   * marks and texts on the picture are all measured so.
   */
  perCss: number;
  /** Device pixels per pixel of the interface. */
  deviceRatio: number;
}

export interface ViewNavigation {
  revision: number;
  moving: boolean;
}

/** Facts of a picture that is painted. */
export interface PictureShown {
  revision: number;
  sequence: number;
  still: boolean;
  lossless: boolean;
}

export interface PictureState {
  navigation: ViewNavigation;
  canvas: CellCanvas;
  shown: PictureShown | null;
  fault: { code: string; message: string } | null;
  loading: { loaded: number; total: number } | null;
}

export interface PictureDependencies {
  closeCell: (cell: number) => void;
  acknowledge: (sequence: number, generation: number) => void;
  generation: () => number;
  clock: Clock;
  /** Runs at the next animation frame (or soon, where none come). */
  onFrame: (run: () => void) => void;
  decode: (payload: Blob) => Promise<ImageBitmap>;
}

/** A wish that went to the server, until the picture that answers it is painted. */
export interface Sent<Wish> {
  wish: Wish;
  canvas: CellCanvas;
  inputAt: number | null;
}

export abstract class PictureCell<State extends PictureState, Place, Wish> {
  readonly number: number;
  readonly store: Store<State>;
  readonly painter = new Painter<Place>();
  readonly #deps: PictureDependencies;
  readonly #sent = new Map<number, Sent<Wish>>();
  /** Pictures of older revisions are of something else. */
  #floor = 0;
  #dragging = false;
  #settleTimer: number | null = null;
  #retryTimer: number | null = null;
  #inputAt: number | null = null;
  #sendWaits = false;
  #frameWaits = false;
  #drawWaits = false;
  #lastSent = 0;

  protected constructor(number: number, deps: PictureDependencies, empty: State) {
    this.number = number;
    this.#deps = deps;
    this.store = new Store(empty);
  }

  get state(): State {
    return this.store.get();
  }

  /** Revision of the last wish that went to the server. */
  get lastSent(): number {
    return this.#lastSent;
  }

  /** Whether the server is to show something here. */
  protected abstract get isOpen(): boolean;
  /** Where the wanted picture lies, null while that is not known. */
  protected abstract wantedPlace(): Place | null;
  /** Sends the wish as it is now and returns what a picture of it will have to know; null where there is none yet. */
  protected abstract sendWish(): Wish | null;
  /** Asks for the same again after a refusal: opens, then the wish. */
  protected abstract reopen(): void;
  /** Whether a picture is of the kind that this window shows. */
  protected abstract isOurs(frame: Frame): boolean;
  /** The picture of a frame, and what the state says once it is painted. */
  protected abstract receive(frame: Frame, bitmap: ImageBitmap, sent: Sent<Wish> | null): { picture: Picture<Place>; patch: Partial<State> };
  /** Whether a refusal speaks of what is wanted now. */
  protected abstract concerns(error: ViewError): boolean;
  protected abstract faultOf(error: ViewError): State['fault'];

  /** The canvas on the page, null when the window goes. */
  attach(canvas: HTMLCanvasElement | null): void {
    this.painter.attach(canvas);
    if (canvas !== null) this.painter.draw(this.wantedPlace(), this.state.canvas);
  }

  resize(canvas: CellCanvas): void {
    const before = this.state.canvas;
    if (canvas.widthPx < 1 || canvas.heightPx < 1) return;
    if (before.widthPx === canvas.widthPx && before.heightPx === canvas.heightPx && before.perCss === canvas.perCss) return;
    this.patch({ canvas });
    if (!this.isOpen) return;
    this.bump(false);
    this.painter.draw(this.wantedPlace(), canvas); // a canvas that was resized is empty: draw before the next paint
    this.send();
  }

  /** Whether the canvas is as large as the window also while a smaller picture moves: a video has one size. */
  keepCanvasSize(keeps: boolean): void {
    this.painter.keepsSize = keeps;
    this.painter.draw(this.wantedPlace(), this.state.canvas); // at once: what records looks at it next
  }

  /** A drag begins: all changes until `endDrag` are of one movement. */
  beginDrag(): void {
    this.#dragging = true;
    this.#clearSettle();
  }

  endDrag(at: number): void {
    if (!this.#dragging) return;
    this.#dragging = false;
    if (this.state.navigation.moving) this.settle(true, at);
  }

  /** Asks for the same again after it could not be drawn. */
  tryAgain(): void {
    if (!this.isOpen) return;
    this.patch({ fault: null });
    this.#ask();
  }

  /** After a reconnect: the same view under a fresh revision, so that its picture counts as new. */
  replay(): void {
    if (!this.isOpen || this.state.canvas.widthPx < 1) return;
    this.bump(this.state.navigation.moving);
    this.#sendNow();
  }

  progress(loaded: number, total: number): void {
    this.patch({ loading: loaded < total ? { loaded, total } : null });
  }

  failed(error: ViewError): void {
    if (error.revision < this.#floor || error.revision < (this.state.shown?.revision ?? 0) || !this.concerns(error)) return;
    if (PASSING.has(error.code)) {
      this.#retrySoon();
      if (this.state.shown !== null) return; // the last picture stays
    }
    this.painter.take(null);
    this.patch({ fault: this.faultOf(error), shown: null });
    this.draw();
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

  /** What was shown goes: pictures of it that are still on their way are not taken. */
  protected forget(): number {
    this.#clearRetry();
    this.settle(false);
    this.painter.take(null);
    this.#floor = this.state.navigation.revision + 1;
    return this.#floor;
  }

  /** Something was changed by hand, just now: the next picture answers it. */
  protected changed(patch: Partial<State>, at: number, moving: boolean): void {
    const inputAt = at > 0 ? at : performance.now();
    const revision = this.state.navigation.revision + 1;
    this.store.set({ ...patch, navigation: { revision, moving: moving || this.#dragging } } as Partial<State>);
    this.#inputAt ??= inputAt;
    markInput({ cell: this.number, revision }, inputAt);
    this.draw();
    this.send();
    if (moving && !this.#dragging) this.#settleSoon();
  }

  protected patch(patch: Partial<PictureState>): void {
    this.store.set(patch as Partial<State>);
  }

  protected bump(moving: boolean): void {
    this.patch({ navigation: { revision: this.state.navigation.revision + 1, moving } });
  }

  /** At most one wish an animation frame: the first goes at once, what follows waits for the next frame. */
  protected send(): void {
    if (this.#frameWaits) {
      this.#sendWaits = true;
      return;
    }
    if (!this.#sendNow()) return; // nothing went: what follows, as the window's size, need not wait
    this.#frameWaits = true;
    this.#deps.onFrame(() => {
      this.#frameWaits = false;
      if (!this.#sendWaits) return;
      this.#sendWaits = false;
      this.send();
    });
  }

  protected draw(): void {
    if (this.#drawWaits) return;
    this.#drawWaits = true;
    this.#deps.onFrame(() => {
      this.#drawWaits = false;
      this.painter.draw(this.wantedPlace(), this.state.canvas);
    });
  }

  /** The movement is over. */
  protected settle(send: boolean, at: number | null = null): void {
    this.#clearSettle();
    this.#dragging = false;
    const { navigation, shown } = this.state;
    if (!navigation.moving) return;
    if (!send || (shown?.still === true && shown.revision === navigation.revision)) {
      this.patch({ navigation: { ...navigation, moving: false } });
      return;
    }
    this.bump(false);
    if (at !== null) this.#inputAt ??= at;
    this.send();
  }

  #wants(frame: Frame): boolean {
    return this.isOpen && this.state.canvas.widthPx > 0 && this.isOurs(frame) && mayShow(frame, this.state.shown, this.#floor);
  }

  #show(frame: Frame, bitmap: ImageBitmap): void {
    const sent = this.#sent.get(frame.revision) ?? null;
    const { picture, patch } = this.receive(frame, bitmap, sent);
    this.painter.take(picture);
    const wanted = frame.revision === this.state.navigation.revision ? picture.place : (this.wantedPlace() ?? picture.place);
    this.painter.draw(wanted, this.state.canvas);
    this.store.set({ ...patch, fault: null } as Partial<State>);
    this.#forgetBefore(frame.revision);
    this.#deps.onFrame(() => markPainted({ cell: this.number, revision: frame.revision, still: frame.still, refining: frame.refining }, sent?.inputAt ?? null));
  }

  /** Sends the wish; false where there is none yet. */
  #sendNow(): boolean {
    const { canvas, navigation } = this.state;
    if (canvas.widthPx < 1 || !this.isOpen) return false;
    const wish = this.sendWish();
    if (wish === null) return false;
    this.#sent.set(navigation.revision, { wish, canvas, inputAt: this.#inputAt });
    this.#inputAt = null;
    if (this.#sent.size > REMEMBERED) this.#sent.delete(this.#sent.keys().next().value ?? 0);
    this.#lastSent = navigation.revision;
    return true;
  }

  #forgetBefore(revision: number): void {
    for (const known of this.#sent.keys()) if (known < revision) this.#sent.delete(known);
  }

  #ask(): void {
    this.#clearRetry();
    this.reopen();
    this.bump(false);
    this.send();
  }

  /** Nobody's fault here: asks again by itself. */
  #retrySoon(): void {
    this.#clearRetry();
    this.#retryTimer = this.#deps.clock.setTimeout(() => {
      this.#retryTimer = null;
      if (this.isOpen && this.state.canvas.widthPx > 0) this.#ask();
    }, RETRY_MS);
  }

  #clearRetry(): void {
    if (this.#retryTimer !== null) this.#deps.clock.clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
  }

  #settleSoon(): void {
    this.#clearSettle();
    this.#settleTimer = this.#deps.clock.setTimeout(() => {
      this.#settleTimer = null;
      this.settle(true);
    }, SETTLE_MS);
  }

  #clearSettle(): void {
    if (this.#settleTimer !== null) this.#deps.clock.clearTimeout(this.#settleTimer);
    this.#settleTimer = null;
  }
}
