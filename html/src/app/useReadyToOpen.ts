import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { type RefObject, useEffect } from 'react';

/** So long the connected stream is kept while no list is looked at. */
const KEPT_MS = 180_000;
/** The focus that goes down the list is not followed row by row. */
const RESTS_MS = 150;

const loadViewer = () => import('../viewer');

/**
 * Makes ready what the doctor will want next while the list is shown: a connected stream, and what the pressed or focused
 * row's study holds. All of it is a help only: if it fails, the viewer asks itself.
 */
export function useReadyToOpen(list: RefObject<HTMLElement | null>, listShown: boolean): void {
  const client = useQueryClient();

  useEffect(() => {
    let timer: number | null = null;
    const stopWaiting = (): void => {
      if (timer !== null) window.clearTimeout(timer);
      timer = null;
    };
    const want = (): void => {
      if (!listShown || document.hidden) return;
      void loadViewer().then(({ spareStream }) => spareStream.want(), () => undefined);
    };
    const look = (): void => {
      stopWaiting();
      if (listShown && !document.hidden) timer = window.setTimeout(want, 300); // the list itself comes first
      else timer = window.setTimeout(() => void loadViewer().then(({ spareStream }) => spareStream.release(), () => undefined), KEPT_MS);
    };
    look();
    document.addEventListener('visibilitychange', look);
    window.addEventListener('pointerdown', want);
    window.addEventListener('keydown', want);
    return () => {
      stopWaiting();
      document.removeEventListener('visibilitychange', look);
      window.removeEventListener('pointerdown', want);
      window.removeEventListener('keydown', want);
    };
  }, [listShown]);

  useEffect(() => () => void loadViewer().then(({ spareStream }) => spareStream.release(), () => undefined), []);

  useEffect(() => {
    const element = list.current;
    if (element === null) return;
    let timer: number | null = null;
    const prepare = (event: Event, afterMs: number): void => {
      const study = event.target instanceof Element ? Number(event.target.closest<HTMLElement>('[data-study]')?.dataset['study']) : NaN;
      if (timer !== null) window.clearTimeout(timer);
      timer = null;
      if (!Number.isInteger(study)) return;
      // A timer of a press would run only after the page of the study is drawn.
      if (afterMs === 0) void prefetch(client, study);
      else timer = window.setTimeout(() => void prefetch(client, study), afterMs);
    };
    const pressed = (event: Event): void => prepare(event, 0);
    const focused = (event: Event): void => prepare(event, RESTS_MS);
    element.addEventListener('pointerdown', pressed);
    element.addEventListener('focusin', focused);
    return () => {
      if (timer !== null) window.clearTimeout(timer);
      element.removeEventListener('pointerdown', pressed);
      element.removeEventListener('focusin', focused);
    };
  }, [list, client]);
}

async function prefetch(client: QueryClient, studyId: number): Promise<void> {
  try {
    const { prefetchStudy } = await loadViewer();
    await prefetchStudy(client, studyId);
  } catch {
    // no code, no study: whoever opens it is told
  }
}
