import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, render, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createQueryClient } from '../../shared/api/queries';
import { session } from '../../shared/session/store';
import { ViewerController } from '../control/viewer';
import { measuringOf } from '../measure/control/measureOf';
import { seriesDetail } from '../testing/series';
import { studyOf } from '../testing/stage';
import { ViewerTab } from '../ViewerTab';

const opened: ViewerController[] = [];

/** Loads the page of a study anew, and returns its viewer once the images are known. */
async function load(seriesId: number | null = null): Promise<ViewerController> {
  cleanup();
  opened.length = 0;
  const nothing = (): void => undefined;
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={createQueryClient()}>
        <ViewerTab studyId={1} seriesId={seriesId} firstSeriesId={null} mode="image" active onTitle={nothing} onMode={nothing} onBack={nothing} onClose={nothing} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  const viewer = opened[0] as ViewerController;
  await waitFor(() => expect(viewer.detail(7)).not.toBeNull());
  return viewer;
}

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  session.begin({ user: { user_id: 4, user_name: 'u', is_administrator: false }, csrf_token: '', expires_at: '' });
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(null); // jsdom has no canvas
  vi.spyOn(ViewerController.prototype, 'start').mockImplementation(function (this: ViewerController) {
    opened.push(this);
    return () => undefined;
  });
  vi.stubGlobal('fetch', async (url: string) => new Response(JSON.stringify(url.includes('/series/') ? seriesDetail(50) : studyOf([seriesDetail(50), seriesDetail(50, 8)]))));
});
afterEach(() => {
  cleanup();
  session.signOut();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it('a page that is loaded again shows the same image, layout and measurement', async () => {
  const before = await load();
  await act(async () => {
    before.setLayout({ rows: 1, columns: 2 });
    before.cell(0).goTo(4, 1, false);
    measuringOf(before).measures.finish({ tool: 'ruler', place: { kind: 'image', seriesId: 7, image: { instance_id: 104, frame_number: 1 } }, cellNumber: 0, fixed: [{ x: 1, y: 2 }, { x: 3, y: 4 }], floating: null, answers: {} });
  });
  window.dispatchEvent(new Event('pagehide'));

  const after = await load();
  expect(after).not.toBe(before);
  expect(after.state.layout).toEqual({ rows: 1, columns: 2 });
  expect(after.cell(0).state.reference).toEqual({ seriesId: 7, image: { instance_id: 104, frame_number: 1 } });
  expect(measuringOf(after).measures.state.items.map(({ tool, points, answers }) => [tool, points.length, answers])).toEqual([['ruler', 2, {}]]);
});

it('an address that asks for another series shows that in the layout as it was', async () => {
  const before = await load();
  await act(async () => before.setLayout({ rows: 2, columns: 1 }));
  const after = await load(8);
  expect(after.state.layout).toEqual({ rows: 2, columns: 1 });
  expect(after.activeCell.state.reference.seriesId).toBe(8);
});
