/** The columns of the study list: what they show, how they sort, and what a new user sees. */

import type { Study } from '../../shared/api/types';
import { formatBytes, formatDay, formatInstant, formatNumber } from '../../shared/format/format';
import { personName } from '../../shared/format/person';
import type { Language } from '../../shared/i18n';

export interface StudyColumn {
  id: string;
  /** Sort key of the server; null where it cannot sort by this. */
  sort: string | null;
  /** Texts start at A, dates and counts at the newest and the most. */
  firstDescending: boolean;
  /** Narrowest and widest in px: between them the column is as wide as what it shows. */
  width: number;
  widest: number;
  numeric?: boolean;
  /** Less important facts are quieter. */
  quiet?: boolean;
  shown: boolean;
  /** The value as a person reads it; also what is copied. Empty: nothing known. */
  text: (study: Study, language: Language) => string;
}

const column = (id: string, width: number, text: StudyColumn['text'], more: Partial<StudyColumn> = {}): StudyColumn => ({
  id,
  sort: id,
  firstDescending: false,
  width,
  widest: width,
  shown: true,
  text,
  ...more,
});

export const studyColumns: readonly StudyColumn[] = [
  column('patient_name', 120, (study) => personName(study.patient_name), { widest: 300 }),
  column('patient_id', 84, (study) => study.patient_id, { widest: 180 }),
  column('patient_sex', 40, (study) => study.patient_sex),
  column('patient_birth_date', 101, (study) => formatDay(study.patient_birth_date), { quiet: true }),
  column('modalities', 82, (study) => study.modalities.join(', '), { widest: 148 }),
  column('body_parts', 80, (study) => study.body_parts.join(', '), { widest: 160 }),
  column('study_date', 103, (study) => formatDay(study.study_date), { firstDescending: true }),
  column('accession_number', 82, (study) => study.accession_number, { quiet: true, widest: 170 }),
  column('study_description', 96, (study) => study.study_description, { widest: 420 }),
  column('image_count', 62, (study, language) => formatNumber(study.image_count, language), {
    firstDescending: true,
    numeric: true,
    quiet: true,
  }),
  column('series_count', 64, (study, language) => formatNumber(study.series_count, language), {
    firstDescending: true,
    numeric: true,
    quiet: true,
    shown: false,
  }),
  column('referring_physician_name', 140, (study) => personName(study.referring_physician_name), { shown: false, widest: 240 }),
  column('institution_name', 140, (study) => study.institution_name, { shown: false, widest: 260 }),
  column('size_bytes', 84, (study, language) => formatBytes(study.size_bytes, language), {
    firstDescending: true,
    numeric: true,
    quiet: true,
    shown: false,
  }),
  column('received_at', 130, (study) => formatInstant(study.received_at), { firstDescending: true, quiet: true, shown: false }),
];

export function columnById(id: string): StudyColumn | undefined {
  return studyColumns.find((one) => one.id === id);
}

/** The columns as this user set them up. */
export interface TableLayout {
  order: readonly string[];
  hidden: readonly string[];
  wrap: boolean;
  pageSize: number;
}

export const defaultLayout: TableLayout = {
  order: studyColumns.map((one) => one.id),
  hidden: studyColumns.filter((one) => !one.shown).map((one) => one.id),
  wrap: false,
  pageSize: 20,
};

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []);

/** Reads a stored layout of any age: unknown columns go, new ones take their usual place, one always stays visible. */
export function toLayout(value: unknown): TableLayout {
  if (typeof value !== 'object' || value === null) return defaultLayout;
  const stored = value as Partial<Record<keyof TableLayout, unknown>>;
  const known = new Set(defaultLayout.order);
  const order = [...new Set(texts(stored.order).filter((id) => known.has(id)))];
  const isNew = defaultLayout.order.filter((id) => !order.includes(id));
  for (const id of isNew) order.splice(defaultLayout.order.indexOf(id), 0, id);
  const hidden = [
    ...texts(stored.hidden).filter((id) => known.has(id)),
    ...isNew.filter((id) => defaultLayout.hidden.includes(id)),
  ];
  const pageSize = typeof stored.pageSize === 'number' && stored.pageSize >= 5 && stored.pageSize <= 100 ? stored.pageSize : 20;
  const usable = order.some((id) => !hidden.includes(id));
  return { order, hidden: usable ? hidden : defaultLayout.hidden, wrap: stored.wrap === true, pageSize };
}

export function moveColumn(layout: TableLayout, id: string, to: number): TableLayout {
  const order = layout.order.filter((one) => one !== id);
  order.splice(Math.max(0, Math.min(to, order.length)), 0, id);
  return { ...layout, order };
}

/** Hides or shows a column; the last visible one cannot be hidden. */
export function toggleColumn(layout: TableLayout, id: string): TableLayout {
  if (layout.hidden.includes(id)) return { ...layout, hidden: layout.hidden.filter((one) => one !== id) };
  const visible = layout.order.filter((one) => !layout.hidden.includes(one));
  return visible.length <= 1 ? layout : { ...layout, hidden: [...layout.hidden, id] };
}
