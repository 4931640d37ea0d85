import { useState } from 'react';
import { ApiError } from './errors';

const AGAIN_MS = 4000;

/** For `refetchInterval`: what failed only because something is away is asked again by itself. */
export function againWhileAway(query: { state: { status: string; error: Error | null } }): number | false {
  const { status, error } = query.state;
  return status === 'error' && error instanceof ApiError && error.isPassing ? AGAIN_MS : false;
}

/** The last error until an answer comes; a query forgets it as soon as it asks again. `key` is what is asked for. */
export function useLastingError(error: Error | null, answered: boolean, key: unknown): Error | null {
  const [kept, keep] = useState<{ error: Error | null; key: unknown }>({ error: null, key });
  const old = kept.key === key ? kept.error : null;
  const next = error ?? (answered ? null : old);
  if (next !== kept.error || key !== kept.key) keep({ error: next, key });
  return next;
}
