/**
 * One window that shows a volume: a plane of it, or the whole seen by a camera. What of it is shown is said by whoever
 * gave the window its wish; here is what all of them share: opening, facts, pictures, coarse ones and late ones.
 */

import type { Frame } from '../../shared/protocol/frame';
import type { CameraView, Edit, Making, PlaneView, ViewError, VolumeFacts, VolumeOpened } from '../../shared/protocol/messages';
import type { Affine } from '../model/geometry';
import { gridOf, type VolumeGrid } from '../model/volumeGrid';
import { type Answer, type Question, unanswered } from '../stream/questions';
import type { Picture } from './painter';
import { PictureCell, type PictureDependencies, type PictureShown, type PictureState, type Sent } from './pictureCell';

/** What the wish says, but for what the window itself knows. */
export type VolumeView =
  | Omit<PlaneView, 'cell' | 'revision' | 'moving' | 'width_px' | 'height_px'>
  | Omit<CameraView, 'cell' | 'revision' | 'moving'>;

export interface VolumeWish<Look = unknown> {
  view: VolumeView;
  /**
   * Where a picture of this wish lies on the canvas, from whatever lies still while the doctor pans and zooms: until the
   * next picture comes, the last one is moved by what this changed.
   */
  onto: Affine;
  /** What the words around the picture are made from; comes back with it. */
  look: Look;
  smooth: boolean;
}

export interface VolumeShown<Look = unknown> extends PictureShown {
  /** Slices are missing still. */
  coarse: boolean;
  /** The objects that were stored had been compressed with loss. */
  sourceLossy: boolean;
  windowCenter: number | null;
  windowWidth: number | null;
  /** The wish that it answers; null if that was forgotten. */
  wish: VolumeWish<Look> | null;
  /** Size of the canvas that it was drawn for. */
  widthPx: number;
  heightPx: number;
}

export interface VolumeFault {
  code: string;
  message: string;
  numbers: readonly number[];
  /** There will be no picture of this volume at all. */
  opening: boolean;
  /** Number of the edit that cannot be made, if that is why. */
  edit: number | null;
  /** Of the wish that was refused. */
  revision: number;
}

export interface VolumeCellState<Look = unknown> extends PictureState {
  /** The series and which of its volumes. */
  reference: { seriesId: number; volume: number } | null;
  opened: VolumeOpened | null;
  grid: VolumeGrid | null;
  facts: VolumeFacts | null;
  shown: VolumeShown<Look> | null;
  fault: VolumeFault | null;
}

export interface VolumeCellDependencies extends PictureDependencies {
  openVolume: (cell: number, seriesId: number, volume: number) => void;
  sendView: (view: PlaneView | CameraView) => void;
  sendEdit: (edit: Edit) => void;
  ask: (cell: number, what: Question, key: string, onProgress?: (making: Making) => void) => Promise<Answer>;
}

/** Makes the wish of a window out of its state; null while it cannot be known, as before the volume is opened. */
export type WishMaker<Look = unknown> = (state: VolumeCellState<Look>) => VolumeWish<Look> | null;

function empty(): VolumeCellState<never> {
  return {
    reference: null,
    opened: null,
    grid: null,
    facts: null,
    navigation: { revision: 0, moving: false },
    canvas: { widthPx: 0, heightPx: 0, perCss: 1, deviceRatio: 1 },
    shown: null,
    fault: null,
    loading: null,
  };
}

export class VolumeCellController<Look = unknown> extends PictureCell<VolumeCellState<Look>, Affine, VolumeWish<Look>> {
  readonly #deps: VolumeCellDependencies;
  #make: WishMaker<Look> = () => null;

  constructor(number: number, deps: VolumeCellDependencies) {
    super(number, deps, empty());
    this.#deps = deps;
  }

  /** Says what the window is to show. The maker is asked whenever something changed; it must be a pure function. */
  setWish(make: WishMaker<Look>): void {
    this.#make = make;
  }

  /** Shows a volume; the same one again is opened anew and keeps what is known of it. */
  open(seriesId: number, volume: number): void {
    const { canvas, reference } = this.state;
    if (reference !== null && reference.seriesId === seriesId && reference.volume === volume) {
      this.tryAgain();
      return;
    }
    const revision = this.forget();
    this.store.set({ ...empty(), canvas, navigation: { revision, moving: false }, reference: { seriesId, volume } });
    this.draw();
    this.#deps.openVolume(this.number, seriesId, volume);
  }

  /** The window shows nothing any more, and holds nothing at the server. */
  close(): void {
    if (this.state.reference === null) return;
    const { canvas } = this.state;
    const revision = this.forget();
    this.#deps.closeCell(this.number);
    this.store.set({ ...empty(), canvas, navigation: { revision, moving: false } });
    this.draw();
  }

