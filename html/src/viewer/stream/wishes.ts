/** What every cell is to show: all that another socket, or another render node, has to be told. */

import type { CameraView, ClientMessage, Edit, PlaneView, View } from '../../shared/protocol/messages';

interface SeriesWish {
  kind: 'series';
  seriesId: number;
  view: View | null;
}

interface VolumeWish {
  kind: 'volume';
  seriesId: number;
  volume: number;
  /** In order, counted from 1. */
  edits: Edit[];
  view: PlaneView | CameraView | null;
}

export class Wishes {
  readonly #cells = new Map<number, SeriesWish | VolumeWish>();

  /** @returns whether the cell shows something else now */
  openSeries(cell: number, seriesId: number): boolean {
    const known = this.#cells.get(cell);
    if (known?.kind === 'series' && known.seriesId === seriesId) return false;
    this.#cells.set(cell, { kind: 'series', seriesId, view: null });
    return true;
  }

  /** Another volume begins without edits; the same one opened again keeps them. */
  openVolume(cell: number, seriesId: number, volume: number): void {
    const known = this.#cells.get(cell);
    if (known?.kind === 'volume' && known.seriesId === seriesId && known.volume === volume) return;
    this.#cells.set(cell, { kind: 'volume', seriesId, volume, edits: [], view: null });
  }

  /** @returns whether the cell shows what the view is of */
  see(view: View | PlaneView | CameraView): boolean {
    const wish = this.#cells.get(view.cell);
    if (wish?.kind === 'series' && view.type === 'view') wish.view = view;
    else if (wish?.kind === 'volume' && view.type !== 'view') wish.view = view;
    else return false;
    return true;
  }

  /** One with a number that was there replaces it and those after it. */
  edit(edit: Edit): boolean {
    const wish = this.#cells.get(edit.cell);
    if (wish?.kind !== 'volume' || edit.number > wish.edits.length + 1) return false;
    wish.edits = [...wish.edits.slice(0, edit.number - 1), edit];
    return true;
  }

  close(cell: number): boolean {
    return this.#cells.delete(cell);
  }

  has(cell: number): boolean {
    return this.#cells.has(cell);
  }

  /** The messages that bring all cells back: a volume's edits before the picture that needs them. */
  *replay(): Generator<ClientMessage> {
    for (const cell of this.#cells.keys()) yield* this.replayOf(cell);
  }

  *replayOf(cell: number): Generator<ClientMessage> {
    const wish = this.#cells.get(cell);
    if (wish === undefined) return;
    if (wish.kind === 'series') yield { type: 'open', cell, series_id: wish.seriesId };
    else {
      yield { type: 'open_volume', cell, series_id: wish.seriesId, volume: wish.volume };
      yield* wish.edits;
    }
    if (wish.view !== null) yield wish.view;
  }
}
