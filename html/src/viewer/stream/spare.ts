/**
 * One stream that is connected ahead, while the list is shown: the study that is opened next need not wait for a ticket
 * and the handshakes. It shows nothing and costs the server almost nothing; whatever goes wrong with it is nobody's
 * business, for a viewer without it connects by itself.
 */

import { PROTOCOL_VERSION } from '../../shared/protocol/messages';
import { parseServerMessage } from '../../shared/protocol/validate';
import type { Clock } from './clock';
import { SILENCE_MS, type Socket } from './connection';

/** After a failure, or a loss, it is not tried again sooner. */
export const AGAIN_MS = 10_000;
/** After it was taken: the study that opens comes first, also before a wish that was on its way. */
export const NEXT_MS = 2_000;

export interface SpareDependencies {
  fetchTicket: () => Promise<string>;
  createSocket: (ticket: string) => Socket;
  clock: Clock;
}

export class SpareStream {
  readonly #deps: SpareDependencies;
  #socket: Socket | null = null;
  #generation = 0;
  #connecting = false;
  #welcomed = false;
  #heardAt = 0;
  #notBefore = 0;

  constructor(deps: SpareDependencies) {
    this.#deps = deps;
  }

  /** Connects, unless there is one. To be called when somebody does something: a ticket keeps the session from ending. */
  async want(): Promise<void> {
    if (this.#isUsable() || this.#connecting || this.#deps.clock.now() < this.#notBefore) return;
    this.release();
    const generation = this.#generation;
    this.#connecting = true;
    this.#notBefore = this.#deps.clock.now() + AGAIN_MS;
    let ticket: string;
    try {
      ticket = await this.#deps.fetchTicket();
    } catch {
      if (generation === this.#generation) this.#connecting = false;
      return; // refused or too busy: then not
    }
    if (generation !== this.#generation) return;
    const socket = this.#deps.createSocket(ticket);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: 'hello', version: PROTOCOL_VERSION }));
    socket.onmessage = (event) => this.#receive(socket, event.data);
    socket.onclose = () => this.#forget();
  }

  /** Hands the connection over, welcomed and with nothing open; null when there is none that is alive. */
  take(): Socket | null {
    if (!this.#isUsable()) return null;
    const socket = this.#socket;
    this.#notBefore = this.#deps.clock.now() + NEXT_MS;
    this.#forget();
    return socket;
  }

  release(): void {
    const socket = this.#socket;
    this.#forget();
    socket?.close(1000);
  }

  #isUsable(): boolean {
    return this.#socket !== null && this.#welcomed && this.#deps.clock.now() - this.#heardAt < SILENCE_MS;
  }

  #receive(socket: Socket, data: unknown): void {
    this.#heardAt = this.#deps.clock.now();
    try {
      const message = parseServerMessage(String(data));
      if (message.type === 'ping') socket.send(JSON.stringify({ type: 'pong' }));
      else if (message.type === 'welcome') {
        this.#welcomed = true;
        this.#connecting = false;
      }
    } catch {
      this.release(); // what breaks the contract is said by the viewer's own connection
    }
  }

  #forget(): void {
    if (this.#socket !== null) this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket = null;
    this.#welcomed = this.#connecting = false;
    this.#generation += 1;
  }
}
