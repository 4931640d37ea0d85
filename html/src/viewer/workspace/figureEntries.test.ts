import { describe, expect, it } from 'vitest';
import type { StudyWithSeries } from '../../shared/api/types';
import { Sections } from '../control/sections';
import { seriesDetail } from '../testing/series';
import { studyOf } from '../testing/stage';
import { FigureEntries } from './control/figureEntries';
import { Digests } from './model/digest';

const MARKER = { kind: 'marker', points: [[1, 2, 3]], name: 'Node' };

function studyWith(...ids: number[]): StudyWithSeries {
  return studyOf(ids.map((id) => ({ ...seriesDetail(2, id), series_instance_uid: `1.2.${id}` })));
}

function stage(): { sections: Sections; entries: FigureEntries } {
  const sections = new Sections();
  const entries = new FigureEntries(sections, new Digests(4));
  entries.studyCame(studyWith(5, 6));
  sections.changeFigures(new Map([[1, { seriesId: 5, volume: 0, value: MARKER }]]));
  return { sections, entries };
}

describe('markers of a series that is missing for a moment', () => {
  it('stay stored: a missing series is no deletion', () => {
    const { entries } = stage();
    const before = entries.texts();
    expect(before.size).toBe(1);
    entries.studyCame(studyWith(6));
    expect(entries.texts()).toEqual(before);
    entries.studyCame(studyWith(5, 6));
    expect(entries.texts()).toEqual(before);
  });

  it('follow their series to another number', () => {
    const { sections, entries } = stage();
    entries.texts();
    const uid = studyWith(5).series[0]?.series_instance_uid ?? '';
    entries.studyCame(studyWith(6));
    const again = studyWith(8);
    entries.studyCame({ ...again, series: again.series.map((one) => ({ ...one, series_instance_uid: uid })) });
    expect([...sections.figures.get().all.values()]).toEqual([{ seriesId: 8, volume: 0, value: MARKER }]);
  });

  it('go once a person deletes them', () => {
    const { sections, entries } = stage();
    entries.texts();
    sections.changeFigures(new Map(), new Set([1]));
    expect(entries.texts().size).toBe(0);
  });
});
