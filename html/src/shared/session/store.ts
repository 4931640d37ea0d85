/** Who is signed in. One small store, because calls, sockets and pages all ask. */

import { useSyncExternalStore } from 'react';
import type { SessionAnswer, User } from '../api/types';

export type SessionStatus = 'unknown' | 'signed-out' | 'signed-in' | 'ended';

export interface SessionState {
  status: SessionStatus;
  user: User | null;
  csrfToken: string | null;
  /** Why the session ended, a code of the server; null when it did not say. */
  endReason: string | null;
}

const unknown: SessionState = { status: 'unknown', user: null, csrfToken: null, endReason: null };

const hintKey = 'webviewer.session';

/** Whether this browser may have a session; where nothing can be remembered, it may. */
export function mayHaveSession(): boolean {
  try {
    return localStorage.getItem(hintKey) !== null;
  } catch {
    return true;
  }
}

function hint(has: boolean): void {
  try {
    if (has) localStorage.setItem(hintKey, '1');
    else localStorage.removeItem(hintKey);
  } catch {
    // storage is blocked: the server is asked at every start
  }
}

export class SessionStore {
  #state: SessionState = unknown;
  readonly #listeners = new Set<() => void>();

  readonly get = (): SessionState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  begin(answer: SessionAnswer): void {
    this.#set({ status: 'signed-in', user: answer.user, csrfToken: answer.csrf_token, endReason: null });
  }

  /** The session is over without the user's doing. Before a sign-in, or after a sign-out, there is nothing to end. */
  end(reason: string | null): void {
    if (this.#state.status === 'signed-in') this.#set({ ...this.#state, status: 'ended', csrfToken: null, endReason: reason });
    else if (this.#state.status === 'unknown') this.signOut();
  }

  /** Back to the sign-in page. */
  signOut(): void {
    this.#set({ status: 'signed-out', user: null, csrfToken: null, endReason: null });
  }

  #set(state: SessionState): void {
    this.#state = state;
    hint(state.status === 'signed-in');
    for (const listener of [...this.#listeners]) listener();
  }
}

export const session = new SessionStore();

export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.get);
}
