/** Copying a row: what a spreadsheet or a program can take. */

import type { Study } from '../../shared/api/types';
import type { Language } from '../../shared/i18n';
import type { StudyColumn } from './columns';

/** Quotes for CSV; a value that a spreadsheet would run as a formula is kept as text. */
function csvValue(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function rowAsCsv(study: Study, columns: readonly StudyColumn[], titles: readonly string[], language: Language): string {
  const values = columns.map((column) => csvValue(column.text(study, language)));
  return `${titles.map(csvValue).join(',')}\n${values.join(',')}`;
}

export function rowAsJson(study: Study, columns: readonly StudyColumn[]): string {
  const record = study as unknown as Record<string, unknown>;
  return JSON.stringify(Object.fromEntries(columns.map((column) => [column.id, record[column.id] ?? null])), null, 2);
}
