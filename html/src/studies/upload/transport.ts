/** The calls of an upload, apart from the order in which they are made. */

import { api, ApiError } from '../../shared/api/client';
import type { UploadState } from '../../shared/api/types';

export interface Created {
  upload_id: string;
  part_bytes: number;
  offset: number;
}

export interface UploadTransport {
  whole: (name: string, body: Blob, signal: AbortSignal) => Promise<UploadState>;
  create: (name: string, sizeBytes: number, signal: AbortSignal) => Promise<Created>;
  part: (id: string, offset: number, body: Blob, signal: AbortSignal) => Promise<Pick<UploadState, 'offset' | 'state'>>;
  state: (id: string, signal: AbortSignal) => Promise<UploadState>;
  cancel: (id: string) => Promise<void>;
}

export const httpTransport: UploadTransport = {
  whole: (name, body, signal) => api.post('/v2/studies/uploads/whole', body, { query: { name }, signal }),
  create: (name, sizeBytes, signal) => api.post('/v2/studies/uploads', { name, size_bytes: sizeBytes }, { signal }),
  part: (id, offset, body, signal) => api.put(`/v2/studies/uploads/${encodeURIComponent(id)}`, body, { query: { offset }, signal }),
  state: (id, signal) => api.get(`/v2/studies/uploads/${encodeURIComponent(id)}`, { signal }),
  cancel: (id) => api.delete(`/v2/studies/uploads/${encodeURIComponent(id)}`),
};

/** Worth trying again by itself: the network or a node is away for a moment, or the server asks to slow down. */
export function isWorthRetrying(error: unknown): boolean {
  if (!(error instanceof ApiError) || error.code === 'out_of_resources') return false;
  return error.isPassing || error.status === 408 || error.status === 429 || error.status === 401;
}
