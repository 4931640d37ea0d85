/** Values of the user that live on the server (`/v2/settings/{key}`). */

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef } from 'react';
import { api } from '../api/client';
import { useSession } from './store';

async function read(key: string, signal: AbortSignal): Promise<unknown> {
  return (await api.get<unknown>(`/v2/settings/${key}`, { signal })) ?? null;
}

/** A setting and how to change it. Shown at once, saved after half a second of rest; null while unknown or never set. */
export function useUserSetting(key: string): { value: unknown; isLoading: boolean; save: (value: unknown) => void } {
  const { user } = useSession();
  const client = useQueryClient();
  const userId = user?.user_id;
  const timer = useRef<number | undefined>(undefined);
  const waiting = useRef<(() => void) | null>(null);
  const { data, isPending } = useQuery({
    queryKey: ['setting', userId, key],
    queryFn: ({ signal }) => read(key, signal),
    staleTime: Infinity,
    enabled: userId !== undefined,
  });
  const flush = useCallback(() => {
    window.clearTimeout(timer.current);
    waiting.current?.();
    waiting.current = null;
  }, []);
  useEffect(() => flush, [flush]);
  const save = useCallback(
    (value: unknown) => {
      client.setQueryData(['setting', userId, key], value);
      // What cannot be saved now still holds on this page; the next change tries again.
      waiting.current = () => void api.put(`/v2/settings/${key}`, value).catch(() => undefined);
      window.clearTimeout(timer.current);
      timer.current = window.setTimeout(flush, 500);
    },
    [client, userId, key, flush],
  );
  return { value: data ?? null, isLoading: isPending, save };
}
