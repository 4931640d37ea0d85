/** Digests of UIDs: storage must recognise a study or an image again without naming it. */

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

export const DIGEST_LETTERS = 24;

/**
 * The first 12 bytes of the SHA-256 of a UID, salted with the user, as hexadecimal digits. The browser's own
 * `crypto.subtle` is missing on pages without TLS, which hospitals' inner networks have.
 */
export function digestOf(userId: number, uid: string): string {
  return bytesToHex(sha256(utf8ToBytes(`${userId}/${uid}`))).slice(0, DIGEST_LETTERS);
}
