/** The window of MPR that shows the whole volume: in the look of its default preset, turned by hand. */

import { Store } from '../../control/store';
import type { VolumeCellController } from '../../control/volumeCell';
import type { CellCanvas } from '../../control/pictureCell';
import { type Camera, mmPerPx, panned, poseOf, rolled, startCamera, turnedByDrag, zoomed } from '../../volume3d/model/camera';
import type { Vector } from '../../model/vector';

export class VolumeWindow {
  readonly cell: VolumeCellController<Camera>;
  readonly store = new Store<{ camera: Camera | null }>({ camera: null });
  /** From where the volume is seen at first; null = from the front. */
  kept: Camera | null = null;

  constructor(cell: VolumeCellController<unknown>) {
    this.cell = cell as VolumeCellController<Camera>;
  }

  /** @param visible whether the window is on the page */
  start(visible: () => boolean): () => void {
    this.cell.setWish(({ canvas }) => {
      const { camera } = this.store.get();
      if (camera === null || canvas.widthPx < 1 || !visible()) return null;
      return { view: { type: 'camera', pose: poseOf(camera, canvas), look: null, box: null, plane: null, edits: 0 }, onto: placeOf(camera, canvas), look: camera, smooth: true };
    });
    const leave = this.cell.store.subscribe(() => {
      const { grid } = this.cell.state;
      if (grid === null || this.store.get().camera !== null) return;
      this.store.set({ camera: this.kept ?? startCamera(grid) });
      this.cell.refresh();
    });
    return () => {
      leave();
      this.store.set({ camera: null });
    };
  }

  look(make: (camera: Camera, canvas: CellCanvas) => Camera, at: number, moving: boolean): void {
    const { camera } = this.store.get();
    if (camera === null) return;
    this.store.set({ camera: make(camera, this.cell.state.canvas) });
    this.cell.wishChanged(at, moving);
  }

  /** Drags by canvas pixels. */
  turn(dx: number, dy: number, at: number): void {
    this.look((camera, canvas) => turnedByDrag(camera, canvas, dx, dy), at, true);
  }

  /** Turned by degrees to the right and downwards, as a drag would. */
  turned(camera: Camera, canvas: CellCanvas, right: number, down: number): Camera {
    const perDegree = Math.min(canvas.widthPx, canvas.heightPx) / 180;
    return turnedByDrag(camera, canvas, right * perDegree, down * perDegree);
  }

  pan(dx: number, dy: number, at: number): void {
    this.look((camera, canvas) => panned(camera, canvas, dx, dy), at, true);
  }

  zoom(factor: number, at: number): void {
    this.look((camera) => zoomed(camera, factor), at, true);
  }

  roll(degrees: number, at: number): void {
    this.look((camera) => rolled(camera, degrees), at, true);
  }

  reset(at: number): void {
    const { grid } = this.cell.state;
    if (grid !== null) this.look(() => startCamera(grid), at, false);
  }

  /** The point of the patient that is seen there, in canvas pixels; null where nothing is, or nobody could say. */
  async pick(x: number, y: number): Promise<Vector | null> {
    try {
      const answer = await this.cell.ask({ kind: 'pick', x_px: x, y_px: y }, 'mpr');
      return answer.type === 'picked' ? answer.p_lps_mm : null;
    } catch {
      return null; // the picture went, or a newer question took the place: the crossing stays
    }
  }
}

/** What panning and zooming change: the target's plane onto the canvas. */
function placeOf(camera: Camera, canvas: CellCanvas): { a: number; b: number; c: number; d: number; e: number; f: number } {
  const zoom = 1 / mmPerPx(camera, canvas);
  return { a: zoom, b: 0, c: 0, d: zoom, e: canvas.widthPx / 2 + camera.panXMm * zoom, f: canvas.heightPx / 2 + camera.panYMm * zoom };
}
