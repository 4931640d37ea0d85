import { act, cleanup, fireEvent, screen, within } from '@testing-library/react';
import axe from 'axe-core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { i18n } from '../../shared/i18n';
import type { ViewerEnvironment } from '../control/environment';
import { measuringOf } from '../measure/control/measureOf';
import { decodeFrame } from '../../shared/protocol/frame';
import { packedFrame, settle } from '../testing/fakes';
import { seriesDetail } from '../testing/series';
import { Stage, studyOf } from '../testing/stage';
import { MprPage } from './MprPage';

let stage: Stage;
let leave: () => void;

const socket = () => stage.sockets[0];
const say = (message: object): Promise<void> => act(async () => void socket()?.say(message));
const opened = (cell: number, patch: object = {}): object => ({
  type: 'volume_opened',
  cell,
  series_id: 7,
  volume: 0,
  volumes: [{ number: 0, label: { code: 'axial', text: 'Axial', numbers: [], texts: [] } }],
  shape: [100, 200, 200],
  lps_from_index: [1, 0, 0, -100, 0, 1, 0, -100, 0, 0, 2, -100],
  modality: 'CT',
  letters: true,
  warnings: [],
  ...patch,
});
const sent = (type: string): Record<string, unknown>[] => socket()?.sent.filter((message) => message['type'] === type) ?? [];

async function shown(environment: Partial<ViewerEnvironment> = {}): Promise<void> {
  stage.viewer.setMode('mpr');
  stage.show(<MprPage seriesId={7} active onBack={() => undefined} />, { study: studyOf([seriesDetail(50)]), mode: 'mpr', ...environment });
  // jsdom lays nothing out: windows are given a size by hand.
  await act(async () => {
    for (const number of [0, 1, 2, 3]) stage.viewer.volumeCell(number).resize({ widthPx: 600, heightPx: 400, perCss: 1, deviceRatio: 1 });
  });
}

beforeEach(async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(seriesDetail(50)))));
  vi.stubGlobal('requestAnimationFrame', (run: () => void) => window.setTimeout(run, 0));
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(null); // jsdom has no canvas
  stage = new Stage();
  leave = stage.viewer.start();
  await settle();
  socket()?.welcome();
});
afterEach(async () => {
  cleanup();
  leave();
  vi.unstubAllGlobals();
  await i18n.changeLanguage('en');
});

