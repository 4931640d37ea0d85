import { beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from '../../shared/api/errors';
import type { View } from '../../shared/protocol/messages';
import { FakeClock, FakeSocket, packedFrame, settle } from '../testing/fakes';
import { type ConnectionState, RenderConnection } from './connection';

const view = (revision: number): View => ({ type: 'view', cell: 0, revision, width_px: 512, height_px: 512 });

let clock: FakeClock;
let sockets: FakeSocket[];
let states: ConnectionState[];
let frames: number[];
let messages: string[];
let tickets: (() => Promise<string>)[];
let replay: () => void;
/** What the page does with each picture and message. */
let handle: () => void;
let connection: RenderConnection;

const last = (): FakeSocket => sockets[sockets.length - 1] as FakeSocket;
const state = (): ConnectionState => states[states.length - 1] as ConnectionState;

beforeEach(() => {
  clock = new FakeClock();
  sockets = [];
  states = [];
  frames = [];
  messages = [];
  tickets = [];
  replay = () => undefined;
  handle = () => undefined;
  let count = 0;
  connection = new RenderConnection({
    fetchTicket: () => {
      count += 1;
      return tickets.shift()?.() ?? Promise.resolve(`ticket-${count}`);
    },
    createSocket: (ticket) => {
      const socket = new FakeSocket(ticket);
      sockets.push(socket);
      return socket;
    },
    clock,
    onState: (next) => states.push(next),
    onMessage: (message) => {
      handle();
      messages.push(message.type);
    },
    onFrame: (frame) => {
      handle();
      frames.push(frame.revision);
    },
    onReplay: () => replay(),
  });
});

async function opened(): Promise<void> {
  connection.start();
  connection.openCell(0, 7);
  connection.sendView(view(1));
  await settle();
  last().welcome();
}

describe('opening', () => {
  it('sends hello, open and view at once, before the welcome', async () => {
    connection.start();
    connection.openCell(0, 7);
    connection.sendView(view(1));
    await settle();
    last().onopen?.(undefined as never);
    expect(last().ticket).toBe('ticket-1');
    expect(last().sent.map((one) => one['type'])).toEqual(['hello', 'open', 'view']);
    expect(last().sent[0]).toEqual({ type: 'hello', version: 1 });
    expect(last().sent[1]).toEqual({ type: 'open', cell: 0, series_id: 7 });
  });

  it('is open after the welcome and hands pictures on', async () => {
    await opened();
    expect(state()).toEqual({ kind: 'open' });
    last().bytes(packedFrame({ revision: 1, sequence: 1 }));
    last().say({ type: 'progress', cell: 0, loaded: 3, total: 9 });
    expect(frames).toEqual([1]);
    expect(messages).toEqual(['welcome', 'progress']);
  });

  it('acknowledges only by the socket that the picture came by', async () => {
    await opened();
    const before = connection.generation;
    connection.acknowledge(4, before);
    expect(last().sent.at(-1)).toEqual({ type: 'ack', sequence: 4 });
    last().drop(1006);
    await clock.pass(500);
    last().welcome();
    connection.acknowledge(5, before);
    expect(last().types).not.toContain('ack');
  });

  it('answers a ping and sends one of its own every 20 s', async () => {
    await opened();
    last().say({ type: 'ping' });
    expect(last().sent.at(-1)).toEqual({ type: 'pong' });
    await clock.pass(20_000);
    expect(last().sent.at(-1)).toEqual({ type: 'ping' });
  });
});

describe('after a loss', () => {
  it('waits 0.5, 1, 2, 4, 8 and again 8 seconds', async () => {
    await opened();
    last().drop(1006);
    for (const [index, wait] of [500, 1000, 2000, 4000, 8000, 8000].entries()) {
      expect(state()).toMatchObject({ kind: 'lost', retryAt: clock.now() + wait });
      await clock.pass(wait - 1);
      expect(sockets).toHaveLength(index + 1);
      await clock.pass(1);
      expect(sockets).toHaveLength(index + 2);
      last().drop(1006);
    }
  });

  it('sends every cell again, the newest view of each', async () => {
    await opened();
    connection.openCell(2, 9);
    connection.sendView(view(2));
    connection.sendView(view(3));
    last().drop(1006);
    connection.sendView(view(4)); // the doctor goes on meanwhile
    await clock.pass(500);
    last().welcome();
    expect(last().sent).toEqual([
      { type: 'hello', version: 1 },
      { type: 'open', cell: 0, series_id: 7 },
      view(4),
      { type: 'open', cell: 2, series_id: 9 },
    ]);
    expect(state()).toEqual({ kind: 'open' });
  });

  it('sends the fresh revision that the replay makes, once', async () => {
    await opened();
    replay = () => connection.sendView(view(8));
    last().drop(1006);
    await clock.pass(500);
    last().welcome();
    expect(last().sent.filter((one) => one['type'] === 'view')).toEqual([view(8)]);
  });

  it('does not bring back what was closed', async () => {
    await opened();
    connection.closeCell(0);
    last().drop(1006);
    await clock.pass(500);
    last().welcome();
    expect(last().types).toEqual(['hello']);
  });

  it('tries now when the doctor asks, and when the network is back', async () => {
    await opened();
    last().drop(1006);
    await clock.pass(500);
    last().drop(1006);
    connection.tryNow();
    await settle();
    expect(sockets).toHaveLength(3);
    last().drop(1006);
    connection.online();
    await settle();
    expect(sockets).toHaveLength(4);
    connection.tryNow(); // a try is under way
    await settle();
    expect(sockets).toHaveLength(4);
  });

  it('counts from the first loss, over all tries', async () => {
    await opened();
    await clock.pass(1000);
    last().drop(1006);
    await clock.pass(500);
    last().drop(1006);
    expect(state()).toMatchObject({ kind: 'lost', since: 1000 });
  });

  it.each([1001, 4503])('goes to another node at once after %s', async (code) => {
    await opened();
    last().drop(code);
    expect(state()).toMatchObject({ kind: 'moving' });
    await clock.pass(0);
    expect(sockets).toHaveLength(2);
    // no node is there yet: then with patience, still as a move
    last().drop(4503);
    expect(state()).toMatchObject({ kind: 'moving' });
    await clock.pass(499);
    expect(sockets).toHaveLength(2);
    await clock.pass(1);
    expect(sockets).toHaveLength(3);
    last().welcome();
    expect(state()).toEqual({ kind: 'open' });
  });

  it('calls a move that does not end a lost connection', async () => {
    await opened();
    last().drop(4503);
    for (let turn = 0; turn < 11; turn += 1) {
      expect(state().kind).toBe('moving');
      await clock.pass(1000);
      last().drop(4503);
    }
    expect(state().kind).toBe('lost');
  });

  it('tries again when no ticket can be had', async () => {
    await opened();
    tickets = [() => Promise.reject(new ApiError(0, 'no_answer', ''))];
    last().drop(1006);
    await clock.pass(500);
    expect(sockets).toHaveLength(1);
    expect(state()).toMatchObject({ kind: 'lost', retryAt: 1500 });
    await clock.pass(1000);
    expect(sockets).toHaveLength(2);
  });

  it('takes a long silence for a loss', async () => {
    await opened();
    const silent = last();
    await clock.pass(45_000);
    expect(state().kind).toBe('lost');
    expect(silent.closedWith).toBe(1000);
  });

  it('asks the line when the browser says that the network is gone', async () => {
    await opened();
    connection.probe();
    expect(last().sent.at(-1)).toEqual({ type: 'ping' });
    await clock.pass(2000);
    last().say({ type: 'pong' });
    await clock.pass(2000);
    expect(state()).toEqual({ kind: 'open' });
    connection.probe();
    await clock.pass(3000);
    expect(state().kind).toBe('lost');
  });
});

describe('a server that lacks a part', () => {
  const lacking = (code: string) => (): Promise<string> => Promise.reject(new ApiError(503, code, ''));

  it('without any render node is neither a move nor a lost connection, and is asked every 2 s', async () => {
    await opened();
    tickets = [lacking('no_render_node'), lacking('no_render_node')];
    last().drop(4503);
    await clock.pass(0);
    expect(state()).toEqual({ kind: 'away', since: 0, retryAt: 2000, code: 'no_render_node' });
    await clock.pass(2000);
    expect(state()).toEqual({ kind: 'away', since: 0, retryAt: 4000, code: 'no_render_node' });
    await clock.pass(2000);
    last().welcome();
    expect(states.map((one) => one.kind)).toEqual(['open', 'moving', 'away', 'away', 'open']);
  });

  it('when a study is opened is said too', async () => {
    tickets = [lacking('unavailable')];
    connection.start();
    await settle();
    expect(state()).toMatchObject({ kind: 'away', code: 'unavailable' });
  });

  it('for a moment, while a lost node is replaced, is still a move', async () => {
    await opened();
    tickets = [lacking('unavailable')];
    last().drop(4503);
    await clock.pass(0);
    expect(state().kind).toBe('moving');
  });

  it('is asked at once when the doctor wishes', async () => {
    tickets = [lacking('no_render_node')];
    connection.start();
    await settle();
    connection.tryNow();
    await settle();
    expect(sockets).toHaveLength(1);
  });
});

describe('a server that asks to come later', () => {
  it('is waited for as long as it says, without a word of a lost connection', async () => {
    tickets = [() => Promise.reject(new ApiError(429, 'too_many', '', {}, null, 7))];
    connection.start();
    connection.openCell(0, 7);
    await settle();
    expect(state()).toEqual({ kind: 'busy', since: 0, retryAt: 7000 });
    await clock.pass(6999);
    expect(sockets).toHaveLength(0);
    await clock.pass(1);
    expect(sockets).toHaveLength(1);
    last().welcome();
    expect(states.map((one) => one.kind)).toEqual(['busy', 'open']);
  });

  it('that does not say when is asked every 5 s', async () => {
    const refused = (): Promise<string> => Promise.reject(new ApiError(429, 'too_many', ''));
    tickets = [refused, refused];
    connection.start();
    await settle();
    expect(state()).toEqual({ kind: 'busy', since: 0, retryAt: 5000 });
    await clock.pass(5000);
    expect(state()).toEqual({ kind: 'busy', since: 0, retryAt: 10_000 });
    await clock.pass(5000);
    expect(sockets).toHaveLength(1);
  });

  it('refuses a page that sends too many messages, says so, and is asked again after 5 s', async () => {
    await opened();
    last().drop(4429, 'too_many_messages: This browser tab sends more messages than the server takes of one user.');
    expect(state()).toEqual({ kind: 'busy', since: 0, retryAt: 5000, code: 'too_many_messages' });
    await clock.pass(5000);
    last().welcome();
    expect(state()).toEqual({ kind: 'open' });
  });

  it('takes the seat of a stream that was idle: that is a lost connection', async () => {
    await opened();
    last().drop(4429, 'At most 16 viewers of one user; this one was idle longest.');
    expect(state().kind).toBe('lost');
  });

  it('is not asked earlier by a network that comes back or by a page that is shown', async () => {
    tickets = [() => Promise.reject(new ApiError(429, 'too_many', '', {}, null, 7))];
    connection.start();
    await settle();
    connection.online();
    connection.tryNow();
    await clock.pass(6000);
    expect(sockets).toHaveLength(0);
  });
});

describe('a study that nobody looks at', () => {
  it('connects only when it is shown', async () => {
    connection.setWatched(false);
    connection.start();
    await clock.pass(60_000);
    expect(sockets).toHaveLength(0);
    connection.setWatched(true);
    await settle();
    expect(sockets).toHaveLength(1);
  });

  it('keeps its connection, and after a loss waits until it is shown again', async () => {
    await opened();
    connection.setWatched(false);
    expect(last().closedWith).toBeNull();
    last().drop(1006);
    await clock.pass(60_000);
    expect(sockets).toHaveLength(1);
    connection.setWatched(true);
    await settle();
    expect(sockets).toHaveLength(2);
    last().welcome();
    expect(state()).toEqual({ kind: 'open' });
  });
});

describe('what trying again cannot help', () => {
  it('is a session that ended', async () => {
    await opened();
    last().drop(4401);
    expect(state()).toEqual({ kind: 'ended' });
    await clock.pass(60_000);
    expect(sockets).toHaveLength(1);
  });

  it('is a session that ended while away', async () => {
    await opened();
    tickets = [() => Promise.reject(new ApiError(401, 'not_signed_in', ''))];
    last().drop(1006);
    await clock.pass(500);
    expect(state()).toEqual({ kind: 'ended' });
  });

  it.each([
    [4400, 'contract'],
    [4403, 'forbidden'],
  ])('is close code %s', async (code, reason) => {
    await opened();
    last().drop(code);
    expect(state()).toEqual({ kind: 'failed', reason });
    await clock.pass(60_000);
    expect(sockets).toHaveLength(1);
  });

  it('is a server that breaks the contract', async () => {
    await opened();
    last().say({ type: 'progress', cell: 0, loaded: 'many', total: 9 });
    expect(state()).toEqual({ kind: 'failed', reason: 'contract' });
    expect(last().closedWith).toBe(4400);
  });

  it('is a picture that breaks the contract', async () => {
    await opened();
    last().bytes(new ArrayBuffer(3));
    expect(state()).toEqual({ kind: 'failed', reason: 'contract' });
    expect(frames).toEqual([]);
  });

  it('is not a fault of the page itself: that is thrown on, and the stream goes on', async () => {
    await opened();
    handle = () => {
      throw new TypeError('a fault of the page');
    };
    expect(() => last().bytes(packedFrame({ revision: 1, sequence: 1 }))).toThrow('a fault of the page');
    expect(() => last().say({ type: 'progress', cell: 0, loaded: 3, total: 9 })).toThrow('a fault of the page');
    expect(state()).toEqual({ kind: 'open' });
    handle = () => undefined;
    last().bytes(packedFrame({ revision: 2, sequence: 2 }));
    expect(frames).toEqual([2]);
  });
});

it('stays away after it was stopped', async () => {
  await opened();
  const socket = last();
  connection.stop();
  expect(socket.closedWith).toBe(1000);
  await clock.pass(60_000);
  expect(sockets).toHaveLength(1);
});
