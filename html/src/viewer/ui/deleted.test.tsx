import type { QueryClient } from '@tanstack/react-query';
import { act, cleanup, fireEvent, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createQueryClient } from '../../shared/api/queries';
import { type EventListener, eventSocket } from '../../shared/events/eventSocket';
import { i18n } from '../../shared/i18n';
import { seriesDetail } from '../testing/series';
import { Stage, studyOf } from '../testing/stage';
import { Banner } from './Banner';
import { CellMessage } from './CellMessage';
import { useViewerData } from './useViewerData';

const gone = (): Response => new Response(JSON.stringify({ error: { code: 'not_found', message: 'There is no such study.' } }), { status: 404 });

let stage: Stage;
let isThere: boolean;
let asked: string[];
let listeners: Set<EventListener>;
const happens = (event: Record<string, unknown>): Promise<void> => act(async () => listeners.forEach((listener) => listener(event)));
const pass = (ms: number): Promise<void> => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

beforeEach(async () => {
  vi.useFakeTimers();
  stage = new Stage();
  isThere = true;
  asked = [];
  listeners = new Set();
  vi.spyOn(eventSocket, 'onEvent').mockImplementation((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  });
  vi.stubGlobal(
    'fetch',
    vi.fn(async (url: string) => {
      asked.push(new URL(url).pathname);
      if (!isThere) return gone();
      return new Response(JSON.stringify(url.includes('/series/') ? seriesDetail(50) : studyOf([seriesDetail(50)])));
    }),
  );
});
afterEach(async () => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  await i18n.changeLanguage('en');
});

describe('a study that is deleted while it is read', () => {
  const acts: string[] = [];

  function Tab() {
    const { study } = useViewerData(stage.viewer, 1, 7, 'image');
    return (
      <>
        <p>{study?.patient_name}</p>
        <CellMessage cell={stage.viewer.cell(0)} />
        <Banner />
      </>
    );
  }

  async function opened(client: QueryClient = createQueryClient()): Promise<void> {
    acts.length = 0;
    stage.show(<Tab />, { closeTab: () => void acts.push('close'), back: () => void acts.push('back') }, client);
    await pass(100);
    await act(() => stage.picture());
    asked.length = 0;
  }

  it('says so in the tab, keeps its picture and asks for nothing more', async () => {
    await opened();
    isThere = false;
    await happens({ type: 'study_deleted', study_ids: [5, 1] });
    expect(screen.getByRole('alert')).toHaveTextContent('This study was deleted. The pictures stay as they are until you close the tab.');
    expect(screen.getByText('Almeida^Beatriz')).toBeInTheDocument();
    expect(stage.viewer.cell(0).state.shown).not.toBeNull();
    await happens({ type: 'resync' });
    await happens({ type: 'study_changed', study_id: 1 });
    await pass(60_000);
    expect(asked).toEqual([]);
    fireEvent.click(screen.getByRole('button', { name: 'Close the tab' }));
    fireEvent.click(screen.getByRole('button', { name: 'Back to the studies' }));
    expect(acts).toEqual(['close', 'back']);
  });

  it('folds into a chip that says it still', async () => {
    await opened();
    await happens({ type: 'study_deleted', study_ids: [1] });
    fireEvent.click(screen.getByRole('button', { name: 'Fold this notice' }));
    expect(screen.queryByRole('alert')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'This study was deleted.' }));
    expect(screen.getByRole('alert')).toBeInTheDocument();
  });

  it('stays at the image and window that are seen; the picture can still be moved', async () => {
    await opened();
    const cell = stage.viewer.cell(0);
    const seen = cell.state.shown?.image;
    act(() => void cell.goTo(4, 1, true)); // asked for, and never drawn
    await happens({ type: 'study_deleted', study_ids: [1] });
    expect(cell.state.reference.image).toEqual(seen);
    act(() => {
      stage.viewer.scroll(cell, 1, 2);
      cell.change({ data: { invert: true } }, 3, false);
      stage.viewer.show(0, 99);
      cell.change({ presentation: { rotationDeg: 90 } }, 4, false);
    });
    expect(cell.state.reference).toEqual({ seriesId: 7, image: seen });
    expect(cell.state.data.invert).toBe(false);
    expect(cell.state.presentation.rotationDeg).toBe(90);
    expect(cell.state.shown).not.toBeNull();
  });

  it('puts down tools that need the server, and takes up none', async () => {
    await opened();
    await happens({ type: 'study_deleted', study_ids: [1] });
    expect(stage.viewer.state.bindings.left).toBe('pan');
    stage.viewer.bind('left', 'ellipse');
    expect(stage.viewer.state.bindings.left).toBe('pan');
    stage.viewer.bind('left', 'zoom');
    expect(stage.viewer.state.bindings.left).toBe('zoom');
    stage.viewer.togglePlay();
    expect(stage.viewer.state.playing).toBeNull();
  });

  it('says so in Portuguese', async () => {
    await i18n.changeLanguage('pt');
    await opened();
    await happens({ type: 'study_deleted', study_ids: [1] });
    expect(screen.getByRole('alert')).toHaveTextContent('Este estudo foi excluído.');
    expect(screen.getByRole('button', { name: 'Fechar a aba' })).toBeInTheDocument();
  });

  it('is another one: this one goes on', async () => {
    await opened();
    await happens({ type: 'study_deleted', study_ids: [5] });
    expect(screen.queryByRole('alert')).toBeNull();
    expect(stage.viewer.state.deleted).toBe(false);
  });

  it('is learnt after a laptop slept, from one answer', async () => {
    await opened();
    isThere = false;
    await happens({ type: 'resync' });
    await pass(60_000);
    expect(screen.getByRole('alert')).toHaveTextContent('This study was deleted.');
    expect(asked.length).toBeLessThanOrEqual(3); // the study, its series, and the study once more for the series
    asked.length = 0;
    await pass(600_000);
    expect(asked).toEqual([]);
  });

  it('is learnt from a picture that is not found, and said once', async () => {
    await opened();
    isThere = false;
    await act(async () => stage.viewer.cell(0).failed({ type: 'view_error', cell: 0, revision: stage.viewer.cell(0).lastSent + 1, code: 'not_found', message: 'There is no such image.', numbers: [], image: null, edit: null }));
    await pass(1000);
    expect(screen.getAllByRole('alert').map((one) => one.textContent?.slice(0, 24))).toEqual(['This study was deleted. ']);
    expect(asked).toEqual(['/v2/studies/1']);
  });
});
