import { beforeEach, describe, expect, it } from 'vitest';
import type { Edit, PlaneView, View } from '../../shared/protocol/messages';
import { FakeClock, FakeSocket } from '../testing/fakes';
import { RenderConnection } from './connection';
import type { Answer, AskFault, Question } from './questions';

let clock: FakeClock;
let sockets: FakeSocket[];
let connection: RenderConnection;

const last = (): FakeSocket => sockets[sockets.length - 1] as FakeSocket;
const view: View = { type: 'view', cell: 0, revision: 1, width_px: 512, height_px: 512 };
const plane: PlaneView = {
  type: 'plane',
  cell: 0,
  revision: 4,
  width_px: 512,
  height_px: 512,
  center_lps_mm: [0, 0, 0],
  right_lps: [1, 0, 0],
  down_lps: [0, 1, 0],
  mm_per_px: 1,
};
const edit = (number: number, radius: number): Edit => ({
  type: 'edit',
  cell: 0,
  number,
  step: { kind: 'sphere', centers_lps_mm: [[0, 0, 0]], radius_mm: radius },
});
const pick: Question = { kind: 'pick', x_px: 1, y_px: 2 };
const picked = (question: unknown, x: number, cell = 0): object => ({ type: 'picked', cell, question, p_lps_mm: [x, 0, 0] });
const fault = (promise: Promise<Answer>): Promise<string> =>
  promise.then(
    () => 'answered',
    (error: AskFault) => error.code,
  );

beforeEach(async () => {
  clock = new FakeClock();
  sockets = [];
  connection = new RenderConnection({
    fetchTicket: () => Promise.resolve('ticket'),
    createSocket: (ticket) => {
      const socket = new FakeSocket(ticket);
      sockets.push(socket);
      return socket;
    },
    clock,
    onState: () => undefined,
    onMessage: () => undefined,
    onFrame: () => undefined,
    onReplay: () => undefined,
  });
  connection.start();
  await clock.pass(0);
  last().welcome();
});

async function reconnected(): Promise<void> {
  last().drop(1006);
  await clock.pass(600);
  last().welcome();
}

describe('a cell that shows a volume', () => {
  it('is replayed whole after a loss: volume, edits in order, picture', async () => {
    connection.openVolume(0, 7, 2);
    connection.sendEdit(edit(1, 5));
    connection.sendEdit(edit(2, 6));
    connection.sendEdit(edit(2, 9));
    connection.sendView(plane);
    await reconnected();
    expect(last().sent.slice(1)).toEqual([{ type: 'open_volume', cell: 0, series_id: 7, volume: 2 }, edit(1, 5), edit(2, 9), plane]);
  });

  it('drops the edits after one that was replaced', async () => {
    connection.openVolume(0, 7, 0);
    for (const number of [1, 2, 3]) connection.sendEdit(edit(number, number));
    connection.sendEdit(edit(1, 8));
    await reconnected();
    expect(last().sent.filter((message) => message['type'] === 'edit')).toEqual([edit(1, 8)]);
  });

  it('keeps edits and picture when it is opened again, and loses them with another volume', () => {
    connection.openVolume(0, 7, 0);
    connection.sendEdit(edit(1, 5));
    connection.sendView(plane);
    last().sent.length = 0;
    connection.openVolume(0, 7, 0);
    expect(last().types).toEqual(['open_volume', 'edit', 'plane']);
    last().sent.length = 0;
    connection.openVolume(0, 7, 1);
    expect(last().types).toEqual(['open_volume']);
  });

  it('takes over a cell of a series and gives it back; views of what is not shown are dropped', async () => {
    connection.openCell(0, 7);
    connection.sendView(view);
    connection.openVolume(0, 7, 0);
    last().sent.length = 0;
    connection.sendView(view);
    expect(last().sent).toEqual([]);
    connection.sendView(plane);
    connection.openCell(0, 7);
    connection.sendView(plane);
    connection.sendEdit(edit(1, 1));
    expect(last().types).toEqual(['plane', 'open']);
    await reconnected();
    expect(last().types).toEqual(['hello', 'open']);
  });
});

describe('questions', () => {
  beforeEach(() => {
    connection.openVolume(0, 7, 0);
    last().sent.length = 0;
  });

  it('are answered by their number, whatever the order', async () => {
    const one = connection.ask(0, pick, 'one');
    const other = connection.ask(0, pick, 'other');
    const [first, second] = last().sent.map((message) => message['question']);
    last().say(picked(second, 2));
    last().say(picked(first, 1));
    expect([await one, await other].map((answer) => (answer as { p_lps_mm: number[] }).p_lps_mm[0])).toEqual([1, 2]);
  });

  it('of one asker: one is on its way, the newest follows, those between are superseded', async () => {
    const asked = [1, 2, 3].map((x) => connection.ask(0, { kind: 'pick', x_px: x, y_px: 0 }, 'ruler'));
    const codes = asked.map(fault);
    expect(last().sent.map((message) => (message['what'] as { x_px: number }).x_px)).toEqual([1]);
    last().say(picked(last().sent[0]?.['question'], 1));
    expect(last().sent.map((message) => (message['what'] as { x_px: number }).x_px)).toEqual([1, 3]);
    last().say(picked(last().sent[1]?.['question'], 3));
    expect(await Promise.all(codes)).toEqual(['answered', 'superseded', 'answered']);
  });

  it('are refused in the words of the server', async () => {
    const asked = connection.ask(0, pick);
    last().say({ type: 'ask_error', cell: 0, question: last().sent[0]?.['question'], code: 'outside', message: 'Outside of the volume.' });
    await expect(asked).rejects.toMatchObject({ code: 'outside', message: 'Outside of the volume.' });
  });

  it('are told how far a long answer is', async () => {
    const stored: number[] = [];
    const asked = connection.ask(0, pick, 'make', (making) => stored.push(making.stored));
    const question = last().sent[0]?.['question'];
    last().say({ type: 'making', cell: 0, question, stored: 3, total: 9 });
    last().say({ type: 'made', cell: 0, question, series_id: 12 });
    expect(await asked).toMatchObject({ type: 'made', series_id: 12 });
    expect(stored).toEqual([3]);
  });

  it('are lost with the connection, and cannot be asked without one', async () => {
    const waiting = [fault(connection.ask(0, pick, 'a')), fault(connection.ask(0, pick, 'a'))];
    last().drop(1006);
    expect(await Promise.all(waiting)).toEqual(['lost', 'lost']);
    expect(await fault(connection.ask(0, pick))).toBe('lost');
  });

  it('are gone when the cell shows something else, and only those of that cell', async () => {
    connection.openVolume(1, 7, 0);
    const here = fault(connection.ask(0, pick));
    const there = connection.ask(1, pick);
    connection.openCell(0, 8);
    expect(await here).toBe('gone');
    last().say(picked(last().sent.findLast((message) => message['type'] === 'ask')?.['question'], 5, 1));
    expect(await there).toMatchObject({ p_lps_mm: [5, 0, 0] });
    connection.closeCell(0);
    expect(await fault(connection.ask(0, pick))).toBe('gone');
  });

  it('an answer that nobody waits for, or of another cell, is nobody else’s', async () => {
    const asked = connection.ask(0, pick);
    const question = last().sent[0]?.['question'] as number;
    last().say(picked(question + 1, 9));
    last().say(picked(question, 9, 1));
    last().say(picked(question, 4));
    expect(await asked).toMatchObject({ p_lps_mm: [4, 0, 0] });
  });
});
