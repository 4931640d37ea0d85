/** Calls to `/v2`: JSON in and out, one error type, the CSRF token on whatever changes something. */

import { session } from '../session/store';
import { address, type Query, socketAddress } from './base';
import { ApiError, errorFromAnswer } from './errors';

export { ApiError } from './errors';
export { address } from './base';

export interface CallOptions {
  query?: Query;
  signal?: AbortSignal;
  /** A 401 is an answer to this call (sign-in), not the end of the session. */
  quiet401?: boolean;
}

async function call<T>(method: string, path: string, body: unknown, options: CallOptions): Promise<T> {
  const answer = await send(method, path, body, options);
  const text = await read(() => answer.text());
  if (text === '') return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new ApiError(answer.status, 'bad_answer', '');
  }
}

/** Reads what comes over the line; one that breaks is an error of ours. */
async function read<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'no_answer', '');
  }
}

/** Asks, and returns a good answer whose body is still to be read. */
async function send(method: string, path: string, body: unknown, options: CallOptions): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  let payload: BodyInit | null = null;
  if (body instanceof Blob || body instanceof ArrayBuffer) {
    headers['Content-Type'] = 'application/octet-stream';
    payload = body;
  } else if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    payload = JSON.stringify(body);
  }
  const token = session.get().csrfToken;
  if (method !== 'GET' && token !== null) headers['X-CSRF-Token'] = token;

  const answer = await read(() =>
    fetch(address(path, options.query), {
      method,
      headers,
      body: payload,
      credentials: 'same-origin',
      cache: 'no-store',
      ...(options.signal ? { signal: options.signal } : {}),
    }),
  );
  if (!answer.ok) {
    const text = await read(() => answer.text());
    const error = errorFromAnswer(answer.status, text, answer.headers.get('Retry-After'));
    if (answer.status === 401 && options.quiet401 !== true) {
      const reason = error.details['reason'];
      session.end(typeof reason === 'string' ? reason : error.code);
    }
    throw error;
  }
  return answer;
}

export const api = {
  get: <T>(path: string, options: CallOptions = {}): Promise<T> => call<T>('GET', path, undefined, options),
  post: <T>(path: string, body?: unknown, options: CallOptions = {}): Promise<T> => call<T>('POST', path, body, options),
  /** Asks for a file. */
  file: async (path: string, body: unknown, options: CallOptions = {}): Promise<Blob> => {
    const answer = await send('POST', path, body, options);
    return read(() => answer.blob());
  },
  put: <T>(path: string, body?: unknown, options: CallOptions = {}): Promise<T> => call<T>('PUT', path, body, options),
  delete: <T>(path: string, options: CallOptions = {}): Promise<T> => call<T>('DELETE', path, undefined, options),
};

/** Fetches a one-time ticket (valid for 30 s) for a WebSocket. */
export async function fetchTicket(kind: 'events' | 'render', signal?: AbortSignal): Promise<string> {
  const path = kind === 'events' ? '/v2/auth/ticket' : '/v2/render/ticket';
  const answer = await api.post<{ ticket: string }>(path, undefined, signal ? { signal } : {});
  return answer.ticket;
}

/** Opens a WebSocket; the ticket goes as a subprotocol, never in the address, where logs would keep it. */
export function createWebSocket(path: string, ticket: string): WebSocket {
  return new WebSocket(socketAddress(path), ['webviewer.v1', `ticket.${ticket}`]);
}
