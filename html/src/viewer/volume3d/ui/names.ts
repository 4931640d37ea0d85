import { useCallback } from 'react';
import { useTranslation } from '../../../shared/i18n';
import type { LookName } from '../control/sceneState';

/** Presets by their names in the doctor's language; one that this page does not know by its own. */
export function usePresetName(): (presetId: string) => string {
  const { t } = useTranslation('viewer');
  return useCallback((presetId) => t(`volume3d.preset.${presetId}`, { defaultValue: presetId.replaceAll('_', ' ') }), [t]);
}

/** The name of a look, empty for one that was changed. */
export function useLookName(): (name: LookName | null) => string {
  const presetName = usePresetName();
  return useCallback((name) => (name === null ? '' : name.kind === 'own' ? name.name : presetName(name.name)), [presetName]);
}

/** Tissues of the server's presets have names in every language, those of a doctor stay as he wrote them. */
export function useTissueName(): (name: string) => string {
  const { t } = useTranslation('viewer');
  return useCallback((name) => (/^\w+$/.test(name) ? t(`volume3d.tissue.${name}`, { defaultValue: name }) : name), [t]);
}
