/** Presets in the order in which a doctor meets them. */

import type { Preset } from '../../../shared/protocol/messages';

/** What stands in the strip as far as there is room; the rest is under More. */
const FIRST: readonly string[] = [
  'ct_bone_vessels', 'ct_bone', 'ct_vessels', 'ct_soft', 'ct_lung', 'ct_airways_minip', 'ct_skin', 'ct_muscle', 'ct_mip',
  'mr_surface', 'mr_angiography_mip', 'mr_angiography', 'mr_inside', 'xa_vessels', 'mip', 'minip', 'average',
];

/** Of two that are named alike, the one that is made for the modality stands for both. */
const BETTER: Readonly<Record<string, string>> = { mip: 'ct_mip', average: 'ct_average' };

function offered(presets: readonly Preset[]): Preset[] {
  const ids = new Set(presets.map(({ preset_id }) => preset_id));
  return presets.filter(({ preset_id }) => !ids.has(BETTER[preset_id] ?? ''));
}

export function inOrder(presets: readonly Preset[], defaultPreset: string): Preset[] {
  const rank = ({ preset_id }: Preset): number => {
    if (preset_id === defaultPreset) return -1;
    const at = FIRST.indexOf(preset_id);
    return at < 0 ? FIRST.length : at;
  };
  return offered(presets).sort((one, other) => rank(one) - rank(other));
}

/** By group, in the order of the server's list. */
export function inGroups(presets: readonly Preset[]): [string, Preset[]][] {
  const groups = new Map<string, Preset[]>();
  for (const preset of offered(presets)) groups.set(preset.group, [...(groups.get(preset.group) ?? []), preset]);
  return [...groups];
}
