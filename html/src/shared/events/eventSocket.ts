/** The socket on which the server tells what happens (`/eventQueue`): keeps itself alive, comes back by itself. */

import { ApiError, createWebSocket, fetchTicket } from '../api/client';
import { session } from '../session/store';

/** Both sides say something every 20 s, because a proxy cuts a socket that is silent for 60 s. */
const pingEveryMs = 20_000;
const silenceMs = 50_000;
const firstDelayMs = 1_000;
const longestDelayMs = 30_000;

export type EventListener = (event: Record<string, unknown>) => void;

export interface ConnectionState {
  connected: boolean;
  /** When the next try is due, in ms of `Date.now()`; null while connected or trying. */
  retryAt: number | null;
  /** The server is there and asks to wait (429): nothing is lost, and nobody needs to be told. */
  isAskedToWait: boolean;
}

/** How long to wait before try number n (from 0): doubling, with a spread so that a ward does not come back in one stroke. */
export function retryDelayMs(attempt: number, random: number): number {
  const full = Math.min(firstDelayMs * 2 ** attempt, longestDelayMs);
  return Math.round(full * (0.75 + 0.5 * random));
}

export class EventSocket {
  #socket: WebSocket | null = null;
  #stopped = true;
  #attempt = 0;
  #lastHeard = 0;
  #retry: number | undefined;
  #beat: number | undefined;
  #abort: AbortController | null = null;
  #mayHaveMissed = false;
  #state: ConnectionState = { connected: false, retryAt: null, isAskedToWait: false };
  readonly #events = new Set<EventListener>();
  readonly #states = new Set<() => void>();

  readonly getState = (): ConnectionState => this.#state;

  readonly onState = (listener: () => void): (() => void) => {
    this.#states.add(listener);
    return () => this.#states.delete(listener);
  };

  /** Every event of the server; `{"type": "resync"}` after a gap in which some may have been missed. */
  readonly onEvent = (listener: EventListener): (() => void) => {
    this.#events.add(listener);
    return () => this.#events.delete(listener);
  };

  readonly start = (): void => {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#attempt = 0;
    window.addEventListener('online', this.retryNow);
    void this.#connect();
  };

  readonly stop = (): void => {
    this.#stopped = true;
    window.removeEventListener('online', this.retryNow);
    window.clearTimeout(this.#retry);
    window.clearInterval(this.#beat);
    this.#abort?.abort();
    this.#socket?.close(1000);
    this.#socket = null;
    this.#mayHaveMissed = false;
    this.#set({ connected: false, retryAt: null, isAskedToWait: false });
  };

  readonly retryNow = (): void => {
    if (this.#stopped || this.#state.retryAt === null) return;
    window.clearTimeout(this.#retry);
    void this.#connect();
  };

  async #connect(): Promise<void> {
    this.#set({ ...this.#state, connected: false, retryAt: null });
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    let ticket: string;
    try {
      ticket = await fetchTicket('events', signal);
    } catch (error) {
      if (signal.aborted || this.#stopped) return;
      if (error instanceof ApiError && error.status === 401) return; // the session has ended, and the page says so
      const limited = error instanceof ApiError && error.status === 429;
      this.#wait(limited ? (error.retryAfterS ?? 1) * 1000 : 0, limited);
      return;
    }
    if (this.#stopped) return;
    const socket = createWebSocket('/eventQueue', ticket);
    this.#socket = socket;
    socket.onopen = () => {
      this.#lastHeard = Date.now();
      this.#attempt = 0;
      this.#beat = window.setInterval(() => this.#keepAlive(socket), pingEveryMs);
      this.#set({ connected: true, retryAt: null, isAskedToWait: false });
      if (this.#mayHaveMissed) this.#tell({ type: 'resync' });
      this.#mayHaveMissed = true;
    };
    socket.onmessage = (message: MessageEvent) => this.#hear(socket, message.data);
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      window.clearInterval(this.#beat);
      if (!this.#stopped) this.#wait();
    };
  }

  #hear(socket: WebSocket, data: unknown): void {
    this.#lastHeard = Date.now();
    if (typeof data !== 'string') return;
    let event: Record<string, unknown>;
    try {
      event = JSON.parse(data) as Record<string, unknown>;
    } catch {
      return; // not ours
    }
    if (event['type'] === 'ping') socket.send('{"type":"pong"}');
    else if (event['type'] === 'session_ended') {
      session.end(typeof event['reason'] === 'string' ? event['reason'] : null);
      this.stop();
    } else if (event['type'] !== 'pong') this.#tell(event);
  }

  #keepAlive(socket: WebSocket): void {
    if (Date.now() - this.#lastHeard > silenceMs) socket.close();
    else if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"ping"}');
  }

  #wait(atLeastMs = 0, isAskedToWait = false): void {
    // The spread comes on top of what the server says, so that many tabs do not come back in one stroke.
    const delay = atLeastMs + retryDelayMs(this.#attempt, Math.random());
    this.#attempt += 1;
    this.#mayHaveMissed = true;
    this.#retry = window.setTimeout(() => void this.#connect(), delay);
    this.#set({ connected: false, retryAt: Date.now() + delay, isAskedToWait });
  }

  #tell(event: Record<string, unknown>): void {
    for (const listener of [...this.#events]) listener(event);
  }

  #set(state: ConnectionState): void {
    this.#state = state;
    for (const listener of [...this.#states]) listener();
  }
}

export const eventSocket = new EventSocket();
