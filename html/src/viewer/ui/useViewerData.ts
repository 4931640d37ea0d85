import { queryOptions, useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api, ApiError } from '../../shared/api/client';
import { againWhileAway, useLastingError } from '../../shared/api/lasting';
import type { StudyWithSeries } from '../../shared/api/types';
import { eventSocket } from '../../shared/events/eventSocket';
import { useSelected, useStore } from '../control/store';
import type { ViewerController, ViewerMode } from '../control/viewer';
import { firstSeries, type SeriesDetail } from '../model/series';

export interface ViewerData {
  study: StudyWithSeries | null;
  error: Error | null;
  retry: () => void;
}

export function studyQuery(studyId: number) {
  return queryOptions({
    queryKey: ['study', studyId],
    queryFn: ({ signal }) => api.get<StudyWithSeries>(`/v2/studies/${studyId}`, { signal }),
    refetchInterval: againWhileAway,
  });
}

export function seriesQuery(studyId: number, seriesId: number) {
  return queryOptions({
    queryKey: ['study', studyId, 'series', seriesId],
    queryFn: ({ signal }) => api.get<SeriesDetail>(`/v2/studies/${studyId}/series/${seriesId}`, { signal }),
    refetchInterval: againWhileAway,
    structuralSharing: false, // thousands of frames are not worth comparing
  });
}

const seriesKey = (studyId: number, seriesId: number) => ({ queryKey: seriesQuery(studyId, seriesId).queryKey });

/** Whether the page shows what it showed for this address before it was loaded: then the address opens nothing. */
export type IsRestored = (mode: ViewerMode, seriesId: number | null) => boolean;

/** A study that is being received tells of itself many times a second. */
const REFRESH_MS = 1000;

/** The study and the details of the series that are shown. */
export function useViewerData(viewer: ViewerController, studyId: number, seriesId: number | null, mode: ViewerMode, isRestored: IsRestored = () => false): ViewerData {
  const deleted = useSelected(viewer.store, (state) => state.deleted);
  const study = useQuery({ ...studyQuery(studyId), enabled: !deleted });
  const client = useQueryClient();
  useEffect(() => {
    let timer: number | null = null;
    const leave = eventSocket.onEvent((event) => {
      if (event['type'] === 'study_deleted' && Array.isArray(event['study_ids']) && event['study_ids'].includes(studyId)) {
        void client.cancelQueries({ queryKey: ['study', studyId] });
        viewer.studyDeleted();
      }
      const ours = event['type'] === 'resync' || (event['type'] === 'study_changed' && event['study_id'] === studyId);
      if (!ours || timer !== null) return;
      timer = window.setTimeout(() => {
        timer = null;
        void client.invalidateQueries({ queryKey: ['study', studyId] });
      }, REFRESH_MS);
    });
    return () => {
      leave();
      if (timer !== null) window.clearTimeout(timer);
    };
  }, [viewer, client, studyId]);
  const { seriesIds } = useStore(viewer.shows);
  const wanted = [...new Set(seriesIds.filter((id) => id !== null))];
  const details = useQueries({
    queries: wanted.map((id) => ({ ...seriesQuery(studyId, id), enabled: !deleted })),
  });
  // The event may have been missed: what was there and is not any more was deleted.
  const isGone = study.data !== undefined && isNotFound(study.error);
  useEffect(() => {
    if (isGone) viewer.studyDeleted();
  }, [viewer, isGone]);
  const lostSeries = details.filter(({ error }) => isNotFound(error)).length;
  useEffect(() => {
    if (lostSeries > 0 && !deleted) void client.refetchQueries({ queryKey: ['study', studyId], exact: true });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- asked once for each series that is not found
  }, [client, studyId, lostSeries]);
  useEffect(() => {
    const leave = [...viewer.cells, ...viewer.volumeCells].map(({ store }) => {
      let before = store.get().fault;
      return store.subscribe(() => {
        const { fault } = store.get();
        if (fault !== before && fault?.code === 'not_found') void client.refetchQueries({ queryKey: ['study', studyId], exact: true });
        before = fault;
      });
    });
    return () => leave.forEach((stop) => stop());
  }, [viewer, client, studyId]);
  useEffect(() => {
    for (const { data } of details) if (data !== undefined) viewer.setDetail(data);
  });

  // A picture came although the details could not be had: what was away is back, so they are asked for at once.
  useEffect(() => {
    const leave = viewer.cells.map((cell) => {
      let bare = cell.state.shown === null;
      return cell.store.subscribe(() => {
        const { shown, detail, reference } = cell.state;
        if (bare && shown !== null && detail === null && reference.seriesId !== null) {
          void client.refetchQueries({ ...seriesKey(studyId, reference.seriesId), predicate: (query) => query.state.status === 'error' });
        }
        bare = shown === null;
      });
    });
    return () => leave.forEach((stop) => stop());
  }, [viewer, client, studyId]);

  // What the address names opens at once; else the first series with images, as soon as the study is known.
  const first = seriesId ?? (study.data === undefined ? null : (firstSeries(study.data.series)?.series_id ?? null));
  useEffect(() => {
    if (mode === 'image' && first !== null && viewer.cell(0).state.reference.seriesId === null) viewer.show(0, first);
  }, [viewer, first, mode]);
  useEffect(() => {
    // The same study opened again from the list at another series, or at the one that MPR or 3D showed.
    if (isRestored(mode, seriesId)) return;
    if (mode === 'image' && seriesId !== null && viewer.activeCell.state.reference.seriesId !== seriesId) viewer.show(viewer.state.active, seriesId);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only when the asked series or page changes, not when the doctor changes it
  }, [seriesId, mode]);
  const error = useLastingError(study.error, study.data !== undefined, studyId);
  return { study: study.data ?? null, error, retry: () => void study.refetch() };
}

function isNotFound(error: Error | null): boolean {
  return error instanceof ApiError && error.status === 404;
}
