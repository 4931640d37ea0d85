import type { ApiError } from '../shared/api/client';

/** Why a sign-in did not work, in the words of the page. */
export type Refusal =
  | { kind: 'wrong' | 'inactive' | 'seat' | 'missing' | 'evaluation' }
  | { kind: 'wait'; seconds: number }
  | { kind: 'failure'; error: ApiError };

/** One text for an unknown name and a wrong password: the page never tells which. */
export function refusalOf(error: ApiError): Refusal {
  if (error.status === 429) return { kind: 'wait', seconds: Math.max(1, Math.ceil(error.retryAfterS ?? 30)) };
  if (error.code.includes('seat')) return { kind: 'seat' };
  if (/inactive|switched_off|disabled/.test(error.code)) return { kind: 'inactive' };
  if (error.code === 'evaluation_password') return { kind: 'evaluation' };
  if (error.status === 400 || error.status === 401 || error.status === 422) return { kind: 'wrong' };
  return { kind: 'failure', error };
}