describe('the page of MPR', () => {
  it('opens four windows of the volume, and closes them when it goes', async () => {
    await shown();
    expect(screen.getAllByRole('group').filter((one) => one.hasAttribute('data-kind')).map((one) => one.getAttribute('data-kind'))).toEqual(['axial', 'sagittal', 'coronal', 'volume']);
    expect(sent('open_volume').map(({ cell, series_id }) => [cell, series_id])).toEqual([0, 1, 2, 3].map((cell) => [cell, 7]));
    cleanup();
    expect(sent('close')).toHaveLength(4);
  });

  it('swaps what two windows show by the chip', async () => {
    await shown();
    fireEvent.click(screen.getByRole('button', { name: 'Plane of this window: Axial' }));
    fireEvent.click(await screen.findByRole('menuitemradio', { name: 'Coronal' }));
    expect(screen.getAllByRole('group').filter((one) => one.hasAttribute('data-kind')).map((one) => one.getAttribute('data-kind'))).toEqual(['coronal', 'sagittal', 'axial', 'volume']);
  });

  it('names what is to be known of the volume, and folds it away', async () => {
    await shown();
    const gap = { code: 'gap', text: 'Between 1 mm and 4 mm 2 slices are missing.', numbers: [2, 1, 4], texts: [] };
    await say(opened(0, { modality: 'PT', warnings: [gap] }));
    const note = screen.getByRole('note', { name: 'What to know of this volume' });
    expect(note).toHaveTextContent('Between 1 mm and 4 mm 2 slices are missing: values there are interpolated.');
    expect(note).toHaveTextContent('PET: planes help to find a place');
    fireEvent.click(within(note).getByRole('button', { name: 'Fold away' }));
    expect(screen.queryByRole('note')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: '2 notes' }));
    expect(screen.getByRole('note')).toBeInTheDocument();
  });

  it('says in every window, of the volume too, that its images were compressed with loss', async () => {
    await shown();
    for (const cell of [0, 1, 2, 3]) await say(opened(cell));
    const SOURCE_LOSSY = 4;
    await act(async () => {
      for (const number of [0, 1, 2, 3]) {
        const cell = stage.viewer.volumeCell(number);
        await cell.take(decodeFrame(packedFrame({ cell: number, revision: cell.lastSent, sequence: number + 1, instanceId: 0, still: true, flags: SOURCE_LOSSY })));
      }
    });
    const corners = [...document.querySelectorAll('[data-kind] [data-overlay]')].map((one) => one.textContent?.includes('Lossy image'));
    expect(corners).toEqual([true, true, true, true]);
  });

  it('moves nothing of a study that is deleted', async () => {
    await shown();
    await say(opened(0));
    act(() => stage.viewer.studyDeleted());
    expect(document.querySelector('[data-kind="axial"]')?.closest('[inert]')).not.toBeNull();
    expect(screen.getByRole('button', { name: '2D' })).toHaveAttribute('aria-disabled', 'true');
  });

  it('writes letters at the edges of planes only where directions in the patient are known', async () => {
    await shown();
    const edges = (): string[] => [...document.querySelectorAll('[data-kind="axial"] [data-overlay] > span')].map((span) => span.textContent ?? '');
    await say(opened(0));
    expect(edges()).toEqual(expect.arrayContaining(['A', 'L', 'P', 'R']));
    await say(opened(0, { letters: false }));
    expect(edges().filter((text) => /^[ALPRHF]+$/.test(text))).toEqual([]);
  });

  it('asks which of several volumes, and opens the chosen one', async () => {
    await shown();
    const volumes = [0, 1].map((number) => ({ number, label: { code: 'b_value', text: `b = ${number * 1000} s/mm²`, numbers: [number * 1000], texts: [] } }));
    await say(opened(0, { volumes }));
    const note = screen.getByRole('note');
    expect(note).toHaveTextContent('This series has 2 volumes. Which one do you want to see?');
    expect(within(note).getByRole('button', { name: 'b = 0 s/mm²' })).toHaveAttribute('aria-pressed', 'true');
    fireEvent.click(within(note).getByRole('button', { name: 'b = 1000 s/mm²' }));
    expect(sent('open_volume').at(-1)).toMatchObject({ series_id: 7, volume: 1 });
    await say(opened(0, { volumes, volume: 1 }));
    // It was answered: the bar names what is shown, and chooses another.
    expect(screen.queryByRole('note')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Volume of the series: b = 1000 s/mm²' }));
    fireEvent.click(await screen.findByRole('menuitemradio', { name: 'b = 0 s/mm²' }));
    expect(sent('open_volume').at(-1)).toMatchObject({ series_id: 7, volume: 0 });
  });

  it.each([
    ['en', 'MPR is not possible for this series', 'Series 2 has 50 images. Only 2 slices lie in this direction; a volume needs at least 3.', 'Show in 2D', 'Try again', 'Choose another series'],
    ['pt', 'MPR não é possível para esta série', /A série 2 tem 50 imagens.*2 cortes/, 'Mostrar em 2D', 'Tentar novamente', 'Escolher outra série'],
  ])('says in the doctor’s language (%s) why there is no volume, and leads on', async (locale, title, words, button, again, choose) => {
    await i18n.changeLanguage(locale);
    const changeMode = vi.fn();
    await shown({ changeMode, locale, study: studyOf([seriesDetail(50), { ...seriesDetail(300), series_id: 8 }]) });
    const refusal = { type: 'view_error', revision: 0, code: 'too_few_slices', message: 'Only 2 slices lie in this direction; a volume needs at least 3.', numbers: [2, 3], image: null, edit: null };
    for (const cell of [0, 1, 2, 3]) await say({ ...refusal, cell });
    const alert = screen.getByRole('alert');
    expect(alert).toHaveTextContent(title);
    expect(within(alert).getByText(words)).toBeInTheDocument();
    fireEvent.click(within(alert).getByRole('button', { name: button }));
    expect(changeMode).toHaveBeenCalledWith('image', 7);
    expect(within(alert).queryByRole('button', { name: again })).toBeNull();
    fireEvent.click(within(alert).getByRole('button', { name: choose }));
    await act(async () => new Promise((done) => setTimeout(done, 60)));
    expect(document.activeElement).toHaveAttribute('data-series');
    // Nothing of the bar does anything where there are no planes, but the way out of it.
    const bar = screen.getByRole('toolbar');
    expect(bar.querySelector('[inert] [aria-keyshortcuts="W"]')).not.toBeNull();
    expect(screen.getByRole('button', { name: '2D' }).closest('[inert]')).toBeNull();
  });

  it('tries again what may come later', async () => {
    await shown();
    await say({ type: 'view_error', cell: 0, revision: 0, code: 'memory_short', message: 'No memory.', numbers: [9.4], image: null, edit: null });
    const opens = sent('open_volume').length;
    fireEvent.click(within(screen.getByRole('alert')).getByRole('button', { name: 'Try again' }));
    expect(sent('open_volume').length).toBeGreaterThan(opens);
  });

  it('says aloud once what is to be known of the volume', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      await shown();
      await say(opened(0, { warnings: [{ code: 'gap', text: '', numbers: [2, 1.25, 4], texts: [] }] }));
      await act(async () => vi.advanceTimersByTime(1000));
      const said = screen.getAllByRole('status').map((one) => one.textContent).join();
      expect(said).toContain('Between 1.25 mm and 4 mm 2 slices are missing');
    } finally {
      vi.useRealTimers();
    }
  });

  it('shows all its keys, in the doctor’s language', async () => {
    await i18n.changeLanguage('pt');
    await shown({ locale: 'pt-BR' });
    fireEvent.click(screen.getByRole('button', { name: 'Teclas' }));
    const table = await screen.findByRole('table', { name: 'Teclado' });
    const keys = [...table.querySelectorAll('kbd')].map((one) => one.textContent);
    for (const key of ['L', 'A', 'C', 'E', 'B', 'P', 'Ctrl+Z', 'Ctrl+Y', 'Del', 'Espaço']) expect(keys).toContain(key);
    expect(table).not.toHaveTextContent(/\bSpace\b|\w\.\w/);
  });

  it('begins its bar as that of images does', async () => {
    await shown();
    const first = screen.getByRole('toolbar').firstElementChild;
    expect([...(first?.children ?? [])].map((one) => one.getAttribute('aria-label') ?? one.className)).toEqual(['Show series', 'View', expect.stringContaining('split')]);
  });

  it('takes a thickness in the numbers of the language, and nothing else', async () => {
    await i18n.changeLanguage('pt');
    await shown({ locale: 'pt-BR' });
    for (const cell of [0, 1, 2]) await say(opened(cell));
    const field = screen.getByRole('textbox', { name: 'Espessura' });
    fireEvent.change(field, { target: { value: '12,5' } });
    fireEvent.keyDown(field, { key: 'Enter' });
    await act(async () => new Promise((done) => setTimeout(done, 20)));
    expect(sent('plane').at(-1)).toMatchObject({ slab: 'mip', thickness_mm: 12.5 });
    fireEvent.change(field, { target: { value: '12.5' } });
    fireEvent.blur(field);
    expect(field).toHaveValue('12,5');
    fireEvent.change(field, { target: { value: '900' } });
    fireEvent.keyDown(field, { key: 'Enter' });
    expect(field).toHaveValue('12,5');
    fireEvent.keyDown(field, { key: 'ArrowUp' });
    expect(field).toHaveValue('13,5');
  });

  it('offers all of the slab in More where the bar has no room for it', async () => {
    // Of a bar 600 pixels wide every family is 150 wide.
    vi.spyOn(Element.prototype, 'clientWidth', 'get').mockReturnValue(600);
    vi.spyOn(HTMLElement.prototype, 'offsetWidth', 'get').mockReturnValue(150);
    await shown();
    for (const cell of [0, 1, 2]) await say(opened(cell));
    expect(screen.queryByRole('textbox', { name: 'Thickness' })).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'More' }));
    fireEvent.click(await screen.findByRole('menuitemcheckbox', { name: 'Planes stay perpendicular' }));
    expect(sent('plane')).not.toHaveLength(0);
    fireEvent.click(screen.getByRole('button', { name: 'More' }));
    expect(await screen.findByRole('menuitemcheckbox', { name: 'Planes stay perpendicular' })).not.toBeChecked();
    fireEvent.click(screen.getByRole('menuitem', { name: 'Set thickness… 10.0 mm' }));
    const dialog = await screen.findByRole('dialog', { name: 'Slab' });
    expect(within(dialog).getByText('Thickness')).toBeInTheDocument();
    expect(within(dialog).getByRole('slider', { name: 'Thickness' })).toHaveAttribute('aria-valuetext', '10 mm');
    expect(within(dialog).getByRole('button', { name: 'Planes stay perpendicular' })).toHaveTextContent('Planes stay perpendicular');
    const field = within(dialog).getByRole('textbox', { name: 'Thickness' });
    fireEvent.change(field, { target: { value: '22' } });
    fireEvent.keyDown(field, { key: 'Enter' });
    await act(async () => new Promise((done) => setTimeout(done, 20)));
    expect(sent('plane').at(-1)).toMatchObject({ slab: 'mip', thickness_mm: 22 });
    vi.restoreAllMocks();
  });

  it('shows one window with tabs on a phone', async () => {
    await shown({ phone: true });
    const tabs = screen.getAllByRole('tab');
    expect(tabs.map((tab) => tab.textContent)).toEqual(['Axial', 'Coronal', 'Sagittal', '3D']);
    fireEvent.click(screen.getByRole('tab', { name: 'Sagittal' }));
    expect(screen.getAllByRole('group').filter((one) => one.hasAttribute('data-kind')).map((one) => one.getAttribute('data-kind'))).toEqual(['sagittal']);
    expect(screen.getByRole('tab', { name: 'Sagittal' })).toHaveAttribute('aria-selected', 'true');
    // The series are there to choose from, and the window says which one it shows.
    expect(screen.getByRole('navigation', { name: 'Series' })).toBeInTheDocument();
    await say(opened(2));
    expect(document.querySelector('[data-overlay]')).toHaveTextContent('S2 · Mediastinum 1.0 mm');
  });

  it('lays slabs of a new series half over one another, as long as nobody wants another step', async () => {
    await shown();
    for (const cell of [0, 1, 2]) await say(opened(cell));
    fireEvent.click(screen.getByRole('button', { name: 'Output' }));
    fireEvent.click(await screen.findByRole('menuitem', { name: 'New series of planes…' }));
    const dialog = await screen.findByRole('dialog', { name: 'New series of planes' });
    const step = within(dialog).getByRole('textbox', { name: 'Step' });
    expect(step).toHaveValue('2 mm');
    fireEvent.click(within(dialog).getByRole('radio', { name: 'MIP' }));
    expect(step).toHaveValue('5 mm');
    fireEvent.change(within(dialog).getByRole('textbox', { name: 'Thickness' }), { target: { value: '8' } });
    expect(step).toHaveValue('4 mm');
    fireEvent.change(step, { target: { value: '3' } });
    fireEvent.change(within(dialog).getByRole('textbox', { name: 'Thickness' }), { target: { value: '6.4' } });
    expect(step).toHaveValue('3 mm');
    fireEvent.click(within(dialog).getByRole('radio', { name: 'Plane' }));
    expect(step).toHaveValue('2 mm');
  });

  it('takes back what was moved or drawn last, whichever that was', async () => {
    await shown();
    for (const cell of [0, 1, 2]) await say(opened(cell));
    const { measures } = measuringOf(stage.viewer);
    const place = { kind: 'plane' as const, seriesId: 7, volume: 0, origin: [0, 0, 0] as const, right: [1, 0, 0] as const, down: [0, 1, 0] as const, stepMm: 2 };
    const undo = (): Promise<void> => act(async () => void fireEvent.keyDown(document.body, { key: 'z', ctrlKey: true }));
    const center = (): unknown => sent('plane').filter(({ cell }) => cell === 0).at(-1)?.['center_lps_mm'];
    const start = center();
    act(() => void measures.finish({ cellNumber: 0, tool: 'ruler', place, fixed: [{ x: 0, y: 0 }, { x: 5, y: 5 }], floating: null, answers: {} }));
    await act(async () => void fireEvent.keyDown(document.body, { key: 'PageDown' }));
    expect(center()).not.toEqual(start);
    await undo();
    expect(center()).toEqual(start);
    expect(measures.state.items).toHaveLength(1);
    await undo();
    expect(measures.state.items).toHaveLength(0);
  });

  it('lets go of its tools on a phone, too, where there is no volume, but not of the way to others', async () => {
    await shown({ phone: true });
    await say({ type: 'view_error', cell: 0, revision: 0, code: 'too_few_slices', message: '', numbers: [2, 3], image: null, edit: null });
    for (const name of ['Scroll', 'W/L', 'Crossing', 'Slab']) expect([name, screen.getByText(name).closest('[inert]') !== null]).toEqual([name, true]);
    expect(screen.getByText('Tools').closest('[inert]')).toBeNull();
    expect(screen.getByRole('navigation', { name: 'Series' }).closest('[inert]')).toBeNull();
  });

  it.each([false, true])('has nothing serious for those who do not see it (phone: %s)', async (phone) => {
    await shown({ phone });
    for (const cell of [0, 1, 2, 3]) await say(opened(cell, { warnings: [{ code: 'tilted', text: '', numbers: [18], texts: [] }] }));
    // Colours and sizes are looked at in a browser: jsdom has none.
    const { violations } = await axe.run(document.body, { rules: { 'color-contrast': { enabled: false }, region: { enabled: false } } });
    expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
  });
});
