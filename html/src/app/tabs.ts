/** The open studies. Kept per user in the browser's session store, by number only, so that they come back after a sign-in. */

import type { Route, ViewerMode } from './route';

export interface Tab {
  studyId: number;
  seriesId: number | null;
  mode: ViewerMode;
  /** The series that opens when none is named, as far as the list knows it; never stored. */
  firstSeriesId: number | null;
  /** What the strip shows; empty until the study is known. Never stored. */
  title: string;
}

export interface TabsState {
  tabs: readonly Tab[];
  route: Route;
}

export type TabsAction =
  | { type: 'go'; route: Route; title?: string; firstSeriesId?: number | null }
  | { type: 'close'; studyId: number }
  | { type: 'title'; studyId: number; title: string };

/** More open studies than this cost more memory than a small office PC has; the oldest makes room. */
export const maximumTabs = 12;

function open(tabs: readonly Tab[], route: Extract<Route, { page: 'viewer' }>, title: string, firstSeriesId: number | null): readonly Tab[] {
  const at = tabs.findIndex((tab) => tab.studyId === route.studyId);
  if (at >= 0) {
    const tab = tabs[at] as Tab;
    const next: Tab = { ...tab, mode: route.mode, seriesId: route.seriesId ?? tab.seriesId, title: title || tab.title };
    return tabs.map((one, index) => (index === at ? next : one));
  }
  const added = [...tabs, { studyId: route.studyId, seriesId: route.seriesId, mode: route.mode, firstSeriesId, title }];
  return added.slice(-maximumTabs);
}

function without(state: TabsState, studyId: number): TabsState {
  const tabs = state.tabs.filter((tab) => tab.studyId !== studyId);
  const { route } = state;
  if (route.page !== 'viewer' || route.studyId !== studyId) return { tabs, route };
  // The neighbour on the right takes the place, else the one on the left, else the list.
  const at = state.tabs.findIndex((tab) => tab.studyId === route.studyId);
  const neighbour = tabs[Math.min(at, tabs.length - 1)];
  return { tabs, route: neighbour === undefined ? { page: 'studies' } : routeOf(neighbour) };
}

export function routeOf(tab: Tab): Route {
  return { page: 'viewer', mode: tab.mode, studyId: tab.studyId, seriesId: tab.seriesId };
}

export function reduceTabs(state: TabsState, action: TabsAction): TabsState {
  switch (action.type) {
    case 'go':
      if (action.route.page !== 'viewer') return { ...state, route: action.route };
      return { tabs: open(state.tabs, action.route, action.title ?? '', action.firstSeriesId ?? null), route: action.route };
    case 'close':
      return without(state, action.studyId);
    case 'title':
      // The list has given most tabs their title already: then nothing is drawn again.
      if (!state.tabs.some((tab) => tab.studyId === action.studyId && tab.title !== action.title)) return state;
      return {
        ...state,
        tabs: state.tabs.map((tab) => (tab.studyId === action.studyId ? { ...tab, title: action.title } : tab)),
      };
  }
}

const key = (userId: number): string => `webviewer.tabs.${userId}`;

export function storeTabs(userId: number, tabs: readonly Tab[]): void {
  try {
    const plain = tabs.map(({ studyId, seriesId, mode }) => ({ studyId, seriesId, mode }));
    sessionStorage.setItem(key(userId), JSON.stringify(plain));
  } catch {
    // storage is blocked: tabs live as long as the page
  }
}

/** The user's tabs, and none of anybody else's. */
export function restoreTabs(userId: number): Tab[] {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(key(userId)) ?? '[]');
    if (!Array.isArray(stored)) return [];
    return stored.flatMap((one: Partial<Tab>) =>
      Number.isInteger(one.studyId)
        ? [{ studyId: one.studyId as number, seriesId: one.seriesId ?? null, mode: one.mode === 'mpr' || one.mode === 'volume' ? one.mode : ('image' as const), firstSeriesId: null, title: '' }]
        : [],
    );
  } catch {
    return [];
  }
}
