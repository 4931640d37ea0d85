/** The words around a picture of a plane. They describe the picture that is seen, never one that has only been asked for. */

import type { Study } from '../../../shared/api/types';
import { personName } from '../../../shared/format/person';
import type { VolumeCellState } from '../../control/volumeCell';
import type { OverlayLevel } from '../../control/viewer';
import { formatNumber, formatTenths, formatWindowNumber } from '../../model/numbers';
import { type Plane, type PlaneKind, type PlaneView, planePosition, positionMm } from '../../model/plane';
import { spacingMm } from '../../model/volumeGrid';
import type { WidthLevel } from '../../model/windowing';
import type { Corners, Translate } from '../../ui/corners';
import type { PlaneSeen } from '../model/state';

export interface PlaneTextContext {
  study: Study | null;
  overlay: OverlayLevel;
  /** The phone's bar already names the patient: the corner names the series. */
  compact: boolean;
  series?: string;
  locale: string;
  t: Translate;
}

/**
 * "+20.0 mm" along the body, "L 4.0 mm" elsewhere.
 *
 * @param letters whether the directions in the patient are known; a sign stands for a side where they are not
 */
export function positionText(plane: Plane, locale: string, t: Translate, letters = true): string {
  const { side, mm } = letters ? planePosition(plane) : { side: '', mm: positionMm(plane) };
  const written = formatTenths(mm, locale);
  if (side !== '') return t('mpr.position.side', { side, mm: written });
  return t('mpr.position.along', { mm: Math.round(mm * 10) > 0 ? `+${written}` : written });
}

/** "MIP 10.0 mm", empty for a plane alone. */
export function slabText({ slab, thicknessMm }: Pick<PlaneSeen, 'slab' | 'thicknessMm'>, locale: string, t: Translate): string {
  return slab === 'plane' ? '' : t('mpr.slab.corner', { mode: t(`mpr.slab.${slab}`), mm: formatTenths(thicknessMm, locale) });
}

export function windowText(values: WidthLevel, locale: string, t: Translate): string {
  return t('corner.window', { width: formatWindowNumber(values.width, values.width, locale), level: formatWindowNumber(values.center, values.width, locale) });
}

const none: Corners = { topLeft: [], topRight: [], bottomLeft: [], bottomRight: [] };

/** @param view the plane as it lies on the canvas now */
export function planeCorners(state: VolumeCellState<PlaneSeen>, view: PlaneView | null, context: PlaneTextContext): Corners {
  const { study, overlay, compact, series = '', locale, t } = context;
  if (overlay === 'off') return none;
  const { shown, fault } = state;
  const seen = shown?.wish?.look ?? null;
  const patient = study === null || overlay !== 'full' || compact ? [] : [personName(study.patient_name) || t('common:noName'), study.patient_id];
  const topRight: string[] = [];
  if (shown !== null && shown.windowCenter !== null && shown.windowWidth !== null && fault === null) {
    topRight.push(windowText({ center: shown.windowCenter, width: shown.windowWidth }, locale, t));
  }
  if (view !== null && shown !== null && fault === null && state.grid !== null) {
    const percent = (view.zoom * spacingMm(state.grid)[0] * state.canvas.deviceRatio * 100) / state.canvas.perCss;
    topRight.push(t('corner.zoom', { percent: formatNumber(percent, locale, percent < 10 ? 1 : 0) }));
  }
  if (seen?.invert === true) topRight.push(t('corner.inverted'));
  const bottomLeft = seen === null || fault !== null ? [] : [[slabText(seen, locale, t), positionText(seen.view.plane, locale, t, state.opened?.letters)].filter((part) => part !== '').join(' · ')];
  return { topLeft: [...patient, ...(compact ? [series] : [])].filter((line) => line !== ''), topRight, bottomLeft, bottomRight: fault === null ? qualityLines(state, t) : [] };
}

function qualityLines({ shown }: VolumeCellState<PlaneSeen>, t: Translate): string[] {
  if (shown === null) return [];
  const lines = shown.sourceLossy ? [t('corner.sourceLossy')] : [];
  if (!shown.lossless) lines.push(t('corner.lossy'));
  if (shown.coarse) lines.push(t('mpr.coarse'));
  return [...lines, t('mpr.computed')];
}

/** "Axial, +20.0 mm, MIP 10.0 mm": the name of a window. */
export function planeName(kind: PlaneKind, seen: PlaneSeen | null, locale: string, t: Translate, letters?: boolean): string {
  const plane = t(`mpr.${kind}`);
  if (seen === null) return t('mpr.window.opening', { plane });
  const position = positionText(seen.view.plane, locale, t, letters);
  const slab = slabText(seen, locale, t);
  return slab === '' ? t('mpr.window.plane', { plane, position }) : t('mpr.window.slab', { plane, position, slab });
}
