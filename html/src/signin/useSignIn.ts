import { useEffect, useState } from 'react';
import { api, ApiError } from '../shared/api/client';
import type { SessionAnswer } from '../shared/api/types';
import { session } from '../shared/session/store';
import { type Refusal, refusalOf } from './refusal';

interface SignIn {
  busy: boolean;
  refusal: Refusal | null;
  /** Seconds until the next try is allowed; 0: now. */
  waitS: number;
  signIn: (userName: string, password: string) => Promise<boolean>;
}

export function useSignIn(): SignIn {
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [waitUntil, setWaitUntil] = useState(0);
  const [now, setNow] = useState(() => Date.now());
  const waitS = Math.max(0, Math.ceil((waitUntil - now) / 1000));

  useEffect(() => {
    if (waitUntil === 0) return;
    const timer = window.setInterval(() => {
      setNow(Date.now());
      if (Date.now() >= waitUntil) {
        setWaitUntil(0);
        setRefusal(null);
      }
    }, 250);
    return () => window.clearInterval(timer);
  }, [waitUntil]);

  async function signIn(userName: string, password: string): Promise<boolean> {
    if (userName === '' || password === '') {
      setRefusal({ kind: 'missing' });
      return false;
    }
    setBusy(true);
    try {
      const answer = await api.post<SessionAnswer>('/v2/auth/sign-in', { user_name: userName, password }, { quiet401: true });
      session.begin(answer);
      return true;
    } catch (error) {
      const why = refusalOf(error instanceof ApiError ? error : new ApiError(0, 'no_answer', ''));
      setRefusal(why);
      if (why.kind === 'wait') {
        setNow(Date.now());
        setWaitUntil(Date.now() + why.seconds * 1000);
      }
      return false;
    } finally {
      setBusy(false);
    }
  }

  return { busy, refusal, waitS, signIn };
}
