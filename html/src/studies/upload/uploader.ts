/** Sends files: at most four at once, large ones in parts, and goes on by itself after a lost connection. */

import { ApiError } from '../../shared/api/client';
import { wordsFor } from '../../shared/api/words';
import type { UploadState } from '../../shared/api/types';
import { i18n } from '../../shared/i18n';
import { type Batch, type FileProgress, isFinal, reduceUploads, type UploadAction } from './batches';
import type { PickedFile } from './collect';
import { holdsTail } from './interrupted';
import { fingerprint, forget, remember, remembered } from './resume';
import { httpTransport, isWorthRetrying, type UploadTransport } from './transport';

/** A file up to this size goes in one request; the server takes no larger part either. */
export const wholeFileBytes = 16 * 1024 * 1024;
const parallel = 4;
const pollEveryMs = 700;
const longestRetryMs = 15_000;

export function isArchive(name: string): boolean {
  return /\.zip$/i.test(name);
}

/** The name in an address: logs keep addresses, and file names may tell a patient's name. */
function neutralName(name: string): string {
  const extension = /\.[a-z0-9]{1,5}$/i.exec(name)?.[0] ?? '';
  return `file${extension.toLowerCase()}`;
}

interface Job {
  id: string;
  batchId: string;
  picked: PickedFile;
  abort: AbortController;
  /** The interrupted upload that goes on with this file. */
  resumes: string | null;
}

/** A chosen file that is not the one whose first part the server has. */
class OtherFile extends Error {}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DOMException('cancelled', 'AbortError'));
    });
  });
}

export class Uploader {
  #batches: readonly Batch[] = [];
  readonly #queue: Job[] = [];
  readonly #running = new Set<Job>();
  readonly #listeners = new Set<() => void>();
  readonly #uploadIds = new Set<string>();
  readonly #transport: UploadTransport;
  readonly #firstRetryMs: number;
  #userId = 0;
  #count = 0;

  constructor(transport: UploadTransport = httpTransport, firstRetryMs = 1000) {
    this.#transport = transport;
    this.#firstRetryMs = firstRetryMs;
  }

  readonly get = (): readonly Batch[] => this.#batches;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Uploads belong to a user: another one's files never go on after a change of user. */
  setUser(userId: number): void {
    if (this.#userId === userId) return;
    for (const batch of this.#batches) this.cancel(batch.id);
    this.#batches = [];
    this.#uploadIds.clear();
    this.#userId = userId;
    this.#tell();
  }

  get isBusy(): boolean {
    return this.#running.size > 0 || this.#queue.length > 0;
  }

  /** The uploads of the server that this page sends or has sent. */
  get uploadIds(): ReadonlySet<string> {
    return this.#uploadIds;
  }

  /** Goes on with an interrupted upload; the file must be the one that was being sent. */
  resume(uploadId: string, picked: PickedFile): void {
    this.#uploadIds.add(uploadId);
    this.#addBatch(isArchive(picked.file.name) ? 'archive' : 'files', [picked], uploadId);
    this.#fill();
  }

  add(picked: readonly PickedFile[]): void {
    const archives = picked.filter(({ file }) => isArchive(file.name));
    const files = picked.filter(({ file }) => !isArchive(file.name));
    for (const one of archives) this.#addBatch('archive', [one]);
    if (files.length > 0) this.#addBatch('files', files);
    this.#fill();
  }

  cancel(batchId: string): void {
    for (const job of [...this.#queue, ...this.#running]) if (job.batchId === batchId) job.abort.abort();
    for (let i = this.#queue.length - 1; i >= 0; i -= 1) if (this.#queue[i]?.batchId === batchId) this.#queue.splice(i, 1);
    this.#dispatch({ type: 'cancel', batchId });
  }

  clearDone(): void {
    this.#dispatch({ type: 'clearDone' });
  }

  #addBatch(kind: Batch['kind'], picked: readonly PickedFile[], resumes: string | null = null): void {
    this.#count += 1;
    const batchId = `batch-${this.#count}`;
    const files: FileProgress[] = picked.map(({ file, path }, index) => ({
      id: `${batchId}-${index}`,
      name: path,
      sizeBytes: file.size,
      sentBytes: 0,
      state: 'waiting',
      stored: 0,
      duplicates: 0,
      totalFiles: kind === 'archive' ? 0 : 1,
      doneFiles: 0,
      skipped: [],
      problem: null,
      retrying: false,
    }));
    this.#dispatch({ type: 'add', batch: { id: batchId, kind, files } });
    picked.forEach((one, index) => {
      this.#queue.push({ id: `${batchId}-${index}`, batchId, picked: one, abort: new AbortController(), resumes });
    });
  }

  #fill(): void {
    while (this.#running.size < parallel) {
      const job = this.#queue.shift();
      if (job === undefined) return;
      this.#running.add(job);
      void this.#send(job).finally(() => {
        this.#running.delete(job);
        this.#fill();
        this.#tell();
      });
    }
  }

  async #send(job: Job): Promise<void> {
    const { file } = job.picked;
    try {
      const isWhole = job.resumes === null && file.size <= wholeFileBytes && !isArchive(file.name);
      const answer = isWhole ? await this.#sendWhole(job) : await this.#sendParts(job);
      // The page knows the file by its own name; the address carried a neutral one.
      const skipped = isArchive(file.name) ? answer.skipped : answer.skipped.map((one) => ({ ...one, name: job.picked.path }));
      this.#dispatch({ type: 'state', id: job.id, answer: { ...answer, skipped } });
    } catch (error) {
      if (job.abort.signal.aborted) return;
      // A file that cannot be read any more (moved, changed, unplugged) fails in the browser itself.
      this.#dispatch({ type: 'failed', id: job.id, problem: error instanceof OtherFile ? i18n.t('studies:transfers.otherContents') : wordsFor(error) });
    }
  }

