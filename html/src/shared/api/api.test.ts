import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { session } from '../session/store';
import { address, baseFromModule, socketAddress } from './base';
import { api } from './client';
import { ApiError, errorFromAnswer } from './errors';

const page = 'http://host/web-viewer/viewer/image/?study=1';

function answerWith(status: number, body: string, headers: Record<string, string> = {}): ReturnType<typeof vi.fn> {
  const fetched = vi.fn(async () => new Response(status === 204 ? null : body, { status, headers }));
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

describe('base of the pages', () => {
  it('is the folder above assets, whatever the page', () => {
    expect(baseFromModule('http://host/web-viewer/assets/main-x.js', page).href).toBe('http://host/web-viewer/');
    expect(baseFromModule('http://host/assets/main-x.js', 'http://host/').href).toBe('http://host/');
  });

  it('is the root under the development server', () => {
    expect(baseFromModule('http://host:5173/src/shared/api/base.ts', 'http://host:5173/admin/').href).toBe('http://host:5173/');
  });

  it('leaves empty values out of an address and repeats lists', () => {
    expect(address('/v2/studies', { a: '', b: null, c: ['CT', 'MR'], d: 0, e: false })).toMatch(/\/v2\/studies\?c=CT&c=MR&d=0&e=false$/);
  });

  it('turns http into ws', () => {
    expect(socketAddress('/eventQueue')).toMatch(/^ws:\/\/.*\/eventQueue$/);
  });
});

describe('errors', () => {
  it('are read from the one shape', () => {
    const error = errorFromAnswer(404, '{"error":{"code":"not_found","message":"There is no such study.","details":{"a":1},"correlation_id":"c"}}', null);
    expect([error.status, error.code, error.message, error.details, error.correlationId]).toEqual([404, 'not_found', 'There is no such study.', { a: 1 }, 'c']);
  });

  it("are made of a proxy's own page too", () => {
    const error = errorFromAnswer(502, '<html>Bad Gateway</html>', null);
    expect([error.code, error.isPassing]).toEqual(['http_502', true]);
  });

  it('say after how many seconds to try again', () => {
    expect(errorFromAnswer(429, '{}', '12').retryAfterS).toBe(12);
    expect(errorFromAnswer(429, '{"error":{"code":"x","message":"","details":{"resets_in_s":3.2}}}', null).retryAfterS).toBe(3.2);
    expect(errorFromAnswer(500, '', null).retryAfterS).toBeNull();
  });
});

describe('calls', () => {
  beforeEach(() => session.begin({ user: { user_id: 1, user_name: 'u', is_administrator: false }, csrf_token: 'secret', expires_at: '' }));
  afterEach(() => {
    vi.unstubAllGlobals();
    session.signOut();
  });

  it('carry the CSRF token where they change something, and not where they read', async () => {
    const fetched = answerWith(200, '{}');
    await api.get('/v2/x');
    await api.post('/v2/x', { a: 1 });
    const headers = fetched.mock.calls.map((call) => (call[1] as RequestInit).headers as Record<string, string>);
    expect(headers.map((one) => one['X-CSRF-Token'])).toEqual([undefined, 'secret']);
  });

  it('end the session on 401, with the reason of the server', async () => {
    answerWith(401, '{"error":{"code":"session_ended","message":"","details":{"reason":"password_changed"}}}');
    await expect(api.get('/v2/x')).rejects.toBeInstanceOf(ApiError);
    expect([session.get().status, session.get().endReason]).toEqual(['ended', 'password_changed']);
  });

  it('leave the session alone where a 401 is an answer', async () => {
    answerWith(401, '{"error":{"code":"wrong_credentials","message":""}}');
    await expect(api.post('/v2/auth/sign-in', {}, { quiet401: true })).rejects.toMatchObject({ code: 'wrong_credentials' });
    expect(session.get().status).toBe('signed-in');
  });

  it('take an empty answer as nothing', async () => {
    answerWith(204, '');
    expect(await api.delete('/v2/x')).toBeUndefined();
  });

  it('tell a network without answer from an answer', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => Promise.reject(new TypeError('Failed to fetch'))));
    await expect(api.get('/v2/x')).rejects.toMatchObject({ status: 0, code: 'no_answer', isPassing: true });
  });
});
