import { i18n } from '../i18n';
import { ApiError } from './errors';

/** What to tell a person about a call that failed: what was wrong, and what to do. */
export function wordsFor(error: unknown): string {
  if (!(error instanceof ApiError)) return i18n.t('failure.unknownBare');
  const known = `failure.${error.code}`;
  if (i18n.exists(known)) return i18n.t(known);
  if (error.isPassing) return i18n.t(error.status === 0 ? 'failure.no_answer' : 'failure.unavailable');
  return error.message === '' ? i18n.t('failure.unknownBare') : i18n.t('failure.unknown', { message: error.message });
}

/** The code and the number under which the server logged it; for Details. */
export function codesFor(error: unknown): string | null {
  if (!(error instanceof ApiError) || error.status === 0) return null;
  return i18n.t('failure.codes', { code: error.code, correlation: error.correlationId ?? '—' });
}
