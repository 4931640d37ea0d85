import { useStore } from '../../control/store';
import type { CellController } from '../../control/cell';
import { asShown, type CellState, resolvePlacement } from '../../control/cellState';
import { frameAt, sizeOf } from '../../model/series';
import { imageSurface, type MeasureSurface } from '../model/place';

/** What a window of the image viewer shows at this moment, as measuring sees it: the image that is seen, not the wish. */
export function surfaceOfCell(cellNumber: number, state: CellState): MeasureSurface {
  const seen = asShown(state);
  const frame = frameAt(seen.detail, seen.reference.image);
  const shows = state.shown !== null && state.fault === null && frame !== null;
  return imageSurface({
    cellNumber,
    seriesId: seen.reference.seriesId ?? 0,
    image: shows ? { instance_id: frame.instance_id, frame_number: frame.frame_number } : null,
    placement: shows ? resolvePlacement(seen) : null,
    pixelAspect: frame === null ? 1 : sizeOf(frame).pixelAspect,
    canvas: state.canvas,
  });
}

export function useImageSurface(cell: CellController): MeasureSurface {
  return surfaceOfCell(cell.number, useStore(cell.store));
}