  /**
   * What the wish is made from has changed.
   *
   * @param at time of the input event that did it
   * @param moving more will follow soon: a light picture will do
   */
  wishChanged(at: number, moving: boolean): void {
    if (this.isOpen && this.state.grid !== null) this.changed({}, at, moving);
  }

  /** The same, but nobody asked for it by hand. */
  refresh(): void {
    if (!this.isOpen || this.state.grid === null) return;
    this.bump(this.state.navigation.moving);
    this.draw();
    this.send();
  }

  /** The wish as it is now. */
  get wish(): VolumeWish<Look> | null {
    return this.isOpen ? this.#make(this.state) : null;
  }

  /** Sends an edit, counted from 1; one with a number that was there replaces it and those after it. */
  edit(number: number, step: Edit['step']): void {
    if (this.isOpen) this.#deps.sendEdit({ type: 'edit', cell: this.number, number, step });
  }

  /** Asks about the volume; rejected with an `AskFault`. */
  ask(what: Question, key = '', onProgress?: (making: Making) => void): Promise<Answer> {
    return this.isOpen ? this.#deps.ask(this.number, what, key, onProgress) : unanswered('gone');
  }

  opened(opened: VolumeOpened): void {
    const { reference, grid } = this.state;
    if (reference === null || opened.series_id !== reference.seriesId || opened.volume !== reference.volume) return;
    const next = gridOf(opened);
    const same = grid !== null && sameGrid(grid, next);
    const before = this.lastSent;
    this.store.set({ opened, grid: same ? grid : next });
    if (same || this.lastSent !== before) return; // whoever listens may have wished already
    this.bump(false);
    this.draw();
    this.send();
  }

  factsCame(facts: VolumeFacts): void {
    if (this.state.opened !== null) this.store.set({ facts });
  }

  override failed(error: ViewError): void {
    // A volume that cannot be opened is refused before any wish was sent.
    const ofOpening = error.revision === 0 && this.state.shown === null;
    super.failed(ofOpening ? { ...error, revision: this.state.navigation.revision } : error);
  }

  override progress(loaded: number, total: number): void {
    // Before its answer the server may still tell of what was here before.
    if (this.state.opened !== null) super.progress(loaded, total);
  }

  protected override get isOpen(): boolean {
    return this.state.reference !== null;
  }

  protected override wantedPlace(): Affine | null {
    return this.wish?.onto ?? null;
  }

  protected override sendWish(): VolumeWish<Look> | null {
    const wish = this.wish;
    if (wish === null) return null;
    const { canvas, navigation } = this.state;
    const own = { cell: this.number, revision: navigation.revision, moving: navigation.moving };
    if (wish.view.type === 'plane') this.#deps.sendView({ ...wish.view, ...own, width_px: canvas.widthPx, height_px: canvas.heightPx });
    else this.#deps.sendView({ ...wish.view, ...own });
    return wish;
  }

  protected override reopen(): void {
    const { reference } = this.state;
    if (reference !== null) this.#deps.openVolume(this.number, reference.seriesId, reference.volume);
  }

  protected override isOurs(frame: Frame): boolean {
    return frame.instanceId === 0;
  }

  protected override concerns(): boolean {
    return true;
  }

  protected override faultOf(error: ViewError): VolumeCellState['fault'] {
    return { code: error.code, message: error.message, numbers: error.numbers, opening: this.state.opened === null, edit: error.edit, revision: error.revision };
  }

  protected override receive(
    frame: Frame,
    bitmap: ImageBitmap,
    sent: Sent<VolumeWish<Look>> | null,
  ): { picture: Picture<Affine>; patch: Partial<VolumeCellState<Look>> } {
    const canvas = sent?.canvas ?? this.state.canvas;
    return {
      picture: { bitmap, place: sent?.wish.onto ?? null, canvas, smooth: sent?.wish.smooth ?? true, lay: (place) => place },
      patch: {
        shown: {
          revision: frame.revision,
          sequence: frame.sequence,
          still: frame.still,
          lossless: frame.lossless,
          coarse: frame.coarse,
          sourceLossy: frame.sourceLossy,
          windowCenter: frame.windowCenter,
          windowWidth: frame.windowWidth,
          wish: sent?.wish ?? null,
          widthPx: canvas.widthPx,
          heightPx: canvas.heightPx,
        },
      },
    };
  }
}

function sameGrid(one: VolumeGrid, other: VolumeGrid): boolean {
  return one.shape.every((size, axis) => size === other.shape[axis]) && one.lpsFromIndex.every((value, at) => value === other.lpsFromIndex[at]);
}

/** Whether the picture that is seen is not the one that was asked for. */
export function isBehind({ shown, navigation }: VolumeCellState): boolean {
  return shown !== null && shown.revision !== navigation.revision;
}
