/** The uploads as the panel shows them: one row for each archive, one row for each set of files. Pure. */

import type { SkippedFile, UploadState } from '../../shared/api/types';

export type FileState = 'waiting' | 'sending' | 'processing' | 'done' | 'failed' | 'cancelled';

export interface FileProgress {
  id: string;
  name: string;
  sizeBytes: number;
  sentBytes: number;
  state: FileState;
  stored: number;
  duplicates: number;
  /** Files in it: 1, or what the archive holds. */
  totalFiles: number;
  doneFiles: number;
  skipped: readonly SkippedFile[];
  /** Why it failed, in words. */
  problem: string | null;
  /** A connection was lost; trying again by itself. */
  retrying: boolean;
}

export interface Batch {
  id: string;
  kind: 'files' | 'archive';
  files: readonly FileProgress[];
}

export type UploadAction =
  | { type: 'add'; batch: Batch }
  | { type: 'sending'; id: string; sentBytes: number }
  | { type: 'retrying'; id: string }
  | { type: 'state'; id: string; answer: Partial<UploadState> & Pick<UploadState, 'state'> }
  | { type: 'failed'; id: string; problem: string }
  | { type: 'cancel'; batchId: string }
  | { type: 'clearDone' };

const finalStates: readonly FileState[] = ['done', 'failed', 'cancelled'];

export function isFinal(file: FileProgress): boolean {
  return finalStates.includes(file.state);
}

function change(batches: readonly Batch[], id: string, patch: (file: FileProgress) => FileProgress): readonly Batch[] {
  return batches.map((batch) => {
    const at = batch.files.findIndex((file) => file.id === id);
    const file = batch.files[at];
    // What is over stays over: a late answer does not wake a cancelled file.
    if (file === undefined || isFinal(file)) return batch;
    return { ...batch, files: batch.files.map((one, index) => (index === at ? patch(one) : one)) };
  });
}

export function reduceUploads(batches: readonly Batch[], action: UploadAction): readonly Batch[] {
  switch (action.type) {
    case 'add':
      return [...batches, action.batch];
    case 'sending':
      return change(batches, action.id, (file) => ({
        ...file,
        state: 'sending',
        sentBytes: Math.min(action.sentBytes, file.sizeBytes),
        retrying: false,
      }));
    case 'retrying':
      return change(batches, action.id, (file) => ({ ...file, retrying: true }));
    case 'state': {
      const { answer } = action;
      return change(batches, action.id, (file) => ({
        ...file,
        retrying: false,
        state: answer.state === 'receiving' ? 'sending' : answer.state,
        sentBytes: answer.state === 'receiving' ? (answer.offset ?? file.sentBytes) : file.sizeBytes,
        stored: answer.stored ?? file.stored,
        duplicates: answer.duplicates ?? file.duplicates,
        skipped: answer.skipped ?? file.skipped,
        totalFiles: answer.total_files || file.totalFiles,
        doneFiles: answer.done_files ?? file.doneFiles,
      }));
    }
    case 'failed':
      return change(batches, action.id, (file) => ({ ...file, state: 'failed', problem: action.problem, retrying: false }));
    case 'cancel':
      return batches.map((batch) =>
        batch.id !== action.batchId
          ? batch
          : { ...batch, files: batch.files.map((file) => (isFinal(file) ? file : { ...file, state: 'cancelled', retrying: false })) },
      );
    case 'clearDone':
      return batches.filter((batch) => !batch.files.every(isFinal));
  }
}

export interface BatchSummary {
  state: FileState;
  share: number;
  sizeBytes: number;
  files: number;
  finished: number;
  stored: number;
  duplicates: number;
  failed: number;
  skipped: number;
  /** All is over, and nothing of it is in the storage: no reason for a green tick. */
  isEmpty: boolean;
  retrying: boolean;
}

export function summarize(batch: Batch): BatchSummary {
  let sizeBytes = 0;
  let sentBytes = 0;
  let work = 0;
  let finished = 0;
  let stored = 0;
  let duplicates = 0;
  let failed = 0;
  let skipped = 0;
  for (const file of batch.files) {
    sizeBytes += file.sizeBytes;
    sentBytes += isFinal(file) ? file.sizeBytes : file.sentBytes;
    // Storing what an archive holds is the second half of its work.
    work += file.state === 'processing' && file.totalFiles > 1 ? file.sizeBytes * (1 - file.doneFiles / file.totalFiles) * 0.5 : 0;
    finished += isFinal(file) ? 1 : 0;
    stored += file.stored;
    duplicates += file.duplicates;
    failed += file.state === 'failed' ? 1 : 0;
    skipped += file.skipped.length;
  }
  const all = batch.files.length;
  const states = new Set(batch.files.map((file) => file.state));
  let state: FileState = 'waiting';
  if (finished === all) state = states.has('cancelled') ? 'cancelled' : failed === all ? 'failed' : 'done';
  else if (states.has('sending') || finished > 0) state = 'sending';
  else if (states.has('processing')) state = 'processing';
  const share = state === 'done' ? 1 : sizeBytes === 0 ? finished / Math.max(1, all) : Math.max(0, sentBytes - work) / sizeBytes;
  return {
    state,
    share: Math.min(share, 1),
    sizeBytes,
    files: batch.kind === 'archive' ? (batch.files[0]?.totalFiles ?? 0) : all,
    finished,
    stored,
    duplicates,
    failed,
    skipped,
    isEmpty: state === 'done' && stored + duplicates === 0,
    retrying: batch.files.some((file) => file.retrying),
  };
}

export interface SkipGroup {
  reason: string;
  /** The server's words for a reason that this page does not know. */
  message: string;
  names: string[];
}

/** What was left out, by reason, from all uploads of the panel. */
export function skippedByReason(batches: readonly Batch[]): { count: number; groups: SkipGroup[] } {
  const groups = new Map<string, SkipGroup>();
  let count = 0;
  const add = (reason: string, message: string, name: string): void => {
    count += 1;
    const group = groups.get(reason) ?? { reason, message, names: [] };
    group.names.push(name);
    groups.set(reason, group);
  };
  for (const file of batches.flatMap((batch) => batch.files)) {
    for (const one of file.skipped) add(one.reason, one.message, one.name);
    if (file.state === 'failed') add(`failed:${file.problem ?? ''}`, file.problem ?? '', file.name);
  }
  return { count, groups: [...groups.values()] };
}
