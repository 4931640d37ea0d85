import { useMemo } from 'react';
import { useUserSetting } from '../../../shared/session/settings';
import { useSelected } from '../../control/store';
import { type OwnLook, readLooks, type SaveFault, SETTING, withLook, withoutLook } from '../control/ownLooks';
import type { LookName } from '../control/sceneState';
import { useVolume } from './context';

/** Names that were given to looks by saving them, not by choosing one. */
const given = new WeakSet<LookName>();

export function isJustSaved(name: LookName): boolean {
  return given.has(name);
}

interface OwnLooks {
  /** Those that were saved for volumes of this modality. */
  looks: OwnLook[];
  /** @returns what stands against it, null where it is saved */
  save: (name: string) => SaveFault | null;
  remove: (look: OwnLook) => void;
}

/** Looks under names of the doctor's own, kept on the server. */
export function useOwnLooks(): OwnLooks {
  const { scene } = useVolume();
  const { value, save } = useUserSetting(SETTING);
  const modality = useSelected(scene.cell.store, ({ opened }) => opened?.modality ?? '');
  const all = useMemo(() => readLooks(value), [value]);
  return {
    looks: all.filter((one) => one.modality === modality),
    save: (name) => {
      const { look } = scene.state;
      if (look === null) return 'noName';
      const next = withLook(all, { name, modality, look });
      if ('fault' in next) return next.fault;
      save(next.looks);
      const saved: LookName = { kind: 'own', name: name.trim() };
      given.add(saved);
      scene.store.set({ name: saved, baseLook: look });
      return null;
    },
    remove: (look) => save(withoutLook(all, look)),
  };
}
