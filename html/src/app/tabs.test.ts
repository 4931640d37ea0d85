import { beforeEach, describe, expect, it } from 'vitest';
import { formatRoute, parseRoute, type Route } from './route';
import { maximumTabs, reduceTabs, restoreTabs, storeTabs, type TabsState } from './tabs';

const viewer = (studyId: number, seriesId: number | null = null): Route => ({ page: 'viewer', mode: 'image', studyId, seriesId });

describe('addresses', () => {
  it.each<[Route, string]>([
    [{ page: 'studies' }, '/web-viewer/'],
    [{ page: 'about' }, '/web-viewer/?page=about'],
    [viewer(12), '/web-viewer/viewer/image/?study=12'],
    [viewer(12, 34), '/web-viewer/viewer/image/?study=12&series=34'],
    [{ page: 'viewer', mode: 'mpr', studyId: 12, seriesId: 34 }, '/web-viewer/viewer/mpr/?study=12&series=34'],
    [{ page: 'viewer', mode: 'volume', studyId: 12, seriesId: null }, '/web-viewer/viewer/3d/?study=12'],
  ])('%j is %s and back', (route, path) => {
    expect(formatRoute(route, '/web-viewer/')).toBe(path);
    expect(parseRoute(`http://host${path}`, '/web-viewer/')).toEqual(route);
  });

  it.each<[string, string]>([
    ['/viewer/image/', 'study'],
    ['/viewer/image/?study=abc', 'study'],
    ['/viewer/image/?study=-1', 'study'],
    ['/viewer/3d/', 'study'],
    ['/viewer/tags/?study=1', 'unknown'],
    ['/viewer/constructor/?study=1', 'unknown'],
    ['/nothing', 'unknown'],
  ])('%s says what is wrong with it, and stays in the address bar', (path, reason) => {
    const route = parseRoute(`http://host${path}`, '/');
    expect(route).toMatchObject({ page: 'nowhere', reason });
    expect(formatRoute(route, '/')).toBe(path);
  });

  it.each(['/', '/index.html', '/?page=nothing'])('%s is the study list', (path) => {
    expect(parseRoute(`http://host${path}`, '/')).toEqual({ page: 'studies' });
  });
});

describe('tabs', () => {
  const start: TabsState = { tabs: [], route: { page: 'studies' } };
  const opened = [1, 2, 3].reduce((state, id) => reduceTabs(state, { type: 'go', route: viewer(id), title: `T${id}` }), start);

  it('open a study once', () => {
    const again = reduceTabs(opened, { type: 'go', route: viewer(2, 20) });
    expect(again.tabs.map((tab) => [tab.studyId, tab.seriesId, tab.title])).toEqual([
      [1, null, 'T1'],
      [2, 20, 'T2'],
      [3, null, 'T3'],
    ]);
  });

  it('stay as they are when a study says the title that the list gave', () => {
    expect(reduceTabs(opened, { type: 'title', studyId: 2, title: 'T2' })).toBe(opened);
    expect(reduceTabs(opened, { type: 'title', studyId: 2, title: 'New' }).tabs[1]?.title).toBe('New');
  });

  it('know which series the study opens with, where the list knew it', () => {
    const state = reduceTabs(start, { type: 'go', route: viewer(4), title: 'T4', firstSeriesId: 40 });
    expect(state.tabs[0]).toMatchObject({ studyId: 4, seriesId: null, firstSeriesId: 40 });
    expect(state.route).toEqual(viewer(4));
  });

  it('give the place of a closed one to the neighbour, and to the list at last', () => {
    const two = reduceTabs(reduceTabs(opened, { type: 'go', route: viewer(2) }), { type: 'close', studyId: 2 });
    expect(two.route).toEqual(viewer(3));
    const none = reduceTabs(reduceTabs(two, { type: 'close', studyId: 3 }), { type: 'close', studyId: 1 });
    expect(none.route).toEqual({ page: 'studies' });
  });

  it('are never more than fit', () => {
    const many = Array.from({ length: 20 }, (_, i) => i + 1).reduce((state, id) => reduceTabs(state, { type: 'go', route: viewer(id) }), start);
    expect(many.tabs).toHaveLength(maximumTabs);
    expect(many.tabs.at(-1)?.studyId).toBe(20);
  });

  describe('kept over a sign-in', () => {
    beforeEach(() => sessionStorage.clear());

    it('come back for their user only, and without names', () => {
      storeTabs(1, opened.tabs);
      expect(restoreTabs(1).map((tab) => [tab.studyId, tab.title])).toEqual([
        [1, ''],
        [2, ''],
        [3, ''],
      ]);
      expect(restoreTabs(2)).toEqual([]);
      expect(JSON.stringify({ ...sessionStorage })).not.toContain('T1');
    });

    it('come back in their mode', () => {
      const { tabs } = reduceTabs(start, { type: 'go', route: { page: 'viewer', mode: 'mpr', studyId: 4, seriesId: 40 } });
      storeTabs(1, tabs);
      expect(restoreTabs(1)).toEqual([{ studyId: 4, seriesId: 40, mode: 'mpr', firstSeriesId: null, title: '' }]);
    });

    it('are none where the store is damaged', () => {
      sessionStorage.setItem('webviewer.tabs.1', '{{');
      expect(restoreTabs(1)).toEqual([]);
    });
  });
});
