import { describe, expect, it } from 'vitest';
import { ApiError } from '../shared/api/client';
import { refusalOf } from './refusal';

const error = (status: number, code: string, retryAfterS: number | null = null): ApiError => new ApiError(status, code, '', {}, null, retryAfterS);

describe('a refused sign-in', () => {
  it.each([
    [error(401, 'wrong_credentials'), { kind: 'wrong' }],
    [error(400, 'invalid_input'), { kind: 'wrong' }],
    [error(403, 'account_switched_off'), { kind: 'inactive' }],
    [error(403, 'evaluation_password'), { kind: 'evaluation' }],
    [error(409, 'no_free_seat'), { kind: 'seat' }],
    [error(429, 'too_many_attempts', 11.2), { kind: 'wait', seconds: 12 }],
  ])('%s is told as %j', (given, refusal) => {
    expect(refusalOf(given)).toEqual(refusal);
  });

  it('by a server that is away is no wrong password', () => {
    expect(refusalOf(error(0, 'no_answer')).kind).toBe('failure');
    expect(refusalOf(error(503, 'unavailable')).kind).toBe('failure');
  });
});
