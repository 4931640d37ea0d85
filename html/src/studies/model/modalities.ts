/** The values of Modality (0008,0060) that PS3.3 C.7.3.1.1.1 defines and that stored studies have, the usual ones first. */
export const modalities: readonly string[] = [
  'CT', 'MR', 'CR', 'DX', 'MG', 'US', 'XA', 'RF', 'PT', 'NM', 'ECG', 'OT',
  'SC', 'SR', 'DOC', 'SEG', 'KO', 'PR', 'RTSTRUCT', 'RTDOSE', 'RTPLAN', 'RTIMAGE', 'RTRECORD', 'REG', 'FID',
  'SM', 'ES', 'XC', 'GM', 'OP', 'OPT', 'OPV', 'OPM', 'OAM', 'OCT', 'OPTENF', 'OPTBSV', 'AR', 'KER', 'LEN', 'SRF', 'VA', 'IOL',
  'IO', 'PX', 'BI', 'BMD', 'IVUS', 'IVOCT', 'TG', 'BDUS', 'EPS', 'HD', 'EEG', 'EMG', 'EOG', 'POS', 'RESP', 'RTSEGANN', 'RTINTENT', 'RTRAD',
  'CFM', 'PA', 'DMS', 'LS', 'OSS', 'ASMT', 'AU', 'ANN', 'CTPROTOCOL', 'XAPROTOCOL', 'FA', 'CS', 'DG', 'DS', 'LP', 'ST', 'SMR', 'STAIN', 'TEXTUREMAP', 'M3D', 'PLAN', 'RWV',
];

const possible = /^[A-Z0-9_ ]{1,16}$/;

/** What to offer: what contains the typed letters, beginnings first; the chosen ones always; a code of one's own where none fits. */
export function modalitiesFor(typed: string, chosen: readonly string[]): string[] {
  const text = typed.trim().toUpperCase();
  const own = chosen.filter((one) => !modalities.includes(one));
  const all = [...modalities, ...own];
  if (text === '') return [...own, ...modalities];
  const begins = all.filter((one) => one.startsWith(text));
  const contains = all.filter((one) => !one.startsWith(text) && one.includes(text));
  const exact = begins.filter((one) => one === text);
  const found = [...exact, ...begins.filter((one) => one !== text), ...contains];
  return found.length === 0 && possible.test(text) ? [text] : found;
}
