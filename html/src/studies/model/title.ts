import type { Study } from '../../shared/api/types';
import { personName } from '../../shared/format/person';

/** "Family, Given · CT description", as a tab shows it until the viewer knows better. */
export function studyTitle(study: Study, noName: string): string {
  const name = personName(study.patient_name) || noName;
  const modality = study.modalities[0] ?? '';
  const description = study.study_description;
  // Many descriptions begin with the modality already.
  const what = description.toUpperCase().startsWith(`${modality} `) ? description : [modality, description].filter((part) => part !== '').join(' ');
  return what === '' ? name : `${name} · ${what}`;
}
