import { QueryClient } from '@tanstack/react-query';
import { act, cleanup, fireEvent, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { seriesDetail } from '../testing/series';
import { Stage, studyOf } from '../testing/stage';
import { CellMessage } from './CellMessage';
import { Overlay } from './Overlay';
import { ProgressCard } from './ProgressCard';
import { Strip } from './Strip';
import { useViewerData } from './useViewerData';

const away = (): Response => new Response(JSON.stringify({ error: { code: 'storage_unavailable', message: 'The storage node does not answer.' } }), { status: 503 });

let stage: Stage;
beforeEach(() => {
  vi.useFakeTimers();
  stage = new Stage();
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('details that could not be had', () => {
  function Data() {
    const { study, error } = useViewerData(stage.viewer, 1, 7, 'image');
    return <p>{study === null ? (error === null ? 'waiting' : 'away') : study.patient_name}</p>;
  }
  const client = (): QueryClient => new QueryClient({ defaultOptions: { queries: { retry: false, networkMode: 'always' } } });
  const pass = (ms: number): Promise<void> => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

  it('come by themselves once the storage is back', async () => {
    let up = false;
    const answer = (url: string): Response => (up ? new Response(JSON.stringify(url.includes('/series/') ? seriesDetail(50) : studyOf([seriesDetail(50)]))) : away());
    vi.stubGlobal('fetch', vi.fn(async (url: string) => answer(url)));
    stage.show(<Data />, {}, client());
    await pass(100);
    expect(screen.getByText('away')).toBeInTheDocument();
    await pass(10_000);
    expect(screen.getByText('away')).toBeInTheDocument();
    up = true;
    await pass(4100);
    expect(screen.getByText('Almeida^Beatriz')).toBeInTheDocument();
    expect(stage.viewer.cell(0).state.detail?.frames).toHaveLength(50);
  });

  it('are asked for at once when a picture comes without them', async () => {
    const fetched = vi.fn(async (_url: string) => away());
    vi.stubGlobal('fetch', fetched);
    stage.show(<Data />, {}, client());
    await pass(100);
    const before = fetched.mock.calls.length;
    await act(() => stage.picture());
    await pass(10);
    expect(fetched.mock.calls.slice(before).map(([url]) => url)).toEqual([expect.stringContaining('/series/7')]);
  });

  it('are said to be missing beside the picture', async () => {
    stage.viewer.show(0, 7);
    await stage.picture();
    stage.show(<Overlay cell={stage.viewer.cell(0)} />);
    expect(screen.queryByText(/no patient sides, scale or position/)).toBeNull();
    await pass(300);
    expect(screen.getByText(/no patient sides, scale or position/)).toBeInTheDocument();
    act(() => stage.viewer.setDetail(seriesDetail(50)));
    expect(screen.queryByText(/no patient sides, scale or position/)).toBeNull();
  });
});

describe('a window that waits', () => {
  const show = (study: Parameters<Stage['show']>[1] = {}): void => {
    const cell = stage.viewer.cell(0);
    stage.show(
      <>
        <CellMessage cell={cell} />
        <ProgressCard cell={cell} />
      </>,
      study,
    );
  };
  const pass = (ms: number): void => act(() => void vi.advanceTimersByTime(ms));

  it('for its study is not called empty', () => {
    show();
    expect(screen.queryByRole('progressbar')).toBeNull();
    pass(300);
    expect(screen.getByRole('progressbar', { name: 'Opening the study' })).toBeInTheDocument();
    expect(screen.queryByText('Empty window')).toBeNull();
  });

  it('for a series of which nothing is known says so after 300 ms', async () => {
    stage.viewer.show(0, 7);
    show({ study: studyOf([]) });
    pass(300);
    expect(screen.getByRole('progressbar', { name: 'Opening the series' })).toBeInTheDocument();
    await act(() => stage.picture());
    pass(400);
    expect(screen.queryByRole('progressbar')).toBeNull();
  });

  it('for nothing is empty', () => {
    show({ study: studyOf([]) });
    pass(400);
    expect(screen.getByText('Empty window')).toBeInTheDocument();
    expect(screen.queryByRole('progressbar')).toBeNull();
  });
});

describe('the strip', () => {
  it('keeps the places of series that are on their way', () => {
    const { container } = stage.show(<Strip />, { study: null });
    expect(container.querySelector('[aria-busy]')).not.toBeNull();
    expect(container.querySelectorAll('[data-awaited]')).toHaveLength(3);
  });

  it('asks again for a picture that did not come, ever more rarely', async () => {
    const { container } = stage.show(<Strip />, { study: studyOf([seriesDetail(50)]) });
    const fail = (): void => void fireEvent.error(container.querySelector('img')!);
    for (const waitMs of [20_000, 40_000, 80_000]) {
      act(fail);
      expect(container.querySelector('img')).toBeNull();
      await act(async () => void (await vi.advanceTimersByTimeAsync(waitMs - 1)));
      expect(container.querySelector('img')).toBeNull();
      await act(async () => void (await vi.advanceTimersByTimeAsync(1)));
      expect(container.querySelector('img')).not.toBeNull();
    }
  });
});
