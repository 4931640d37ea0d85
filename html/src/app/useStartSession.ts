import { useCallback, useEffect, useState } from 'react';
import { api, ApiError } from '../shared/api/client';
import type { SessionAnswer } from '../shared/api/types';
import { mayHaveSession, session } from '../shared/session/store';

/** Asks once who is signed in; `failed` when the server does not answer. */
export function useStartSession(): { failed: boolean; tryAgain: () => void } {
  const [attempt, setAttempt] = useState(0);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    // On a first visit there is nothing to ask for, and no 401 in the browser's log.
    if (!mayHaveSession()) {
      session.signOut();
      return;
    }
    const abort = new AbortController();
    api
      .get<SessionAnswer>('/v2/auth/session', { quiet401: true, signal: abort.signal })
      .then((answer) => session.begin(answer))
      .catch((error: unknown) => {
        if (abort.signal.aborted) return;
        if (error instanceof ApiError && error.status === 401) session.signOut();
        else setFailed(true);
      });
    return () => abort.abort();
  }, [attempt]);
  const tryAgain = useCallback(() => {
    setFailed(false);
    setAttempt((n) => n + 1);
  }, []);
  return { failed, tryAgain };
}
