import { useQuery } from '@tanstack/react-query';
import { api } from './client';

export interface About {
  version: string;
  product: string;
}

/** Version and name of the server; null until known. */
export function useAbout(): About | null {
  const { data } = useQuery({
    queryKey: ['about'],
    queryFn: ({ signal }) => api.get<About>('/v2/about', { signal, quiet401: true }),
    staleTime: Infinity,
  });
  return data ?? null;
}
