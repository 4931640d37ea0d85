import { useEffect, useState } from 'react';

const none = Symbol('not yet');

/** True once something has been so without a break for `ms`; a new `token` begins the time anew. */
export function useLasting(is: boolean, ms: number, token?: unknown): boolean {
  const [since, setSince] = useState<unknown>(none);
  useEffect(() => {
    if (!is) return;
    const timer = window.setTimeout(() => setSince(token), ms);
    return () => {
      window.clearTimeout(timer);
      setSince(none);
    };
  }, [is, ms, token]);
  return is && since === token;
}
