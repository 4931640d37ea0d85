import { describe, expect, it, vi } from 'vitest';
import { eventSocket, type EventListener } from '../../shared/events/eventSocket';
import { FakeClock, FakeSocket } from '../testing/fakes';
import { ViewerController } from './viewer';

async function viewing(): Promise<{ clock: FakeClock; sockets: FakeSocket[]; viewer: ViewerController; tell: (event: Record<string, unknown>) => void }> {
  const listeners: EventListener[] = [];
  vi.spyOn(eventSocket, 'onEvent').mockImplementation((listener) => {
    listeners.push(listener);
    return () => undefined;
  });
  const clock = new FakeClock();
  const sockets: FakeSocket[] = [];
  const viewer = new ViewerController({
    clock,
    fetchTicket: () => Promise.resolve('ticket'),
    createSocket: (ticket) => {
      const socket = new FakeSocket(ticket);
      sockets.push(socket);
      return socket;
    },
    onFrame: (run) => run(),
    decode: () => Promise.reject(new Error('no pictures here')),
  });
  viewer.start();
  await clock.pass(0);
  sockets[0]?.welcome();
  return { clock, sockets, viewer, tell: (event) => listeners.forEach((listener) => listener(event)) };
}

describe('a render node that fell silent', () => {
  it('is left when it does not answer the question', async () => {
    const { clock, sockets, tell } = await viewing();
    tell({ type: 'render_node_lost' });
    expect(sockets[0]?.sent.at(-1)).toEqual({ type: 'ping' });
    await clock.pass(4_000);
    expect(sockets[0]?.closedWith).not.toBeNull();
    expect(sockets).toHaveLength(2);
  });

  it('is kept when it was another one', async () => {
    const { clock, sockets, tell } = await viewing();
    tell({ type: 'render_node_lost' });
    sockets[0]?.say({ type: 'pong' });
    await clock.pass(10_000);
    expect(sockets).toHaveLength(1);
    expect(sockets[0]?.closedWith).toBeNull();
  });

  it('is not asked for other events', async () => {
    const { sockets, tell } = await viewing();
    tell({ type: 'study_changed' });
    expect(sockets[0]?.sent.at(-1)).not.toEqual({ type: 'ping' });
  });
});

describe('the pages of a study', () => {
  it('hold at the server only what the one that is shown needs', async () => {
    const { sockets, viewer } = await viewing();
    const server = sockets[0] as FakeSocket;
    viewer.cell(0).resize({ widthPx: 400, heightPx: 300, perCss: 1, deviceRatio: 1 });
    viewer.show(0, 7);
    viewer.setMode('mpr');
    viewer.volumeCell(0).open(7, 0);
    viewer.show(0, 8); // nobody looks at images now
    expect(server.types.slice(1)).toEqual(['open', 'view', 'close', 'open_volume']);
    viewer.setLayout({ rows: 1, columns: 2 });
    viewer.setMode('image');
    viewer.cell(0).resize({ widthPx: 400, heightPx: 300, perCss: 1, deviceRatio: 1 });
    expect(server.sent.slice(5).map(({ type, series_id }) => [type, series_id])).toEqual([
      ['close', undefined],
      ['open', 8],
      ['view', undefined],
    ]);
  });
});
