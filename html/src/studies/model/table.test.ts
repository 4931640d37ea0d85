import { describe, expect, it } from 'vitest';
import type { Study } from '../../shared/api/types';
import { columnById, defaultLayout, moveColumn, studyColumns, toggleColumn, toLayout } from './columns';
import { rowAsCsv, rowAsJson } from './copy';
import { arrivals, foldEvents, type StudyEvent, toStudyEvent } from './events';

function study(id: number, more: Partial<Study> = {}): Study {
  return {
    study_id: id,
    study_instance_uid: `1.2.${id}`,
    patient_name: 'Almeida^Beatriz',
    patient_id: '0048213',
    patient_sex: 'F',
    patient_birth_date: '1958-05-14',
    modalities: ['CT', 'PT'],
    body_parts: ['Chest'],
    study_date: '2026-11-23',
    study_time: null,
    accession_number: '',
    study_description: 'CT "chest", contrast',
    referring_physician_name: '',
    institution_name: '',
    series_count: 1,
    instance_count: 3,
    image_count: 1204,
    size_bytes: 10,
    received_at: '2026-11-23T10:00:00Z',
    first_series_id: null,
    ...more,
  };
}

describe('the layout of the table', () => {
  it('hides series count, doctor, institution, size and time of receipt from a new user', () => {
    expect(defaultLayout.hidden).toEqual(['series_count', 'referring_physician_name', 'institution_name', 'size_bytes', 'received_at']);
  });

  it('moves a column and keeps the others in order', () => {
    expect(moveColumn(defaultLayout, 'study_date', 0).order.slice(0, 3)).toEqual(['study_date', 'patient_name', 'patient_id']);
  });

  it('never hides the last visible column', () => {
    const one = { ...defaultLayout, hidden: defaultLayout.order.filter((id) => id !== 'patient_id') };
    expect(toggleColumn(one, 'patient_id')).toBe(one);
    expect(toggleColumn(one, 'study_date').hidden).not.toContain('study_date');
  });

  it('reads a stored layout of an older version: unknown columns go, new ones take their usual place', () => {
    const layout = toLayout({ order: ['study_date', 'gone', 'patient_id', 'study_date'], hidden: ['patient_id', 'gone'], wrap: true, pageSize: 50 });
    expect(layout.order).toHaveLength(studyColumns.length);
    expect(layout.order[0]).toBe('patient_name');
    expect(layout.order.indexOf('study_date')).toBeLessThan(layout.order.indexOf('patient_id'));
    expect(layout.hidden).toContain('received_at');
    expect([layout.wrap, layout.pageSize]).toEqual([true, 50]);
  });

  it.each([[null], ['x'], [{ order: 7, pageSize: 1e9 }]])('takes the default for %j', (value) => {
    expect(toLayout(value)).toEqual(defaultLayout);
  });
});

describe('copying a row', () => {
  const columns = ['patient_name', 'modalities', 'study_description', 'image_count'].flatMap((id) => columnById(id) ?? []);

  it('quotes for CSV', () => {
    expect(rowAsCsv(study(1), columns, ['Name', 'Modality', 'Description', 'Images'], 'en')).toBe(
      'Name,Modality,Description,Images\n"Almeida, Beatriz","CT, PT","CT ""chest"", contrast","1,204"',
    );
  });

  it('keeps a value that a spreadsheet would run as a formula', () => {
    expect(rowAsCsv(study(1, { patient_name: '=HYPERLINK(1)' }), columns.slice(0, 1), ['Name'], 'en').split('\n')[1]).not.toMatch(/^=/);
  });

  it('gives the raw values as JSON', () => {
    expect(JSON.parse(rowAsJson(study(1), columns))).toEqual({
      patient_name: 'Almeida^Beatriz',
      modalities: ['CT', 'PT'],
      study_description: 'CT "chest", contrast',
      image_count: 1204,
    });
  });
});

describe('events of the server', () => {
  const page = { studies: [study(1), study(2)], total: 2 };

  it('change rows that are shown, and ask again for those that are not', () => {
    const change = (study_id: number): StudyEvent => ({ type: 'study_changed', study_id, series_ids: [], instance_count: 1, new: false });
    expect(foldEvents(page, [change(2), change(2)])).toEqual({ changed: new Set([2]), askAgain: false });
    expect(foldEvents(page, [change(9)])).toEqual({ changed: new Set(), askAgain: true });
    expect(foldEvents(page, [{ type: 'study_deleted', study_ids: [1] }]).askAgain).toBe(true);
    expect(foldEvents(undefined, [change(1)]).askAgain).toBe(true);
  });

  it('of other kinds are not of the list', () => {
    expect(toStudyEvent({ type: 'ping' })).toBeNull();
    expect(toStudyEvent({ type: 'study_deleted' })).toBeNull();
    expect(toStudyEvent('study_changed')).toBeNull();
  });

  it('flash new studies and grown ones, nothing on the first look, nothing that only moved up after a deletion', () => {
    const grown = { studies: [study(3), study(1, { instance_count: 4 }), study(2)], total: 3 };
    expect(arrivals(undefined, grown)).toEqual(new Set());
    expect(arrivals(page, grown)).toEqual(new Set([3, 1]));
    expect(arrivals({ studies: [study(1), study(2)], total: 9 }, { studies: [study(2), study(5)], total: 8 })).toEqual(new Set());
  });
});
