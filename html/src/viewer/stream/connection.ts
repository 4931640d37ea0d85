/**
 * The stream of pictures from the render node: ticket, socket, pings, and coming back after a loss.
 *
 * The server keeps nothing that the browser does not hold too, so a new socket is told again what every cell shows and
 * the same pictures return. No React here; time and sockets come from outside.
 */

import { ApiError } from '../../shared/api/errors';
import { decodeFrame, type Frame } from '../../shared/protocol/frame';
import {
  type CameraView,
  type ClientMessage,
  CloseCode,
  type Edit,
  type Making,
  type PlaneView,
  PROTOCOL_VERSION,
  type ServerMessage,
  type View,
} from '../../shared/protocol/messages';
import { parseServerMessage } from '../../shared/protocol/validate';
import type { Clock } from './clock';
import { type Answer, type Question, Questions, unanswered } from './questions';
import { Wishes } from './wishes';

/** The part of a WebSocket that is used here. */
export interface Socket {
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason?: string }) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export type Failure = 'contract' | 'forbidden';

export type ConnectionState =
  /** First connection under way, nothing lost yet. */
  | { kind: 'connecting' }
  | { kind: 'open' }
  /** The connection broke; `retryAt` in the clock's time, null while a try is under way. */
  | { kind: 'lost'; since: number; retryAt: number | null; offline: boolean }
  /** The render node leaves or is gone; another takes over. */
  | { kind: 'moving'; since: number }
  /** The server asks to come later (429): nothing is broken, and it is tried again by itself at `retryAt`; `code` says why. */
  | { kind: 'busy'; since: number; retryAt: number; code?: string }
  /** The server answers, but a part of it that is needed is away (502-504): `code` names it. */
  | { kind: 'away'; since: number; retryAt: number; code: string }
  /** The session is over. */
  | { kind: 'ended' }
  /** Trying again cannot help. */
  | { kind: 'failed'; reason: Failure };

/** What is told of cells; answers go to who asked. */
export type CellMessage = Exclude<ServerMessage, { type: 'ping' | 'pong' | 'measured' | 'picked' | 'making' | 'made' | 'ask_error' }>;

export interface ConnectionDependencies {
  fetchTicket: () => Promise<string>;
  createSocket: (ticket: string) => Socket;
  /** A socket that has been welcomed ahead, if there is one. */
  takeSpare?: () => Socket | null;
  clock: Clock;
  onState: (state: ConnectionState) => void;
  onMessage: (message: CellMessage) => void;
  onFrame: (frame: Frame) => void;
  /** Called just before the views are sent again; may hand out fresh revisions by `sendView`. */
  onReplay: () => void;
  isOffline?: () => boolean;
}

export const BACK_OFF_MS = [500, 1000, 2000, 4000, 8000] as const;
export const PING_EVERY_MS = 20_000;
/** With a ping each way every 20 s, so much silence means a dead line. */
export const SILENCE_MS = 45_000;
export const WELCOME_WITHIN_MS = 10_000;
/** A part of the server that is away is looked for so often. */
export const AWAY_MS = 2000;
/** How long to stay away where a 429 does not say it, and at most. */
export const BUSY_MS = 5_000;
const BUSY_AT_MOST_MS = 120_000;
const OFFLINE_ANSWER_MS = 3_000;
/** So many tries of a node change before it is called a lost connection; it takes seconds, so they stay close together. */
const MOVING_TRIES = 10;
const MOVING_WAIT_MS = 1000;

/** Code of the sentence in the close reason of a stream that sent too many messages. */
const FLOOD = 'too_many_messages';
/** No render node is in service at all: nothing to move to. */
const NO_NODE = 'no_render_node';

export class RenderConnection {
  readonly #deps: ConnectionDependencies;
  readonly #wishes = new Wishes();
  readonly #questions = new Questions((ask) => this.#post(ask));
  #state: ConnectionState = { kind: 'connecting' };
  #socket: Socket | null = null;
  /** The socket may take messages: it is open, the hello went first. */
  #ready = false;
  #everOpen = false;
  #failures = 0;
  /** Once per loss a leaving node is answered by a try without waiting. */
  #wentAtOnce = false;
  /** Somebody looks: only then a broken connection is made anew. */
  #watched = true;
  #waitsForEyes = false;
  #generation = 0;
  #retryTimer: number | null = null;
  #pingTimer: number | null = null;
  #watchdog: number | null = null;

