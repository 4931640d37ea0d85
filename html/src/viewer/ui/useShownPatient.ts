import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { StudyWithSeries } from '../../shared/api/types';
import { asShown } from '../control/cellState';
import { useSelected, useStore } from '../control/store';
import type { ViewerController, ViewerMode } from '../control/viewer';
import { firstVolumeSeries, frameAt, patientOf } from '../model/series';
import { seriesQuery } from './useViewerData';

/**
 * The study with the patient of the image that is shown: objects of one patient may write the name in several ways.
 * It is the image in the active window; of a volume its first image.
 */
export function useShownPatient(viewer: ViewerController, study: StudyWithSeries | null, mode: ViewerMode, seriesId: number | null): StudyWithSeries | null {
  const { active } = useStore(viewer.store);
  const cell = viewer.cell(active);
  const image = useSelectedPatient(cell, study);
  const ofVolume = mode === 'image' || study === null ? null : (seriesId ?? firstVolumeSeries(study.series)?.series_id ?? null);
  const { data } = useQuery({ ...seriesQuery(study?.study_id ?? 0, ofVolume ?? 0), enabled: ofVolume !== null });
  return useMemo(() => {
    if (study === null || mode === 'image') return image;
    return patientOf(study, data ?? null, data?.frames[0] ?? null);
  }, [study, mode, image, data]);
}

/** The study with the patient of a window's image; the same object while the patient stays the same. */
function useSelectedPatient(cell: ReturnType<ViewerController['cell']>, study: StudyWithSeries | null): StudyWithSeries | null {
  const place = useSelected(cell.store, (state) => {
    const { detail, reference } = asShown(state);
    return `${detail?.series_id ?? ''}/${frameAt(detail, reference.image)?.patient ?? ''}`;
  });
  return useMemo(() => {
    if (study === null) return null;
    const { detail, reference } = asShown(cell.state);
    return patientOf(study, detail, frameAt(detail, reference.image));
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `place` says when the image has another patient
  }, [cell, study, place]);
}
