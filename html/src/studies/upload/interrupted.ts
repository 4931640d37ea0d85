/** Uploads that were begun and left, as the server lists them to their owner. */

import type { UnfinishedUpload, UploadTail } from '../../shared/api/types';
import { crc32 } from './crc32';

/** Another page of this user may be sending: its upload is no interrupted one. */
const idleFromS = 5;

/** The uploads that nobody sends: neither this page, nor another one a moment ago. */
export function interruptedOf(uploads: readonly UnfinishedUpload[], ownIds: ReadonlySet<string>): UnfinishedUpload[] {
  return uploads.filter((one) => !ownIds.has(one.upload_id) && one.idle_s >= idleFromS);
}

/** Whether a chosen file can be the one that was being sent; names come without the folders above them. */
export function isSameFile(file: Pick<File, 'name' | 'size'>, upload: UnfinishedUpload): boolean {
  return file.size === upload.size_bytes && file.name === upload.name.split(/[/\\]/).at(-1);
}

/** Whether the bytes that the server got last stand at the same place of a file. */
export async function holdsTail(file: Blob, offset: number, tail: UploadTail | undefined): Promise<boolean> {
  if (tail === undefined || tail.length === 0) return true;
  const octets = new Uint8Array(await file.slice(offset - tail.length, offset).arrayBuffer());
  return crc32(octets) === tail.crc32;
}
