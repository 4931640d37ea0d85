import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { api } from '../../shared/api/client';
import { againWhileAway, useLastingError } from '../../shared/api/lasting';
import type { StudyPage, StudyWithSeries } from '../../shared/api/types';
import { eventSocket } from '../../shared/events/eventSocket';
import { useSession } from '../../shared/session/store';
import { useUserSetting } from '../../shared/session/settings';
import { defaultLayout, type TableLayout, toLayout } from '../model/columns';
import { arrivals, foldEvents, type StudyEvent, toStudyEvent } from '../model/events';
import { isBadBirth } from '../model/birth';
import { emptyFields, firstSearch, isFiltered, type Search, type SearchFields, type StudyDates, toQuery } from '../model/search';

/** Images of one study arrive by the hundred in a second; the list asks again at most this often. */
const gatherMs = 700;
const flashMs = 1600;

export function useTableLayout(): { layout: TableLayout; ready: boolean; setLayout: (layout: TableLayout) => void } {
  const { value, isLoading, save } = useUserSetting('table.studies');
  const layout = useMemo(() => (value === null ? defaultLayout : toLayout(value)), [value]);
  return { layout, ready: !isLoading, setLayout: save };
}

export interface StudyList {
  search: Search;
  /** The fields as they are typed; they count from the next `submit`. */
  draft: SearchFields;
  page: StudyPage | undefined;
  /** The page shown belongs to an earlier search; the right one is on its way. */
  isStale: boolean;
  isLoading: boolean;
  /** An answer is on its way, the first or a newer one. */
  isFetching: boolean;
  /** Why the rows are not what was asked for, or not the newest; stays until an answer comes. */
  error: Error | null;
  flashing: ReadonlySet<number>;
  setDraft: (fields: Partial<SearchFields>) => void;
  /** Searches with what is typed, and `changes` on top of it. */
  submit: (changes?: { fields?: Partial<SearchFields>; dates?: StudyDates }) => void;
  setSearch: (search: Search) => void;
  reset: () => void;
  refresh: () => void;
}

export function useStudyList(ready: boolean, pageSize: number): StudyList {
  const client = useQueryClient();
  const { user } = useSession();
  const userId = user?.user_id;
  const [stored, setSearch] = useState<Search>(firstSearch);
  const [draft, setDraftState] = useState<SearchFields>(emptyFields);
  const [flashing, setFlashing] = useState<ReadonlySet<number>>(new Set());
  const search = useMemo(() => ({ ...stored, limit: pageSize }), [stored, pageSize]);
  const key = useMemo(() => ['studies', userId, search] as const, [userId, search]);

  const query = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => api.get<StudyPage>('/v2/studies', { query: toQuery(search, new Date()), signal }),
    placeholderData: keepPreviousData,
    enabled: ready && userId !== undefined,
    refetchInterval: againWhileAway,
  });
  const { data, isPending, isFetching, isPlaceholderData, refetch } = query;
  const error = useLastingError(query.error, data !== undefined && !isPlaceholderData && query.error === null, key);
  // A search that fails leaves the rows that are there: they are better than none, and marked as old.
  const [last, setLast] = useState<{ userId: typeof userId; page: StudyPage } | null>(null);
  if (data !== undefined && (last?.page !== data || last.userId !== userId)) setLast({ userId, page: data });
  const page = data ?? (last !== null && last.userId === userId ? last.page : undefined);

  // The page before, of the same search: what is new against it flashes.
  const before = useRef<{ key: unknown; page: StudyPage } | null>(null);
  useEffect(() => {
    if (data === undefined || isPlaceholderData) return;
    const fresh = before.current?.key === key ? arrivals(before.current.page, data) : new Set<number>();
    before.current = { key, page: data };
    if (fresh.size === 0) return;
    setFlashing(fresh);
    const timer = window.setTimeout(() => setFlashing(new Set()), flashMs);
    return () => window.clearTimeout(timer);
  }, [data, isPlaceholderData, key]);

  useEffect(() => {
    let waiting: StudyEvent[] = [];
    let timer: number | undefined;
    const look = (): void => {
      timer = undefined;
      const { changed, askAgain } = foldEvents(before.current?.page, waiting);
      waiting = [];
      for (const id of changed) void client.invalidateQueries({ queryKey: ['study', id] });
      if (askAgain || changed.size > 0) void client.invalidateQueries({ queryKey: ['studies'] });
    };
    const stop = eventSocket.onEvent((event) => {
      const one = toStudyEvent(event);
      if (one !== null) waiting.push(one);
      else if (event['type'] !== 'resync') return;
      else void client.invalidateQueries({ queryKey: ['studies'] });
      timer ??= window.setTimeout(look, gatherMs);
    });
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [client]);

  // Somebody deleted the last rows: go to the last page that there is.
  useEffect(() => {
    if (data === undefined || isPlaceholderData || data.studies.length > 0 || data.total === 0) return;
    setSearch((old) => ({ ...old, offset: Math.floor((data.total - 1) / pageSize) * pageSize }));
  }, [data, isPlaceholderData, pageSize]);

  const setDraft = useCallback((fields: Partial<SearchFields>) => setDraftState((old) => ({ ...old, ...fields })), []);
  const submit = useCallback<StudyList['submit']>(
    (changes = {}) => {
      const fields = { ...draft, ...changes.fields };
      // The field says what is wrong with it.
      if (changes.dates === undefined && isBadBirth(fields.patient_birth_date)) return;
      setDraftState(fields);
      setSearch((old) => ({ ...old, fields, dates: changes.dates ?? old.dates, offset: 0 }));
      // The same search again is a wish to look again.
      void client.invalidateQueries({ queryKey: ['studies'] });
    },
    [draft, client],
  );
  const reset = useCallback(() => {
    setDraftState(emptyFields);
    setSearch((old) => ({ ...old, fields: emptyFields, dates: { chip: 'any' }, offset: 0 }));
  }, []);
  const refresh = useCallback(() => void refetch(), [refetch]);

  return {
    search,
    draft,
    page,
    isStale: isPlaceholderData || (data === undefined && page !== undefined),
    isLoading: isPending && page === undefined,
    isFetching,
    error,
    flashing,
    setDraft,
    submit,
    setSearch,
    reset,
    refresh,
  };
}

export function hasFilters(list: StudyList): boolean {
  return isFiltered(list.search);
}

export function useStudy(studyId: number) {
  return useQuery({
    queryKey: ['study', studyId],
    queryFn: ({ signal }) => api.get<StudyWithSeries>(`/v2/studies/${studyId}`, { signal }),
  });
}
