import { queryOptions, useQuery } from '@tanstack/react-query';
import { api } from '../../shared/api/client';
import { againWhileAway } from '../../shared/api/lasting';
import type { CellController } from '../control/cell';
import { useSelected } from '../control/store';
import type { PresentationStates } from '../model/presentationStates';

const nothing: PresentationStates = { presentation_states: [], unread: 0, left_out: 0 };

function presentationStatesQuery(studyId: number, seriesId: number) {
  return queryOptions({
    queryKey: ['study', studyId, 'series', seriesId, 'presentationStates'],
    queryFn: ({ signal }) => api.get<PresentationStates>(`/v2/studies/${studyId}/series/${seriesId}/presentation_states`, { signal }),
    refetchInterval: againWhileAway,
  });
}

/** The presentation states for the series of a cell; asked for once its first picture is seen. */
export function usePresentationStates(cell: CellController): PresentationStates {
  const studyId = useSelected(cell.store, ({ detail, shown }) => (shown === null ? null : (detail?.study_id ?? null)));
  const seriesId = useSelected(cell.store, ({ detail }) => detail?.series_id ?? null);
  const enabled = studyId !== null && seriesId !== null;
  const { data } = useQuery({ ...presentationStatesQuery(studyId ?? 0, seriesId ?? 0), enabled });
  return data ?? nothing;
}
