/** Digests of UIDs: storage must recognise a study, a series or an image again without naming it. */

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Series, StudyWithSeries } from '../../../shared/api/types';
import type { ImageReference } from '../../../shared/protocol/messages';
import type { SeriesDetail } from '../../model/series';

export const DIGEST_LETTERS = 24;

/**
 * The first 12 bytes of the SHA-256 of a UID, salted with the user, as hexadecimal digits. The browser's own
 * `crypto.subtle` is missing on pages without TLS, which hospitals' inner networks have.
 */
export function digestOf(userId: number, uid: string): string {
  return bytesToHex(sha256(utf8ToBytes(`${userId}/${uid}`))).slice(0, DIGEST_LETTERS);
}

/** Digests for one user, each computed once. */
export class Digests {
  readonly #userId: number;
  readonly #known = new Map<string, string>();

  constructor(userId: number) {
    this.#userId = userId;
  }

  of(uid: string): string {
    let digest = this.#known.get(uid);
    if (digest === undefined) {
      digest = digestOf(this.#userId, uid);
      this.#known.set(uid, digest);
    }
    return digest;
  }
}

/** The digest of an instance's SOP Instance UID; null while the images are not known or have no such instance. */
export function digestOfInstance(digests: Digests, detail: SeriesDetail | null, instanceId: number): string | null {
  const frame = detail?.frames.find((one) => one.instance_id === instanceId);
  return frame === undefined ? null : digests.of(frame.sop_instance_uid);
}

/** The frame of the SOP instance with this digest, by its number at the server now; null where it is not there. */
export function frameWith(digests: Digests, detail: SeriesDetail, digest: string, frameNumber: number): ImageReference | null {
  const frame = detail.frames.find((one) => one.frame_number === frameNumber && digests.of(one.sop_instance_uid) === digest);
  return frame === undefined ? null : { instance_id: frame.instance_id, frame_number: frame.frame_number };
}

export function seriesWith(digests: Digests, study: StudyWithSeries | null, digest: string): Series | null {
  return study?.series.find((one) => digests.of(one.series_instance_uid) === digest) ?? null;
}
