/**
 * Pictures of presets and own looks, drawn by the server one after another through a window that is not on the page, and
 * kept as long as the page is.
 *
 * - The doctor's picture comes first: none is asked for before the whole volume has been seen at rest.
 * - The looks that stand on the page, as many as `setVisible` said, come while that picture still gets finer. A large
 *   window may take many seconds for it, and each small picture only some 50 ms.
 * - All others wait until the doctor's picture is sharp.
 */

import type { Look } from '../../../shared/protocol/messages';
import { Store } from '../../control/store';
import type { VolumeCellController, VolumeCellState, VolumeWish } from '../../control/volumeCell';
import { poseOf, startCamera, zoomed } from '../model/camera';
import { minimumBox } from '../model/clipBox';
import { inOrder } from '../model/presets';
import type { SceneController } from './scene';

export const WIDTH_CSS = 96;
export const HEIGHT_CSS = 72;
/** Sharp on screens of twice the pixels, and cheap on the others. */
const PER_CSS = 2;
/** Nothing touches the border of the whole picture; of a small one more may be filled. */
const CLOSER = 1.15;
/** A picture that does not come is not waited for longer. */
const WAIT_MS = 15_000;
const KEPT_VOLUMES = 4;

/** Pictures by volume and preset, as long as the page lives. */
const kept = new Map<string, Map<string, ImageBitmap>>();

export interface ThumbnailState {
  readonly pictures: ReadonlyMap<string, ImageBitmap>;
  /** Those that did not come. */
  readonly failed: ReadonlySet<string>;
}

/** A look with the name by which its picture is kept. */
interface Subject {
  readonly key: string;
  readonly look: Look;
}

/** By the look itself: saved anew under its name, it has another picture. */
export function keyOfLook(look: Look): string {
  return JSON.stringify(look);
}

type HiddenCell = VolumeCellController<string>;

export class Thumbnails {
  readonly store = new Store<ThumbnailState>({ pictures: new Map(), failed: new Set() });
  readonly #scene: SceneController;
  readonly #cell: HiddenCell;
  readonly #canvas: HTMLCanvasElement;
  readonly #setTimeout: (run: () => void, ms: number) => number;
  readonly #clearTimeout: (timer: number) => void;
  readonly #leave: (() => void)[];
  #key = '';
  /** Whose picture is waited for. */
  #waitsFor: Subject | null = null;
  #timer: number | null = null;
  /** Looks of the doctor's own. */
  #own: readonly Subject[] = [];
  /** How many of the presets stand on the page. */
  #visible = 0;

  constructor(scene: SceneController, cell: HiddenCell, clock: { setTimeout: (run: () => void, ms: number) => number; clearTimeout: (timer: number) => void }) {
    this.#scene = scene;
    this.#cell = cell;
    this.#canvas = document.createElement('canvas');
    this.#setTimeout = (run, ms) => clock.setTimeout(run, ms);
    this.#clearTimeout = (timer) => clock.clearTimeout(timer);
    cell.setWish((state) => this.#wish(state));
    cell.attach(this.#canvas);
    this.#leave = [scene.cell.store.subscribe(() => this.#next()), cell.store.subscribe(() => this.#came())];
    this.#next();
  }

  /** The looks on the page: so many of the presets, and looks of the doctor's own, which have pictures before those. */
  setVisible(presets: number, own: readonly Look[]): void {
    this.#visible = presets;
    this.#own = own.map((look) => ({ key: keyOfLook(look), look }));
    this.#next();
  }

  leave(): void {
    for (const leave of this.#leave) leave();
    this.#stopWaiting();
    this.#cell.close();
    this.#cell.attach(null);
    this.#cell.setWish(() => null);
  }

  /** Asks for the next picture, if the main window rests. */
  #next(): void {
    const { reference, facts, shown, navigation, fault } = this.#scene.cell.state;
    if (reference === null || facts === null) return;
    const key = `${reference.seriesId}/${reference.volume}`;
    if (key !== this.#key) {
      this.#key = key;
      this.#stopWaiting();
      this.store.set({ pictures: kept.get(key) ?? new Map(), failed: new Set() });
    }
    if (this.#waitsFor !== null || !facts.whole || fault !== null) return;
    if (shown === null || shown.coarse || shown.revision !== navigation.revision || navigation.moving) return;
    const { pictures, failed } = this.store.get();
    const presets = inOrder(facts.presets, facts.default_preset).map(({ preset_id, look }): Subject => ({ key: preset_id, look }));
    const isMissing = (one: Subject): boolean => !pictures.has(one.key) && !failed.has(one.key);
    const onPage = [...this.#own, ...presets.slice(0, this.#visible)].find(isMissing);
    const next = onPage ?? (shown.still ? presets.find(isMissing) : undefined);
    if (next === undefined) {
      if (shown.still) this.#cell.close();
      return;
    }
    this.#waitsFor = next;
    this.#timer = this.#setTimeout(() => this.#giveUp(), WAIT_MS);
    if (this.#cell.state.reference === null) {
      this.#cell.resize({ widthPx: WIDTH_CSS * PER_CSS, heightPx: HEIGHT_CSS * PER_CSS, perCss: PER_CSS, deviceRatio: PER_CSS });
      this.#cell.open(reference.seriesId, reference.volume);
    } else this.#cell.refresh();
  }

  #came(): void {
    const { shown, navigation, fault } = this.#cell.state;
    const subject = this.#waitsFor;
    if (subject === null) return;
    if (fault !== null) {
      this.#giveUp();
      return;
    }
    if (shown === null || !shown.still || shown.coarse || shown.revision !== navigation.revision || shown.wish?.look !== subject.key) return;
    const key = this.#key;
    this.#stopWaiting();
    void createImageBitmap(this.#canvas).then((picture) => {
      const pictures = new Map(kept.get(key));
      pictures.set(subject.key, picture);
      keep(key, pictures);
      if (key !== this.#key) return;
      this.store.set({ pictures });
      this.#next();
    });
  }

  #giveUp(): void {
    if (this.#waitsFor !== null) this.store.set({ failed: new Set([...this.store.get().failed, this.#waitsFor.key]) });
    this.#stopWaiting();
    this.#next();
  }

  #stopWaiting(): void {
    this.#waitsFor = null;
    if (this.#timer !== null) this.#clearTimeout(this.#timer);
    this.#timer = null;
  }

  #wish({ grid, canvas, opened }: VolumeCellState<string>): VolumeWish<string> | null {
    const subject = this.#waitsFor;
    if (grid === null || subject === null) return null;
    const camera = zoomed(startCamera(grid), CLOSER);
    const box = subject.look.mode === 'minip' ? minimumBox(grid, camera.frame.away, opened?.modality ?? '') : null;
    return {
      view: { type: 'camera', pose: poseOf(camera, canvas), look: subject.look, box },
      onto: { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 },
      look: subject.key,
      smooth: true,
    };
  }
}

function keep(key: string, pictures: Map<string, ImageBitmap>): void {
  kept.delete(key);
  kept.set(key, pictures);
  const oldest = kept.keys().next().value;
  if (kept.size > KEPT_VOLUMES && oldest !== undefined) {
    for (const picture of kept.get(oldest)?.values() ?? []) picture.close();
    kept.delete(oldest);
  }
}