  constructor(deps: ConnectionDependencies) {
    this.#deps = deps;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  start(): void {
    if (this.#socket === null && this.#retryTimer === null) this.#tryWhenSeen();
  }

  /** Whether the study is on the screen. A hidden one keeps the connection it has, but does not ask for another. */
  setWatched(watched: boolean): void {
    this.#watched = watched;
    if (!watched || !this.#waitsForEyes) return;
    this.#waitsForEyes = false;
    this.#failures = 0;
    void this.#connect();
  }

  #tryWhenSeen(): void {
    if (this.#watched) void this.#connect();
    else this.#waitsForEyes = true;
  }

  /** Leaves for good. */
  stop(): void {
    this.#generation += 1;
    this.#waitsForEyes = false;
    this.#dropSocket(1000);
    this.#clear('retry');
  }

  /** Connects at once instead of waiting for the next try. */
  tryNow(): void {
    if (this.#state.kind !== 'lost' && this.#state.kind !== 'moving' && this.#state.kind !== 'away') return;
    if (this.#retryTimer === null) return; // a try is under way
    this.#clear('retry');
    void this.#connect();
  }

  /** The browser says that the network is back. */
  online(): void {
    if (this.#state.kind === 'lost') this.#failures = 0;
    this.tryNow();
  }

  /** Somebody says that the network or the node is gone: ask for a sign of life instead of waiting for a long silence. */
  probe(): void {
    if (!this.#ready) return;
    this.#post({ type: 'ping' });
    this.#watch(OFFLINE_ANSWER_MS);
  }

  /** Shows a series in a cell; again for the same series after images were added. */
  openCell(cell: number, seriesId: number): void {
    if (this.#wishes.openSeries(cell, seriesId)) this.#questions.drop('gone', cell);
    this.#post({ type: 'open', cell, series_id: seriesId });
  }

  /** Shows a volume of a series in a cell. Opened again it keeps its edits and its view, which are sent again. */
  openVolume(cell: number, seriesId: number, volume: number): void {
    this.#questions.drop('gone', cell);
    this.#wishes.openVolume(cell, seriesId, volume);
    for (const message of this.#wishes.replayOf(cell)) this.#post(message);
  }

  /** The whole wish of a cell; one for what the cell does not show is dropped. */
  sendView(view: View | PlaneView | CameraView): void {
    if (this.#wishes.see(view)) this.#post(view);
  }

  /** An edit of a cell's volume; one with a number that was there replaces it and those after it. */
  sendEdit(edit: Edit): void {
    if (this.#wishes.edit(edit)) this.#post(edit);
  }

  /**
   * Asks about what a cell shows.
   *
   * @param key tells askers apart: the newest question of one is answered, older ones are rejected as superseded
   * @throws AskFault (as rejection) `lost` and `gone` want to be asked again, else the server's code and words
   */
  ask(cell: number, what: Question, key = '', onProgress?: (making: Making) => void): Promise<Answer> {
    if (!this.#ready) return unanswered('lost');
    if (!this.#wishes.has(cell)) return unanswered('gone');
    return this.#questions.ask(cell, what, key, onProgress);
  }

  closeCell(cell: number): void {
    this.#questions.drop('gone', cell);
    if (this.#wishes.close(cell)) this.#post({ type: 'close', cell });
  }

  /** The picture is painted, or will never be. */
  acknowledge(sequence: number, generation: number): void {
    if (generation === this.#generation) this.#post({ type: 'ack', sequence });
  }

  /** Tells the sockets apart: a sequence belongs to the one it came by. */
  get generation(): number {
    return this.#generation;
  }

  async #connect(): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    const spare = this.#everOpen || this.#failures > 0 ? null : (this.#deps.takeSpare?.() ?? null);
    if (spare !== null) {
      this.#adopt(spare, generation);
      return;
    }
    if (this.#state.kind === 'lost') this.#set({ ...this.#state, retryAt: null });
    let ticket: string;
    try {
      ticket = await this.#deps.fetchTicket();
    } catch (error) {
      if (generation !== this.#generation) return;
      if (error instanceof ApiError && error.status === 401) this.#set({ kind: 'ended' });
      else if (error instanceof ApiError && error.status === 403) this.#set({ kind: 'failed', reason: 'forbidden' });
      else if (error instanceof ApiError && error.status === 429) this.#waitFor(error.retryAfterS);
      else if (error instanceof ApiError && error.isPassing && error.status !== 0) this.#lack(error.code);
      else this.#lose(null);
      return;
    }
    if (generation !== this.#generation) return;
    const socket = this.#deps.createSocket(ticket);
    this.#watch(WELCOME_WITHIN_MS);
    socket.onopen = () => {
      if (generation === this.#generation) this.#begin();
    };
    this.#listen(socket, generation);
  }

  /** Goes on with a socket that is past its welcome; its line may have died meanwhile, so it is asked. */
  #adopt(socket: Socket, generation: number): void {
    this.#listen(socket, generation);
    this.#ready = true;
    this.#welcomed();
    this.probe();
    this.#sendWishes();
    this.#schedulePing();
  }

  #listen(socket: Socket, generation: number): void {
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onmessage = (event) => {
      if (generation === this.#generation) this.#receive(event.data);
    };
    socket.onclose = (event) => {
      if (generation === this.#generation) this.#closed(event.code, event.reason ?? '');
    };
  }

  /** Hello, then at once everything that is wanted: the welcome is not waited for. */
  #begin(): void {
    this.#ready = true;
    this.#post({ type: 'hello', version: PROTOCOL_VERSION });
    if (this.#everOpen) this.#silently(() => this.#deps.onReplay());
    this.#sendWishes();
    this.#schedulePing();
  }

  #sendWishes(): void {
    for (const message of this.#wishes.replay()) this.#post(message);
  }

  /** Wishes may change without being sent: the replay that follows sends them. */
  #silently(run: () => void): void {
    this.#ready = false;
    run();
    this.#ready = true;
  }

  #receive(data: unknown): void {
    if (this.#state.kind === 'open') this.#watch(SILENCE_MS);
    if (data instanceof ArrayBuffer) {
      const frame = this.#understood(() => decodeFrame(data));
      if (frame !== null) this.#deps.onFrame(frame);
      return;
    }
    const message = this.#understood(() => parseServerMessage(String(data)));
    if (message === null || message.type === 'pong') return;
    if (message.type === 'ping') {
      this.#post({ type: 'pong' });
      return;
    }
    switch (message.type) {
      case 'measured':
      case 'picked':
      case 'making':
      case 'made':
      case 'ask_error':
        this.#questions.answer(message);
        return;
      case 'welcome':
        this.#welcomed();
    }
    this.#deps.onMessage(message);
  }

  /** Reads what came. Only reading: a fault of the page's own code breaks no contract and must reach the console. */
  #understood<Read>(read: () => Read): Read | null {
    try {
      return read();
    } catch {
      // What breaks the contract must not be shown; loading the page again may bring a page that knows the server.
      this.#dropSocket(CloseCode.BAD_MESSAGE);
      this.#set({ kind: 'failed', reason: 'contract' });
      return null;
    }
  }

  #welcomed(): void {
    this.#failures = 0;
    this.#wentAtOnce = false;
    this.#everOpen = true;
    this.#watch(SILENCE_MS);
    this.#set({ kind: 'open' });
  }

  #closed(code: number, reason: string): void {
    this.#dropSocket(null);
    if (code === CloseCode.NOT_SIGNED_IN) this.#set({ kind: 'ended' });
    else if (code === CloseCode.BAD_MESSAGE) this.#set({ kind: 'failed', reason: 'contract' });
    else if (code === CloseCode.FORBIDDEN) this.#set({ kind: 'failed', reason: 'forbidden' });
    else if (code === CloseCode.TOO_MANY && reason.startsWith(`${FLOOD}:`)) this.#waitFor(null, FLOOD);
    else this.#lose(code);
  }

  /** Waits for the next try, or goes at once where another node is ready to take over. */
  #lose(code: number | null): void {
    const now = this.#deps.clock.now();
    const movesOn = code === CloseCode.GOING_AWAY || code === CloseCode.NODE_LOST;
    const since = this.#awaySince ?? now;
    const moving = (movesOn || this.#state.kind === 'moving') && this.#failures < MOVING_TRIES;
    const atOnce = movesOn && !this.#wentAtOnce;
    const patience = BACK_OFF_MS[Math.min(this.#failures, BACK_OFF_MS.length - 1)] ?? 8000;
    const delay = atOnce ? 0 : moving ? Math.min(patience, MOVING_WAIT_MS) : patience;
    if (atOnce) this.#wentAtOnce = true;
    else this.#failures += 1;
    if (moving) this.#set({ kind: 'moving', since });
    else this.#set({ kind: 'lost', since, retryAt: now + delay, offline: this.#deps.isOffline?.() ?? false });
    this.#retryIn(delay);
  }

  /** Since when there is no connection, null while there is one. */
  get #awaySince(): number | null {
    const state = this.#state;
    return state.kind === 'lost' || state.kind === 'moving' || state.kind === 'away' ? state.since : null;
  }

  /** The server says that a part of it is away. A node that is lost may take a moment to be replaced: that is still a move. */
  #lack(code: string): void {
    if (this.#state.kind === 'moving' && code !== NO_NODE) {
      this.#lose(null);
      return;
    }
    const now = this.#deps.clock.now();
    this.#set({ kind: 'away', since: this.#awaySince ?? now, retryAt: now + AWAY_MS, code });
    this.#retryIn(AWAY_MS);
  }

  /** Too many at once: comes back when the server said. */
  #waitFor(seconds: number | null, code?: string): void {
    const now = this.#deps.clock.now();
    const delay = seconds === null ? BUSY_MS : Math.min(BUSY_AT_MOST_MS, seconds * 1000);
    const since = this.#state.kind === 'busy' ? this.#state.since : now;
    this.#set({ kind: 'busy', since, retryAt: now + delay, ...(code === undefined ? {} : { code }) });
    this.#retryIn(delay);
  }

  #retryIn(delay: number): void {
    this.#clear('retry');
    this.#retryTimer = this.#deps.clock.setTimeout(() => {
      this.#retryTimer = null;
      this.#tryWhenSeen();
    }, delay);
  }

  #post(message: ClientMessage): void {
    if (this.#ready) this.#socket?.send(JSON.stringify(message));
  }

  #schedulePing(): void {
    this.#clear('ping');
    this.#pingTimer = this.#deps.clock.setTimeout(() => {
      this.#post({ type: 'ping' });
      this.#schedulePing();
    }, PING_EVERY_MS);
  }

  #watch(withinMs: number): void {
    this.#clear('watchdog');
    this.#watchdog = this.#deps.clock.setTimeout(() => {
      this.#generation += 1; // the late close of this socket is nobody's business
      this.#dropSocket(1000);
      this.#lose(null);
    }, withinMs);
  }

  #dropSocket(closeCode: number | null): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    this.#clear('ping');
    this.#clear('watchdog');
    this.#questions.drop('lost');
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (closeCode !== null) socket.close(closeCode);
  }

  #clear(which: 'retry' | 'ping' | 'watchdog'): void {
    const timer = which === 'retry' ? this.#retryTimer : which === 'ping' ? this.#pingTimer : this.#watchdog;
    if (timer !== null) this.#deps.clock.clearTimeout(timer);
    if (which === 'retry') this.#retryTimer = null;
    else if (which === 'ping') this.#pingTimer = null;
    else this.#watchdog = null;
  }

  #set(state: ConnectionState): void {
    this.#state = state;
    this.#deps.onState(state);
  }
}
