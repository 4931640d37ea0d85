import { QueryClient } from '@tanstack/react-query';
import { ApiError } from './errors';

/** Reads are tried again only where that can help; what the server refuses is shown at once. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: (count, error) => error instanceof ApiError && error.isPassing && count < 2,
        retryDelay: (count) => Math.min(1000 * 2 ** count, 4000),
        refetchOnWindowFocus: false,
        staleTime: 15_000,
        networkMode: 'always', // an intranet without internet is "offline" to some browsers
      },
      mutations: { networkMode: 'always', retry: false },
    },
  });
}
