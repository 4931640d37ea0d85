import { beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from '../../shared/api/errors';
import { FakeClock, FakeSocket, settle } from '../testing/fakes';
import { type ConnectionState, RenderConnection, SILENCE_MS } from './connection';
import { AGAIN_MS, NEXT_MS, SpareStream } from './spare';

let clock: FakeClock;
let sockets: FakeSocket[];
let refused: boolean;
let tickets: number;
let spare: SpareStream;
let states: ConnectionState[];

const last = (): FakeSocket => sockets[sockets.length - 1] as FakeSocket;
const fetchTicket = (): Promise<string> => {
  tickets += 1;
  return refused ? Promise.reject(new ApiError(429, 'too_many', '')) : Promise.resolve(`ticket-${tickets}`);
};
const createSocket = (ticket: string): FakeSocket => {
  const socket = new FakeSocket(ticket);
  sockets.push(socket);
  return socket;
};

function viewer(): RenderConnection {
  return new RenderConnection({
    fetchTicket,
    createSocket,
    takeSpare: () => spare.take(),
    clock,
    onState: (state) => states.push(state),
    onMessage: () => undefined,
    onFrame: () => undefined,
    onReplay: () => undefined,
  });
}

beforeEach(() => {
  clock = new FakeClock();
  sockets = [];
  states = [];
  tickets = 0;
  refused = false;
  spare = new SpareStream({ fetchTicket, createSocket, clock });
});

async function connected(): Promise<FakeSocket> {
  void spare.want();
  await settle();
  last().welcome();
  return last();
}

describe('a stream connected ahead', () => {
  it('greets, answers pings, and is made once however often it is wanted', async () => {
    const socket = await connected();
    await spare.want();
    socket.say({ type: 'ping' });
    expect(sockets).toHaveLength(1);
    expect(socket.sent).toEqual([{ type: 'hello', version: 1 }, { type: 'pong' }]);
  });

  it('goes to the next viewer, which opens its series at once and greets no second time', async () => {
    const socket = await connected();
    const connection = viewer();
    connection.start();
    connection.openCell(0, 7);
    expect(socket.sent.slice(1)).toEqual([{ type: 'ping' }, { type: 'open', cell: 0, series_id: 7 }]);
    expect(states).toEqual([{ kind: 'open' }]);
    expect(spare.take()).toBeNull();
    await spare.want();
    expect(tickets).toBe(1);
    await clock.pass(NEXT_MS);
    await connected();
    expect(tickets).toBe(2);
  });

  it('is not waited for for long where the line has died unnoticed', async () => {
    const socket = await connected();
    const connection = viewer();
    connection.start();
    connection.openCell(0, 7);
    await clock.pass(3_600);
    expect(socket.closedWith).toBe(1000);
    last().welcome();
    expect(last()).not.toBe(socket);
    expect(last().sent).toEqual([{ type: 'hello', version: 1 }, { type: 'open', cell: 0, series_id: 7 }]);
  });

  it('is given up after a silence, and a viewer connects by itself', async () => {
    await connected();
    await clock.pass(SILENCE_MS);
    viewer().start();
    await settle();
    expect(tickets).toBe(2);
  });

  it('is not asked for again at once after a refusal, and says nothing of it', async () => {
    refused = true;
    await spare.want();
    await spare.want();
    expect(tickets).toBe(1);
    refused = false;
    await clock.pass(AGAIN_MS);
    await connected();
    expect(spare.take()).not.toBeNull();
  });

  it('is closed when it is not wanted any more, also while its ticket is on the way', async () => {
    const socket = await connected();
    spare.release();
    expect(socket.closedWith).toBe(1000);
    await clock.pass(AGAIN_MS);
    void spare.want();
    spare.release();
    await settle();
    expect(sockets).toHaveLength(1);
  });
});
