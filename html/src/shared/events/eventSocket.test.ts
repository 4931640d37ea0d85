import { afterEach, describe, expect, it, vi } from 'vitest';
import { EventSocket, retryDelayMs } from './eventSocket';

describe('coming back after a lost connection', () => {
  it('waits twice as long each time, at most half a minute', () => {
    expect([0, 1, 2, 3, 10].map((attempt) => retryDelayMs(attempt, 0.5))).toEqual([1000, 2000, 4000, 8000, 30_000]);
  });

  it('spreads the tries of a whole ward', () => {
    expect([retryDelayMs(0, 0), retryDelayMs(0, 1)]).toEqual([750, 1250]);
  });
});

describe('a server that asks to wait', () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('is waited for as long as it says, and is no lost connection', async () => {
    const body = JSON.stringify({ error: { code: 'limit_exceeded', message: '' } });
    vi.stubGlobal('fetch', vi.fn(async () => new Response(body, { status: 429, headers: { 'Retry-After': '7' } })));
    const socket = new EventSocket();
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
    socket.start();
    await vi.waitFor(() => expect(socket.getState().isAskedToWait).toBe(true));
    expect(socket.getState().retryAt).toBeGreaterThanOrEqual(1_007_000);
    expect(vi.mocked(fetch)).toHaveBeenCalledTimes(1);
    socket.stop();
  });

  it('is told from one that does not answer', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => new Response('', { status: 503 })));
    const socket = new EventSocket();
    socket.start();
    await vi.waitFor(() => expect(socket.getState().retryAt).not.toBeNull());
    expect(socket.getState()).toMatchObject({ connected: false, isAskedToWait: false });
    socket.stop();
  });
});
