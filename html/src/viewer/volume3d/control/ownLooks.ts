/** Looks that a doctor saved under names of the own: a setting of the user, so they are there on every machine. */

import type { Look } from '../../../shared/protocol/messages';
import { parseClientMessage } from '../../../shared/protocol/validate';

export const SETTING = 'volume.looks';
/** Of the whole setting, as the server takes it. */
const MAX_BYTES = 64 * 1024;
export const MAX_NAME = 64;
export const MAX_LOOKS = 60;

export interface OwnLook {
  readonly name: string;
  /** Values of another modality mean something else: offered to its own only. */
  readonly modality: string;
  readonly look: Look;
}

/** What is kept, as far as it is understood: what a newer or an older page wrote may not be. */
export function readLooks(value: unknown): OwnLook[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is OwnLook => {
    if (typeof one !== 'object' || one === null) return false;
    const { name, modality, look } = one as Partial<OwnLook>;
    return typeof name === 'string' && name !== '' && typeof modality === 'string' && isLook(look);
  });
}

/** By the rules of the contract, as the server would judge it. */
function isLook(look: unknown): look is Look {
  const pose = { width_px: 1, height_px: 1, target_lps_mm: [0, 0, 0], right_lps: [1, 0, 0], down_lps: [0, 1, 0], mm_per_px: 1 };
  try {
    parseClientMessage(JSON.stringify({ type: 'camera', cell: 0, revision: 0, pose, look }));
  } catch {
    return false;
  }
  return typeof look === 'object' && look !== null;
}

export type SaveFault = 'noName' | 'tooLong' | 'tooMany' | 'tooLarge';

/** A look under a name; one of the same name and modality is replaced. */
export function withLook(looks: readonly OwnLook[], saved: OwnLook): { looks: OwnLook[] } | { fault: SaveFault } {
  const name = saved.name.trim();
  if (name === '') return { fault: 'noName' };
  if ([...name].length > MAX_NAME) return { fault: 'tooLong' };
  const next = [...looks.filter((one) => one.name !== name || one.modality !== saved.modality), { ...saved, name }];
  if (next.length > MAX_LOOKS) return { fault: 'tooMany' };
  if (new TextEncoder().encode(JSON.stringify(next)).length > MAX_BYTES) return { fault: 'tooLarge' };
  return { looks: next };
}

export function withoutLook(looks: readonly OwnLook[], { name, modality }: OwnLook): OwnLook[] {
  return looks.filter((one) => one.name !== name || one.modality !== modality);
}
