import { describe, expect, it } from 'vitest';
import { dayRange, emptyFields, firstSearch, isFiltered, pageFacts, sortBy, toQuery } from './search';

const now = new Date(2026, 10, 24, 9, 30);

describe('the search of the list', () => {
  it('asks for the newest 20 studies of any date at first', () => {
    expect(toQuery(firstSearch, now)).toMatchObject({ sort: 'study_date', descending: true, offset: 0, limit: 20, study_date_from: null, study_date_to: null });
    expect(isFiltered(firstSearch)).toBe(false);
  });

  it('sends what is typed, without spaces around it and without the comma that the list shows in names', () => {
    const fields = { ...emptyFields, patient_name: ' Almeida, Bea* ', modalities: ['CT', 'MR'], patient_birth_date: '05/1958' };
    expect(toQuery({ ...firstSearch, fields }, now)).toMatchObject({ patient_name: 'Almeida  Bea*', modalities: ['CT', 'MR'], patient_birth_date_from: '1958-05-01', patient_birth_date_to: '1958-05-31' });
    expect(isFiltered({ ...firstSearch, fields })).toBe(true);
  });

  it.each([
    ['today', '2026-11-24', '2026-11-24'],
    ['yesterday', '2026-11-23', '2026-11-23'],
    ['week', '2026-11-18', '2026-11-24'],
    ['month', '2026-10-26', '2026-11-24'],
    ['any', null, null],
  ] as const)('counts "%s" from %s to %s', (chip, from, to) => {
    expect(dayRange({ chip }, now)).toEqual({ from, to });
  });

  it('turns the order round on a second click, and goes to the first page', () => {
    const byName = sortBy({ ...firstSearch, offset: 40 }, 'patient_name', false);
    expect([byName.sort, byName.descending, byName.offset]).toEqual(['patient_name', false, 0]);
    expect(sortBy(byName, 'patient_name', false).descending).toBe(true);
  });

  it('knows the pages', () => {
    expect(pageFacts({ ...firstSearch, offset: 280 }, 284)).toEqual({ first: 281, last: 284, total: 284, atStart: false, atEnd: true, previous: 260, next: 280, lastOffset: 280 });
    expect(pageFacts(firstSearch, 0)).toMatchObject({ first: 0, last: 0, atStart: true, atEnd: true, lastOffset: 0 });
    expect(pageFacts(firstSearch, 20)).toMatchObject({ atEnd: true, lastOffset: 0 });
  });
});
