/**
 * Questions about values and places, and who waits for their answers.
 *
 * Of one asker one question is on its way; the newest of those that came meanwhile follows it, older ones are told that
 * they are superseded. So a measurement that follows the pointer is never behind by more than one answer.
 */

import type { Ask, AskError, Made, Making, Measured, Picked } from '../../shared/protocol/messages';

export type Answer = Measured | Picked | Made;
export type Question = Ask['what'];

/** Why there is no answer. `lost` and `gone` mean: ask again once the cell shows something again. */
export type AskCode =
  /** The connection broke, or there is none. */
  | 'lost'
  /** The cell shows something else now. */
  | 'gone'
  /** A newer question of the same asker took the place. */
  | 'superseded';

export class AskFault extends Error {
  override name = 'AskFault';
  /** One of `AskCode`, or the server's own. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const WORDS: Readonly<Record<AskCode, string>> = {
  lost: 'The connection was lost before the answer came.',
  gone: 'The window shows something else now.',
  superseded: 'A newer question took the place of this one.',
};

interface Waiting {
  cell: number;
  key: string;
  what: Question;
  take: (answer: Answer) => void;
  refuse: (fault: AskFault) => void;
  onProgress: (making: Making) => void;
}

export class Questions {
  readonly #post: (ask: Ask) => void;
  readonly #asked = new Map<number, Waiting>();
  readonly #next = new Map<string, Waiting>();
  #number = 0;

  constructor(post: (ask: Ask) => void) {
    this.#post = post;
  }

  /**
   * @param key tells askers apart within a cell
   * @param onProgress told how far a long answer is
   */
  ask(cell: number, what: Question, key: string, onProgress: (making: Making) => void = () => undefined): Promise<Answer> {
    return new Promise((take, refuse) => {
      const waiting: Waiting = { cell, key: `${cell}/${key}`, what, take, refuse, onProgress };
      const busy = [...this.#asked.values()].some((one) => one.key === waiting.key);
      if (!busy) {
        this.#send(waiting);
        return;
      }
      const before = this.#next.get(waiting.key);
      this.#next.set(waiting.key, waiting);
      if (before !== undefined) end(before, 'superseded');
    });
  }

  answer(message: Answer | AskError | Making): void {
    const waiting = this.#asked.get(message.question);
    if (waiting === undefined || waiting.cell !== message.cell) return;
    if (message.type === 'making') {
      waiting.onProgress(message);
      return;
    }
    this.#asked.delete(message.question);
    const next = this.#next.get(waiting.key);
    if (next !== undefined) {
      this.#next.delete(waiting.key);
      this.#send(next);
    }
    if (message.type === 'ask_error') waiting.refuse(new AskFault(message.code, message.message));
    else waiting.take(message);
  }

  /** Nobody answers any more: all questions, or those of one cell. */
  drop(code: AskCode, cell: number | null = null): void {
    const theirs = (one: Waiting): boolean => cell === null || one.cell === cell;
    const dropped = [...this.#asked.values(), ...this.#next.values()].filter(theirs);
    for (const [number, one] of this.#asked) if (theirs(one)) this.#asked.delete(number);
    for (const [key, one] of this.#next) if (theirs(one)) this.#next.delete(key);
    for (const one of dropped) end(one, code);
  }

  #send(waiting: Waiting): void {
    this.#number = (this.#number + 1) % 2 ** 32;
    this.#asked.set(this.#number, waiting);
    this.#post({ type: 'ask', cell: waiting.cell, question: this.#number, what: waiting.what });
  }
}

/** A question that could not even be asked. */
export function unanswered(code: AskCode): Promise<never> {
  return Promise.reject(new AskFault(code, WORDS[code]));
}

function end(waiting: Waiting, code: AskCode): void {
  waiting.refuse(new AskFault(code, WORDS[code]));
}
