/**
 * Pictures of presets, drawn by the server one after another through a window that is not on the page. They wait until
 * the main picture is still, and are kept as long as the page is.
 */

import type { Preset } from '../../../shared/protocol/messages';
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
}

type HiddenCell = VolumeCellController<string>;

export class Thumbnails {
  readonly store = new Store<ThumbnailState>({ pictures: new Map() });
  readonly #scene: SceneController;
  readonly #cell: HiddenCell;
  readonly #canvas: HTMLCanvasElement;
  readonly #setTimeout: (run: () => void, ms: number) => number;
  readonly #clearTimeout: (timer: number) => void;
  readonly #leave: (() => void)[];
  #key = '';
  /** The preset whose picture is waited for. */
  #waitsFor: Preset | null = null;
  #timer: number | null = null;
  readonly #failed = new Set<string>();

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
      this.#failed.clear();
      this.store.set({ pictures: kept.get(key) ?? new Map() });
    }
    if (this.#waitsFor !== null || !facts.whole || fault !== null) return;
    if (shown === null || !shown.still || shown.coarse || shown.revision !== navigation.revision) return;
    const next = inOrder(facts.presets, facts.default_preset).find(({ preset_id }) => !this.store.get().pictures.has(preset_id) && !this.#failed.has(preset_id));
    if (next === undefined) {
      this.#cell.close();
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
    const preset = this.#waitsFor;
    if (preset === null) return;
    if (fault !== null) {
      this.#giveUp();
      return;
    }
    if (shown === null || !shown.still || shown.coarse || shown.revision !== navigation.revision || shown.wish?.look !== preset.preset_id) return;
    const key = this.#key;
    this.#stopWaiting();
    void createImageBitmap(this.#canvas).then((picture) => {
      const pictures = new Map(kept.get(key));
      pictures.set(preset.preset_id, picture);
      keep(key, pictures);
      if (key !== this.#key) return;
      this.store.set({ pictures });
      this.#next();
    });
  }

  #giveUp(): void {
    if (this.#waitsFor !== null) this.#failed.add(this.#waitsFor.preset_id);
    this.#stopWaiting();
    this.#next();
  }

  #stopWaiting(): void {
    this.#waitsFor = null;
    if (this.#timer !== null) this.#clearTimeout(this.#timer);
    this.#timer = null;
  }

  #wish({ grid, canvas, opened }: VolumeCellState<string>): VolumeWish<string> | null {
    const preset = this.#waitsFor;
    if (grid === null || preset === null) return null;
    const camera = zoomed(startCamera(grid), CLOSER);
    const box = preset.look.mode === 'minip' ? minimumBox(grid, camera.frame.away, opened?.modality ?? '') : null;
    return {
      view: { type: 'camera', pose: poseOf(camera, canvas), look: preset.look, box },
      onto: { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 },
      look: preset.preset_id,
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
