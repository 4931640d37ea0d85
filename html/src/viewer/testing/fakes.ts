/** Time and a socket that tests drive by hand. */

import { FRAME_HEADER_BYTES } from '../../shared/protocol/messages';
import type { Clock } from '../stream/clock';
import type { Socket } from '../stream/connection';

export class FakeClock implements Clock {
  #now = 0;
  #next = 1;
  readonly #timers = new Map<number, { due: number; run: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimeout(run: () => void, delayMs: number): number {
    const id = this.#next;
    this.#next += 1;
    this.#timers.set(id, { due: this.#now + delayMs, run });
    return id;
  }

  clearTimeout(timer: number): void {
    this.#timers.delete(timer);
  }

  /** Lets time pass, timers in order, promises in between. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers.entries()].filter(([, timer]) => timer.due <= end).sort((one, other) => one[1].due - other[1].due)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].due);
      due[1].run();
      await settle();
    }
    this.#now = end;
  }
}

/** Lets promises that are ready run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
}

export class FakeSocket implements Socket {
  binaryType = '';
  onopen: Socket['onopen'] = null;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  closedWith: number | null = null;
  readonly sent: Record<string, unknown>[] = [];

  readonly ticket: string;

  constructor(ticket: string) {
    this.ticket = ticket;
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data) as Record<string, unknown>);
  }

  close(code?: number): void {
    this.closedWith = code ?? 1005;
  }

  /** The server accepts and welcomes. */
  welcome(): void {
    this.onopen?.(undefined as never);
    this.say({ type: 'welcome', version: 1, device: 'test', software: true });
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  bytes(data: ArrayBuffer): void {
    this.onmessage?.({ data });
  }

  drop(code: number, reason = ''): void {
    this.onclose?.({ code, reason });
  }

  get types(): unknown[] {
    return this.sent.map((message) => message['type']);
  }
}

export interface FrameFields {
  cell?: number;
  revision: number;
  sequence: number;
  still?: boolean;
  /** Further flags. */
  flags?: number;
  instanceId?: number;
  zoom?: number;
}

/** A frame as the server packs it, with three bytes of payload. */
export function packedFrame(fields: FrameFields): ArrayBuffer {
  const buffer = new ArrayBuffer(FRAME_HEADER_BYTES + 3);
  const view = new DataView(buffer);
  'WVFR'.split('').forEach((letter, index) => view.setUint8(index, letter.charCodeAt(0)));
  view.setUint8(4, 1);
  view.setUint8(5, 1);
  view.setUint16(6, (fields.still === true ? 1 : 0) | 2 | (fields.flags ?? 0), true);
  view.setUint32(8, fields.revision, true);
  view.setUint32(12, fields.sequence, true);
  view.setUint16(16, fields.cell ?? 0, true);
  view.setUint16(20, 512, true);
  view.setUint16(22, 512, true);
  view.setBigUint64(24, BigInt(fields.instanceId ?? 100), true);
  view.setUint32(32, 1, true);
  view.setFloat64(40, 50, true);
  view.setFloat64(48, 350, true);
  view.setFloat64(56, fields.zoom ?? 1, true);
  view.setFloat64(64, 256, true);
  view.setFloat64(72, 256, true);
  view.setUint32(80, 3, true);
  return buffer;
}
