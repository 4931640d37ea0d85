import { useQueries } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api } from '../shared/api/client';
import type { StudyWithSeries } from '../shared/api/types';
import { useTranslation } from '../shared/i18n';
import { studyTitle } from '../studies';
import type { Tabs } from './useTabs';

/** Names the tabs that came back from an earlier visit and were not opened yet; names themselves are never stored. */
export function useTabTitles({ tabs, setTitle }: Tabs): void {
  const { t } = useTranslation();
  const nameless = tabs.filter((tab) => tab.title === '');
  const studies = useQueries({
    queries: nameless.map((tab) => ({
      queryKey: ['study', tab.studyId],
      queryFn: ({ signal }: { signal: AbortSignal }) => api.get<StudyWithSeries>(`/v2/studies/${tab.studyId}`, { signal }),
    })),
  });
  useEffect(() => {
    for (const { data } of studies) {
      const mode = nameless.find((tab) => tab.studyId === data?.study_id)?.mode ?? 'image';
      if (data !== undefined) setTitle(data.study_id, studyTitle(data, t('noName'), mode));
    }
  });
}
