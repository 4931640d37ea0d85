/** A new series that is being made of a volume: in a window of its own, which goes on whatever is shown, or of what a window shows. */

import type { MakeSeries } from '../../shared/protocol/messages';
import { AskFault } from '../stream/questions';
import { Store } from './store';
import type { VolumeCellController } from './volumeCell';

export type MakingState =
  | { kind: 'idle' }
  | { kind: 'running'; stored: number; total: number }
  | { kind: 'done'; seriesId: number; total: number }
  /** Given up by the doctor; `stored` of them stay. */
  | { kind: 'stopped'; stored: number; total: number }
  /** `stored` of them are there all the same. */
  | { kind: 'failed'; code: string; message: string; stored: number };

export class SeriesMaking {
  readonly store = new Store<{ making: MakingState }>({ making: { kind: 'idle' } });
  readonly #cell: Pick<VolumeCellController, 'ask' | 'open' | 'close' | 'state' | 'store'>;
  /** What a series of so many images is called: one that was not finished is known by it. */
  nameOf: (name: string, count: number) => string = (name) => name;
  #isOwn = false;
  #number = 0;

  constructor(cell: Pick<VolumeCellController, 'ask' | 'open' | 'close' | 'state' | 'store'>) {
    this.#cell = cell;
  }

  get state(): MakingState {
    return this.store.get().making;
  }

  /** @param of the volume to open for it; null = the one that the window shows, as its camera sees it */
  start(what: MakeSeries, of: { seriesId: number; volume: number } | null): void {
    if (this.state.kind === 'running') return;
    this.#number += 1;
    const number = this.#number;
    this.#set({ kind: 'running', stored: 0, total: what.count });
    this.#isOwn = of !== null;
    if (of !== null) this.#cell.open(of.seriesId, of.volume);
    void this.#whenOpened(number).then((opened) => {
      if (opened) this.#ask(number, { ...what, series_description: this.nameOf(what.series_description, what.count) });
    });
  }

  /** Waits until the server has said where the volume lies, or why there is none. */
  #whenOpened(number: number): Promise<boolean> {
    return new Promise((resolve) => {
      const look = (): boolean => {
        const { opened, fault } = this.#cell.state;
        if (number !== this.#number) resolve(false);
        else if (fault !== null && fault.opening) {
          this.#end({ kind: 'failed', code: fault.code, message: fault.message, stored: 0 });
          resolve(false);
        } else if (opened === null) return false;
        else resolve(true);
        return true;
      };
      if (look()) return;
      const leave = this.#cell.store.subscribe(() => {
        if (look()) leave();
      });
    });
  }

  #ask(number: number, what: MakeSeries): void {
    this.#cell
      .ask(what, 'series', ({ stored, total }) => {
        if (number === this.#number) this.#set({ kind: 'running', stored, total });
      })
      .then(
        (answer) => {
          if (number === this.#number && answer.type === 'made') this.#end({ kind: 'done', seriesId: answer.series_id, total: what.count });
        },
        (error: unknown) => {
          if (number === this.#number) this.#end(this.#faultOf(error));
        },
      );
  }

  /** Gives it up; what was stored stays. */
  cancel(): void {
    this.#number += 1;
    this.#end({ kind: 'idle' });
  }

  /** The doctor gives it up; what was stored stays, and is told. */
  stop(): void {
    if (this.state.kind !== 'running') return;
    const { stored, total } = this.state;
    this.#number += 1;
    this.#end(stored === 0 ? { kind: 'idle' } : { kind: 'stopped', stored, total });
  }

  /** Forgets how it ended. */
  clear(): void {
    if (this.state.kind !== 'running') this.#set({ kind: 'idle' });
  }

  #faultOf(error: unknown): MakingState {
    const stored = this.state.kind === 'running' ? this.state.stored : 0;
    const { code, message } = error instanceof AskFault ? error : { code: 'unknown', message: String(error) };
    return { kind: 'failed', code, message, stored };
  }

  #end(making: MakingState): void {
    this.#set(making);
    if (this.#isOwn) this.#cell.close();
  }

  #set(making: MakingState): void {
    this.store.set({ making });
  }
}
