import { useCallback, useEffect, useReducer, useRef } from 'react';
import { formatRoute, parseRoute, type Route, sameRoute } from './route';
import { reduceTabs, restoreTabs, storeTabs, type TabsState } from './tabs';

export interface Tabs extends TabsState {
  go: (route: Route, title?: string, firstSeriesId?: number | null) => void;
  close: (studyId: number) => void;
  setTitle: (studyId: number, title: string) => void;
}

function initial(userId: number): TabsState {
  const route = parseRoute(globalThis.location.href);
  return reduceTabs({ tabs: restoreTabs(userId), route: { page: 'studies' } }, { type: 'go', route });
}

/** The open studies and the page shown, in step with the browser's address and its back button. */
export function useTabs(userId: number): Tabs {
  const [state, dispatch] = useReducer(reduceTabs, userId, initial);
  const fromHistory = useRef(true); // the first address is the browser's own

  useEffect(() => {
    const onBack = (): void => {
      fromHistory.current = true;
      dispatch({ type: 'go', route: parseRoute(globalThis.location.href) });
    };
    window.addEventListener('popstate', onBack);
    return () => window.removeEventListener('popstate', onBack);
  }, []);

  useEffect(() => {
    const here = parseRoute(globalThis.location.href);
    if (fromHistory.current) window.history.replaceState(null, '', formatRoute(state.route));
    else if (!sameRoute(here, state.route)) window.history.pushState(null, '', formatRoute(state.route));
    fromHistory.current = false;
  }, [state.route]);

  useEffect(() => storeTabs(userId, state.tabs), [userId, state.tabs]);

  return {
    ...state,
    go: useCallback((route, title, firstSeriesId) => dispatch({ type: 'go', route, ...(title === undefined ? {} : { title }), ...(firstSeriesId === undefined ? {} : { firstSeriesId }) }), []),
    close: useCallback((studyId) => dispatch({ type: 'close', studyId }), []),
    setTitle: useCallback((studyId, title) => dispatch({ type: 'title', studyId, title }), []),
  };
}
