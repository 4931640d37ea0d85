import { beforeEach, describe, expect, it } from 'vitest';
import type { Making, MakeSeries } from '../../shared/protocol/messages';
import { type Answer, AskFault, type Question } from '../stream/questions';
import { SeriesMaking } from './seriesMaking';
import { Store } from './store';
import type { VolumeCellController, VolumeCellState } from './volumeCell';

const what: MakeSeries = { kind: 'make_series', images: { kind: 'turning', degrees: 360, width_px: 64, height_px: 64 }, count: 4, series_description: 'Turning' };

/** A window whose server answers when the test says so. */
class Cell {
  readonly store = new Store<Pick<VolumeCellState, 'opened' | 'fault'>>({ opened: null, fault: null });
  readonly opens: [number, number][] = [];
  closes = 0;
  asked: Question[] = [];
  progress: (making: Making) => void = () => undefined;
  answer: (answer: Answer) => void = () => undefined;
  refuse: (error: unknown) => void = () => undefined;

  get state(): Pick<VolumeCellState, 'opened' | 'fault'> {
    return this.store.get();
  }

  open(seriesId: number, volume: number): void {
    this.opens.push([seriesId, volume]);
  }

  close(): void {
    this.closes += 1;
    this.store.set({ opened: null, fault: null });
  }

  ask(question: Question, _key: string, onProgress: (making: Making) => void): Promise<Answer> {
    this.asked.push(question);
    this.progress = onProgress;
    return new Promise((resolve, reject) => {
      this.answer = resolve;
      this.refuse = reject;
    });
  }

  isThere(): void {
    this.store.set({ opened: {} as VolumeCellState['opened'] });
  }
}

let cell: Cell;
let making: SeriesMaking;
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

beforeEach(() => {
  cell = new Cell();
  making = new SeriesMaking(cell as unknown as VolumeCellController<unknown>);
});

describe('a series that is being made', () => {
  it('is asked for once its volume is open, says how far it is, and lets the volume go', async () => {
    making.start(what, { seriesId: 7, volume: 1 });
    expect(cell.opens).toEqual([[7, 1]]);
    await soon();
    expect(cell.asked).toEqual([]);
    cell.isThere();
    await soon();
    expect(cell.asked).toEqual([what]);
    cell.progress({ type: 'making', cell: 14, question: 1, stored: 3, total: 4 });
    expect(making.state).toEqual({ kind: 'running', stored: 3, total: 4 });
    cell.answer({ type: 'made', cell: 14, question: 1, series_id: 88 });
    await soon();
    expect(making.state).toEqual({ kind: 'done', seriesId: 88, total: 4 });
    expect(cell.closes).toBe(1);
  });

  it('that fails says what is stored all the same', async () => {
    making.start(what, { seriesId: 7, volume: 0 });
    cell.isThere();
    await soon();
    cell.progress({ type: 'making', cell: 14, question: 1, stored: 2, total: 4 });
    cell.refuse(new AskFault('out_of_resources', 'The disk is full.'));
    await soon();
    expect(making.state).toEqual({ kind: 'failed', code: 'out_of_resources', message: 'The disk is full.', stored: 2 });
    making.clear();
    expect(making.state).toEqual({ kind: 'idle' });
  });

  it('of a volume that cannot be opened says why', async () => {
    making.start(what, { seriesId: 7, volume: 0 });
    cell.store.set({ fault: { code: 'volume_too_big', message: 'Too big.', numbers: [], opening: true, edit: null, revision: 0 } });
    await soon();
    expect(making.state).toEqual({ kind: 'failed', code: 'volume_too_big', message: 'Too big.', stored: 0 });
    expect(cell.asked).toEqual([]);
  });

  it('that the doctor stops says what stays, and is named so that it is known', async () => {
    making.nameOf = (name, count) => `${name} (${count})`;
    making.start(what, { seriesId: 7, volume: 0 });
    cell.isThere();
    await soon();
    expect(cell.asked).toEqual([{ ...what, series_description: 'Turning (4)' }]);
    cell.progress({ type: 'making', cell: 14, question: 1, stored: 2, total: 4 });
    making.stop();
    expect(cell.closes).toBe(1);
    expect(making.state).toEqual({ kind: 'stopped', stored: 2, total: 4 });
    cell.answer({ type: 'made', cell: 14, question: 1, series_id: 88 });
    await soon();
    expect(making.state.kind).toBe('stopped');
    making.clear();
    making.start(what, { seriesId: 7, volume: 0 });
    making.stop();
    expect(making.state.kind).toBe('idle');
  });

  it('that is given up tells nothing any more', async () => {
    making.start(what, { seriesId: 7, volume: 0 });
    cell.isThere();
    await soon();
    making.cancel();
    expect(cell.closes).toBe(1);
    cell.progress({ type: 'making', cell: 14, question: 1, stored: 2, total: 4 });
    cell.answer({ type: 'made', cell: 14, question: 1, series_id: 88 });
    await soon();
    expect(making.state).toEqual({ kind: 'idle' });
  });

  it('of what a window shows leaves that window alone', async () => {
    cell.isThere();
    making.start(what, null);
    await soon();
    expect(cell.opens).toEqual([]);
    expect(cell.asked).toEqual([what]);
    cell.answer({ type: 'made', cell: 0, question: 1, series_id: 88 });
    await soon();
    expect(making.state).toEqual({ kind: 'done', seriesId: 88, total: 4 });
    expect(cell.closes).toBe(0);
  });

  it('is the only one at a time', () => {
    making.start(what, { seriesId: 7, volume: 0 });
    making.start(what, { seriesId: 8, volume: 0 });
    expect(cell.opens).toEqual([[7, 0]]);
  });
});
