/** What the list is asked for: the fields of the head, the dates, the order, the page. Pure. */

import type { Query } from '../../shared/api/base';
import { localDay } from '../../shared/format/format';
import { parseBirth } from './birth';

export const dateChips = ['today', 'yesterday', 'week', 'month', 'any'] as const;
export type DateChip = (typeof dateChips)[number];

/** A shortcut counts from today whenever it is asked; a range stays where it was set. */
export type StudyDates = { chip: DateChip } | { from: string | null; to: string | null };

export interface SearchFields {
  patient_name: string;
  patient_id: string;
  patient_sex: string;
  patient_birth_date: string;
  modalities: readonly string[];
  body_part: string;
  accession_number: string;
  study_description: string;
  any_text: string;
}

export interface Search {
  fields: SearchFields;
  dates: StudyDates;
  sort: string;
  descending: boolean;
  offset: number;
  limit: number;
}

export const pageSizes = [10, 20, 50, 100] as const;

export const emptyFields: SearchFields = {
  patient_name: '',
  patient_id: '',
  patient_sex: '',
  patient_birth_date: '',
  modalities: [],
  body_part: '',
  accession_number: '',
  study_description: '',
  any_text: '',
};

export const firstSearch: Search = {
  fields: emptyFields,
  dates: { chip: 'any' },
  sort: 'study_date',
  descending: true,
  offset: 0,
  limit: 20,
};

/** First and last day asked for; null = open. */
export function dayRange(dates: StudyDates, now: Date): { from: string | null; to: string | null } {
  if (!('chip' in dates)) return dates;
  switch (dates.chip) {
    case 'today':
      return { from: localDay(now), to: localDay(now) };
    case 'yesterday':
      return { from: localDay(now, 1), to: localDay(now, 1) };
    case 'week':
      return { from: localDay(now, 6), to: localDay(now) };
    case 'month':
      return { from: localDay(now, 29), to: localDay(now) };
    case 'any':
      return { from: null, to: null };
  }
}

export function isFiltered(search: Pick<Search, 'fields' | 'dates'>): boolean {
  const { fields, dates } = search;
  const anyField = Object.values(fields).some((value) => (typeof value === 'string' ? value.trim() !== '' : value.length > 0));
  const anyDate = 'chip' in dates ? dates.chip !== 'any' : dates.from !== null || dates.to !== null;
  return anyField || anyDate;
}

/** The address parameters of `GET /v2/studies`. */
export function toQuery(search: Search, now: Date): Query {
  const { fields } = search;
  const { from, to } = dayRange(search.dates, now);
  const born = parseBirth(fields.patient_birth_date);
  return {
    // The list shows "Family, Given"; the index knows no comma.
    patient_name: fields.patient_name.replaceAll(',', ' ').trim(),
    patient_id: fields.patient_id.trim(),
    patient_sex: fields.patient_sex,
    patient_birth_date_from: born?.from ?? null,
    patient_birth_date_to: born?.to ?? null,
    modalities: fields.modalities,
    body_part: fields.body_part.trim(),
    study_date_from: from,
    study_date_to: to,
    accession_number: fields.accession_number.trim(),
    study_description: fields.study_description.trim(),
    any_text: fields.any_text.replaceAll(',', ' ').trim(),
    sort: search.sort,
    descending: search.descending,
    offset: search.offset,
    limit: search.limit,
  };
}

/** A click on a header: another column starts in its natural direction, the same column turns round. */
export function sortBy(search: Search, column: string, firstDescending: boolean): Search {
  const descending = search.sort === column ? !search.descending : firstDescending;
  return { ...search, sort: column, descending, offset: 0 };
}

export interface PageFacts {
  first: number;
  last: number;
  total: number;
  atStart: boolean;
  atEnd: boolean;
  previous: number;
  next: number;
  lastOffset: number;
}

export function pageFacts(search: Search, total: number): PageFacts {
  const { offset, limit } = search;
  const lastOffset = total === 0 ? 0 : Math.floor((total - 1) / limit) * limit;
  return {
    first: total === 0 ? 0 : offset + 1,
    last: Math.min(offset + limit, total),
    total,
    atStart: offset === 0,
    atEnd: offset + limit >= total,
    previous: Math.max(0, offset - limit),
    next: Math.min(offset + limit, lastOffset),
    lastOffset,
  };
}