  async #sendWhole(job: Job): Promise<UploadState> {
    this.#dispatch({ type: 'sending', id: job.id, sentBytes: 0 });
    const { file } = job.picked;
    const { signal } = job.abort;
    return this.#insist(job, () => this.#transport.whole(neutralName(file.name), file, signal));
  }

  async #sendParts(job: Job): Promise<UploadState> {
    const { file } = job.picked;
    const print = fingerprint(this.#userId, file);
    const { uploadId, partBytes, offset: first } = await this.#openUpload(job, print);
    this.#uploadIds.add(uploadId);
    try {
      return await this.#sendRest(job, print, uploadId, partBytes, first);
    } catch (error) {
      if (!job.abort.signal.aborted) this.#uploadIds.delete(uploadId); // what is left of it can be resumed
      throw error;
    }
  }

  async #sendRest(job: Job, print: string, uploadId: string, partBytes: number, first: number): Promise<UploadState> {
    const { file } = job.picked;
    const { signal } = job.abort;
    signal.addEventListener('abort', () => {
      forget(print);
      void this.#transport.cancel(uploadId).catch(() => undefined);
    });
    let offset = first;
    this.#dispatch({ type: 'sending', id: job.id, sentBytes: offset });
    while (offset < file.size) {
      const body = file.slice(offset, Math.min(offset + partBytes, file.size));
      const at = offset;
      const answer = await this.#insist(job, async (again) => {
        if (again) {
          // The part may have arrived although its answer was lost: the server knows where to go on.
          const state = await this.#transport.state(uploadId, signal);
          if (state.offset !== at || state.state !== 'receiving') return state;
        }
        try {
          return await this.#transport.part(uploadId, at, body, signal);
        } catch (error) {
          if (!(error instanceof ApiError && error.status === 409)) throw error;
          const state = await this.#transport.state(uploadId, signal);
          // Another request still brings this very part: wait for it as for a server that is busy.
          if (state.offset === at && state.state === 'receiving') throw new ApiError(503, 'unavailable', '');
          return state;
        }
      });
      offset = answer.offset;
      this.#dispatch({ type: 'sending', id: job.id, sentBytes: offset });
      if (answer.state !== 'receiving') break;
    }
    for (;;) {
      const state = await this.#insist(job, () => this.#transport.state(uploadId, signal));
      if (state.state === 'done') {
        forget(print);
        return state;
      }
      this.#dispatch({ type: 'state', id: job.id, answer: state });
      await pause(pollEveryMs, signal);
    }
  }

  /** The upload that was interrupted, or a new one. */
  async #openUpload(job: Job, print: string): Promise<{ uploadId: string; partBytes: number; offset: number }> {
    const { file, path } = job.picked;
    const { signal } = job.abort;
    const old = job.resumes ?? remembered(print);
    if (old !== null) {
      try {
        const state = await this.#insist(job, () => this.#transport.state(old, signal));
        if (state.state !== 'receiving' || (await holdsTail(file, state.offset, state.tail))) {
          remember(print, old);
          return { uploadId: old, partBytes: wholeFileBytes, offset: state.state === 'receiving' ? state.offset : file.size };
        }
        if (job.resumes !== null) throw new OtherFile();
        forget(print); // a file of the same name, size and date that holds something else
      } catch (error) {
        if (job.resumes !== null) this.#uploadIds.delete(job.resumes);
        if (!(error instanceof ApiError)) throw error;
        forget(print); // the server no longer has it
      }
    }
    const created = await this.#insist(job, () => this.#transport.create(path, file.size, signal));
    remember(print, created.upload_id);
    return { uploadId: created.upload_id, partBytes: created.part_bytes, offset: created.offset };
  }

  /** Does something until it works, as long as waiting can help. */
  async #insist<T>(job: Job, what: (again: boolean) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await what(attempt > 0);
      } catch (error) {
        if (job.abort.signal.aborted || !isWorthRetrying(error)) throw error;
        this.#dispatch({ type: 'retrying', id: job.id });
        const told = error instanceof ApiError ? (error.retryAfterS ?? 0) * 1000 : 0;
        await pause(Math.max(told, Math.min(this.#firstRetryMs * 2 ** attempt, longestRetryMs)), job.abort.signal);
      }
    }
  }

  #dispatch(action: UploadAction): void {
    this.#batches = reduceUploads(this.#batches, action);
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

export const uploader = new Uploader();

/** How many uploads are not over yet. */
export function activeBatches(batches: readonly Batch[]): number {
  return batches.filter((batch) => !batch.files.every(isFinal)).length;
}
