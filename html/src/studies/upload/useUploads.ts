import { useEffect, useSyncExternalStore } from 'react';
import { activeBatches, type Uploader, uploader } from './uploader';
import type { Batch } from './batches';

export function useUploads(source: Uploader = uploader): readonly Batch[] {
  return useSyncExternalStore(source.subscribe, source.get);
}

/** Mount once: uploads belong to this user, and leaving the page while they run asks first. */
export function useUploadGuard(userId: number): number {
  const count = activeBatches(useUploads());
  useEffect(() => uploader.setUser(userId), [userId]);
  useEffect(() => {
    if (count === 0) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [count]);
  return count;
}
