import { act, cleanup, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { frameAt, patientOf, type SeriesDetail } from '../model/series';
import { seriesDetail } from '../testing/series';
import { Stage, studyOf } from '../testing/stage';
import { CellNotes } from './CellNotes';
import { CellView } from './CellView';
import { cornerTexts, type Translate } from './corners';
import { Strip } from './Strip';
import { useShownPatient } from './useShownPatient';

const note = /Another patient has objects under the same Study Instance UID/;
const upper = { patient_name: 'ALMEIDA^BEATRIZ', patient_id: '0048213', patient_sex: 'F', patient_birth_date: '1958-05-14' };
const lower = { ...upper, patient_name: 'almeida^beatriz', patient_id: '', patient_sex: '', patient_birth_date: null };

/** Three images: one stated in capitals, one in small letters, one whose object was not read yet. */
function threeImages(): SeriesDetail {
  const detail = seriesDetail(3);
  const frames = detail.frames.map((frame, index) => ({ ...frame, patient: [0, 1, null][index] ?? null }));
  return { ...detail, frames, patients: [upper, lower] };
}

describe('the patient of the image that is shown', () => {
  let stage: Stage;
  const study = studyOf([seriesDetail(3)]);
  const t: Translate = (key) => key;

  beforeEach(async () => {
    stage = new Stage();
    stage.viewer.show(0, 7);
    stage.viewer.setDetail(threeImages());
    await stage.picture({ instanceId: 100 });
  });
  afterEach(cleanup);

  const see = (index: number): Promise<void> =>
    act(async () => {
      stage.viewer.cell(0).goTo(index, 1, false);
      await stage.picture({ instanceId: 100 + index });
    });
  const corner = (): string[] => cornerTexts(stage.viewer.cell(0).state, { study, overlay: 'full', compact: false, locale: 'en', t }).topLeft;

  it('stands in the corner as the object of the image states it', async () => {
    expect(corner().slice(0, 2)).toEqual(['ALMEIDA, BEATRIZ', '0048213 · F · 1958-05-14 (corner.years)']);
    await see(1);
    expect(corner()[0]).toBe('almeida, beatriz');
    expect(corner().join(' ')).not.toContain('0048213');
    await see(2);
    expect(corner()[0]).toBe('Almeida, Beatriz');
  });

  it('names the tab, and changes it with the image', async () => {
    function Name() {
      return <p>{useShownPatient(stage.viewer, study, 'image', null)?.patient_name}</p>;
    }
    stage.show(<Name />);
    expect(screen.getByText('ALMEIDA^BEATRIZ')).toBeInTheDocument();
    await see(1);
    expect(screen.getByText('almeida^beatriz')).toBeInTheDocument();
    await see(2);
    expect(screen.getByText('Almeida^Beatriz')).toBeInTheDocument();
  });

  it('leaves the study as it is where both are the same', () => {
    const same = { ...threeImages(), patients: [study, lower] };
    expect(patientOf(study, same, same.frames[0] ?? null)).toBe(study);
    expect(patientOf(study, null, null)).toBe(study);
    expect(patientOf(study, same, frameAt(same, { instance_id: 102, frame_number: 1 }))).toBe(study);
  });
});

describe('a study whose Study Instance UID another patient shares', () => {
  let stage: Stage;
  const alone = studyOf([seriesDetail(3)]);
  const shared = { ...alone, other_patient_studies: [9] };

  beforeEach(async () => {
    stage = new Stage();
    stage.viewer.show(0, 7);
    stage.viewer.setDetail(seriesDetail(3));
    await stage.picture({ instanceId: 100 });
  });
  afterEach(cleanup);

  it('says so on its images', () => {
    stage.show(<CellNotes cell={stage.viewer.cell(0)} />, { study: shared });
    expect(screen.getByRole('note')).toHaveTextContent(note);
    cleanup();
    stage.show(<CellNotes cell={stage.viewer.cell(0)} />, { study: alone });
    expect(screen.queryByRole('note')).toBeNull();
  });

  it('marks its windows and its strip, also for a screen reader', () => {
    const cell = <CellView cell={stage.viewer.cell(0)} active openMenu={() => undefined} />;
    const { container } = stage.show(cell, { study: shared });
    expect(container.querySelector('[data-cell="0"]')).toHaveAttribute('data-shared');
    cleanup();
    stage.show(<Strip />, { study: shared });
    expect(screen.getByRole('navigation')).toHaveAccessibleName(/Another patient has the same Study Instance UID/);
    expect(screen.getByText('Another patient under this UID')).toBeInTheDocument();
    cleanup();
    stage.show(<Strip />, { study: alone });
    expect(screen.getByRole('navigation')).not.toHaveAttribute('data-shared');
  });
});
