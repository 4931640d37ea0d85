/** The one error shape of the server, and what stands for it here. */

export interface ErrorBody {
  error: { code: string; message: string; details?: Record<string, unknown>; correlation_id?: string };
}

/** An answer that is not what was asked for. `status` 0: no answer at all. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: Record<string, unknown>;
  readonly correlationId: string | null;
  /** After how many seconds to try again, where the server says so (429, 503). */
  readonly retryAfterS: number | null;

  constructor(
    status: number,
    code: string,
    message: string,
    details: Record<string, unknown> = {},
    correlationId: string | null = null,
    retryAfterS: number | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.details = details;
    this.correlationId = correlationId;
    this.retryAfterS = retryAfterS;
  }

  /** True where trying the same again can help: no answer, or a part of the server is away for a moment. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** Reads an error answer; a proxy's HTML page becomes an error too. */
export function errorFromAnswer(status: number, text: string, retryAfter: string | null): ApiError {
  let body: unknown = null;
  try {
    body = JSON.parse(text);
  } catch {
    // Not ours: a proxy's own page.
  }
  const error = (body as ErrorBody | null)?.error;
  const details = error?.details ?? {};
  const told = Number(retryAfter ?? details['resets_in_s'] ?? details['retry_after_s']);
  const retryAfterS = Number.isFinite(told) && told > 0 ? told : null;
  if (error === undefined || typeof error.code !== 'string') return new ApiError(status, `http_${status}`, '', {}, null, retryAfterS);
  return new ApiError(status, error.code, String(error.message ?? ''), details, error.correlation_id ?? null, retryAfterS);
}
