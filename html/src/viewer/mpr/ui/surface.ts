/** What a window of MPR shows at this moment, as measuring sees it: the plane that is seen, where it lies on the canvas now. */

import { planeSurface, type MeasureSurface } from '../../measure/model/place';
import { type PlaneKind, resolvePlane, voxelStepMm } from '../../model/plane';
import type { MprController } from '../control/mpr';

export function surfaceOf(mpr: MprController, kind: PlaneKind): MeasureSurface {
  const cell = mpr.cell(kind);
  const { shown, fault, grid, canvas, opened, reference } = cell.state;
  const seen = fault === null ? (shown?.wish?.look ?? null) : null;
  const view = seen === null || grid === null || canvas.widthPx < 1 ? null : resolvePlane(grid, seen.view.plane, mpr.state.looks[kind], canvas);
  return planeSurface({
    cellNumber: cell.number,
    seriesId: reference?.seriesId ?? 0,
    volume: reference?.volume ?? 0,
    center: view?.center ?? null,
    right: view?.right ?? [1, 0, 0],
    down: view?.down ?? [0, 1, 0],
    mmPerCss: view === null ? 1 : canvas.perCss / view.zoom,
    width: canvas.widthPx / canvas.perCss,
    height: canvas.heightPx / canvas.perCss,
    stepMm: view === null || grid === null ? 1 : voxelStepMm(grid, view.plane.frame.normal),
    slab: seen?.slab ?? 'plane',
    thicknessMm: seen?.thicknessMm ?? 0,
    interpolation: seen?.interpolation ?? 'trilinear',
    modality: opened?.modality ?? '',
  });
}
