import type { Study } from '../../shared/api/types';
import { personName } from '../../shared/format/person';

/** What of a study is opened. */
export type StudyView = 'image' | 'mpr' | 'volume';

/** "Family, Given · CT description" or "Family, Given · MPR", as a tab shows it until the viewer knows better. */
export function studyTitle(study: Study, noName: string, view: StudyView = 'image'): string {
  const name = personName(study.patient_name) || noName;
  if (view !== 'image') return `${name} · ${view === 'mpr' ? 'MPR' : '3D'}`;
  const modality = study.modalities[0] ?? '';
  const description = study.study_description;
  // Many descriptions begin with the modality already.
  const what = description.toUpperCase().startsWith(`${modality} `) ? description : [modality, description].filter((part) => part !== '').join(' ');
  return what === '' ? name : `${name} · ${what}`;
}
