/** The texts in the corners of the volume's window; what they say is of the picture that is seen. */

import type { Study } from '../../../shared/api/types';
import type { VolumeFacts } from '../../../shared/protocol/messages';
import { personName } from '../../../shared/format/person';
import type { OverlayLevel } from '../../control/viewer';
import { formatNumber, formatWindowNumber } from '../../model/numbers';
import { ageAt, dateAndTime } from '../../model/patient';
import type { SeriesDetail } from '../../model/series';
import type { LookName, SceneCellState, SceneLook, SceneState } from '../control/sceneState';
import { windowOf } from '../model/look';
import { anglesOf, orientationName } from '../model/orientations';

type Translate = (key: string, values?: Record<string, unknown>) => string;

export interface VolumeCornerContext {
  study: Study | null;
  detail: SeriesDetail | null;
  overlay: OverlayLevel;
  /** The phone's bar already names the patient. */
  compact: boolean;
  locale: string;
  nameOf: (name: LookName | null) => string;
  t: Translate;
}

export interface VolumeCorners {
  topLeft: string[];
  topRight: string[];
  bottomRight: string[];
}

/** Modalities of which the window serves a diagnosis. */
const DIAGNOSTIC: readonly string[] = ['CT', 'MR', 'MG', 'XA'];

export function isDiagnostic(modality: string): boolean {
  return DIAGNOSTIC.includes(modality);
}

/** What of the window's state the words are made of. */
export interface PictureFacts extends Pick<SceneCellState, 'shown' | 'opened' | 'facts'> {
  rests: boolean;
}

/** Whether nothing moves, and what is seen is what is wanted. */
export function isAtRest({ navigation, shown }: SceneCellState): boolean {
  return !navigation.moving && shown?.revision === navigation.revision;
}

/** @param wanted what is seen in place of what the picture was asked for; null = that */
export function volumeCorners(state: PictureFacts, wanted: SceneLook | null, context: VolumeCornerContext): VolumeCorners {
  const { overlay } = context;
  if (overlay === 'off') return { topLeft: [], topRight: [], bottomRight: [] };
  const seen = named(wanted ?? state.shown?.wish?.look ?? null, state.facts);
  return { topLeft: patient(context), topRight: look(seen, context, state.opened?.letters !== false), bottomRight: quality(state, seen, context) };
}

/** What is seen, by the name that its look has now: saved under a name, it needs no new picture. */
export function seenNow(seen: SceneLook | null, look: SceneState['look'], name: LookName | null): SceneLook | null {
  return seen !== null && seen.look !== null && seen.look === look ? { ...seen, name } : seen;
}

/** Asked for without a look, a picture has the volume's default one. */
function named(seen: SceneLook | null, facts: VolumeFacts | null): SceneLook | null {
  if (seen === null || seen.look !== null || facts === null) return seen;
  const preset = facts.presets.find((one) => one.preset_id === facts.default_preset);
  return preset === undefined ? seen : { ...seen, look: preset.look, name: { kind: 'preset', name: preset.preset_id } };
}

function patient({ study, detail, overlay, compact, t }: VolumeCornerContext): string[] {
  const series = detail === null ? '' : present([detail.series_number === null ? '' : `S${detail.series_number}`, detail.series_description]).join(' · ');
  if (study === null || overlay !== 'full') return present([series]);
  const age = ageAt(study.patient_birth_date, study.study_date);
  const years = age === null ? '' : t('corner.years', { age });
  const birth = study.patient_birth_date === null ? '' : age === null ? study.patient_birth_date : `${study.patient_birth_date} (${years})`;
  if (compact) return present([present([study.patient_sex, birth]).join(' · '), series]);
  return present([
    personName(study.patient_name) || t('common:noName'),
    present([study.patient_id, study.patient_sex, birth]).join(' · '),
    study.study_description,
    present([series, dateAndTime(study.study_date, study.study_time)]).join(' · '),
  ]);
}

function look(seen: SceneLook | null, { locale, nameOf, compact, t }: VolumeCornerContext, letters: boolean): string[] {
  if (seen === null) return [];
  const lines: string[] = [];
  if (seen.look !== null) {
    const { width, center } = windowOf(seen.look);
    lines.push(t('corner.window', { width: formatWindowNumber(width, width, locale), level: formatWindowNumber(center, width, locale) }));
  }
  const name = seen.name === null && seen.look !== null ? t('volume3d.look.own') : nameOf(seen.name);
  const from = letters ? orientationText(seen, locale, t) : '';
  // On a phone the line would run into the other corner.
  if (compact) lines.push(name, from);
  else lines.push(present([name, from]).join(' · '));
  return present(lines);
}

/** From where it is seen: a standard orientation by its name, any other by its angles. */
export function orientationText({ camera }: Pick<SceneLook, 'camera'>, locale: string, t: Translate): string {
  const known = orientationName(camera);
  if (known !== null) {
    const label = { A: 'AP', P: 'PA', L: 'L', R: 'R', H: 'H', F: 'F', LAO: 'LAO', RAO: 'RAO' }[known.name];
    return known.angleDeg === null ? label : `${label} ${formatNumber(known.angleDeg, locale)}°`;
  }
  const { rotationDeg, angulationDeg, rollDeg } = anglesOf(camera);
  const part = (degrees: number, plus: string, minus: string): string => (Math.abs(degrees) < 0.5 ? '' : `${degrees > 0 ? plus : minus} ${formatNumber(Math.abs(Math.round(degrees)), locale)}°`);
  return present([part(rotationDeg, 'LAO', 'RAO'), part(angulationDeg, 'CRA', 'CAU'), Math.abs(rollDeg) < 0.5 ? '' : t('volume3d.corner.roll', { degrees: formatNumber(Math.round(rollDeg), locale) })]).join(' ');
}

function quality({ shown, opened, rests }: PictureFacts, seen: SceneLook | null, { t }: VolumeCornerContext): string[] {
  if (shown === null || seen === null) return [];
  // At rest every picture is finer than the one before, until the last one.
  const fine = shown.coarse ? 'coarse' : shown.still ? 'fine' : rests ? 'refining' : 'moving';
  const lines = [`${t(`volume3d.projection.${seen.camera.projection}`)} · ${t(`volume3d.corner.${fine}`)}`];
  if (shown.sourceLossy) lines.push(t('corner.sourceLossy'));
  lines.push(t('volume3d.corner.colours'));
  if (opened !== null && !isDiagnostic(opened.modality)) lines.push(t('volume3d.corner.caution'));
  return lines;
}

function present(lines: (string | null)[]): string[] {
  return lines.filter((line): line is string => line !== null && line !== '');
}
