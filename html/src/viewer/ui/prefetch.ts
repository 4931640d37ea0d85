import type { QueryClient } from '@tanstack/react-query';
import { firstSeries } from '../model/series';
import { seriesQuery, studyQuery } from './useViewerData';

/** What has been fetched so lately is not fetched again only because a row is pressed. */
const FRESH_MS = 10_000;

/** Fetches what the viewer asks for first when a study is opened. */
export async function prefetchStudy(client: QueryClient, studyId: number): Promise<void> {
  const study = await client.fetchQuery({ ...studyQuery(studyId), staleTime: FRESH_MS });
  const first = firstSeries(study.series);
  if (first !== null) await client.prefetchQuery({ ...seriesQuery(studyId, first.series_id), staleTime: FRESH_MS });
}
