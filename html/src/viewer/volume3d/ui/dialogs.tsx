import { Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useStore } from '../../control/store';
import { keyLabel } from '../../input/actions';
import { parseNumber } from '../../model/numbers';
import { useViewer } from '../../ui/context';
import { type DialogProps, FormButtons, KeyTables, ViewerDialog } from '../../ui/sharedDialogs';
import { toolKeys } from '../control/hands';
import { MAX_NAME, type SaveFault } from '../control/ownLooks';
import type { Tool } from '../control/sceneState';
import { anglesOf, frameFromAngles } from '../model/orientations';
import { useVolume } from './context';
import { useOwnLooks } from './useOwnLooks';

/** From where the model is seen, in whole degrees as an angiography unit counts them. */
export function AnglesDialog({ opened, onClose }: DialogProps) {
  const { t } = useTranslation('viewer');
  return (
    <ViewerDialog opened={opened} onClose={onClose} title={t('volume3d.angles.title')} size={360}>
      <AnglesForm onClose={onClose} />
    </ViewerDialog>
  );
}

const LIMITS = { rotation: 180, angulation: 90, roll: 180 } as const;
type Angle = keyof typeof LIMITS;

function AnglesForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { scene } = useVolume();
  const [texts, setTexts] = useState<Record<Angle, string>>(() => {
    const { camera } = scene.state;
    const now = camera === null ? { rotationDeg: 0, angulationDeg: 0, rollDeg: 0 } : anglesOf(camera);
    return { rotation: String(Math.round(now.rotationDeg)), angulation: String(Math.round(now.angulationDeg)), roll: String(Math.round(now.rollDeg)) };
  });
  const [tried, setTried] = useState(false);
  const valueOf = (angle: Angle): number | null => {
    const { value } = parseNumber(texts[angle], locale);
    return value !== null && Number.isInteger(value) && Math.abs(value) <= LIMITS[angle] ? value : null;
  };
  const [rotation, angulation, roll] = [valueOf('rotation'), valueOf('angulation'), valueOf('roll')];
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (rotation === null || angulation === null || roll === null) return;
        scene.orient(frameFromAngles({ rotationDeg: rotation, angulationDeg: angulation, rollDeg: roll }), event.timeStamp);
        onClose();
      }}
    >
      <Stack gap="md">
        {(Object.keys(LIMITS) as Angle[]).map((angle, index) => (
          <TextInput
            key={angle}
            label={t(`volume3d.angles.${angle}`)}
            description={t(`volume3d.angles.${angle}Help`)}
            descriptionProps={{ mb: 6 }}
            rightSection={<span aria-hidden>°</span>}
            value={texts[angle]}
            onChange={(event) => setTexts({ ...texts, [angle]: event.currentTarget.value })}
            autoComplete="off"
            {...(index === 0 ? { 'data-autofocus': true } : {})}
            error={tried && valueOf(angle) === null ? t('volume3d.angles.fault', { limit: LIMITS[angle] }) : null}
          />
        ))}
        <FormButtons submit={t('window.apply')} onClose={onClose} />
      </Stack>
    </form>
  );
}

/** Saves the look as it is under a name. */
export function SaveLookDialog({ opened, onClose }: DialogProps) {
  const { t } = useTranslation('viewer');
  return (
    <ViewerDialog opened={opened} onClose={onClose} title={t('volume3d.look.saveTitle')} size={360}>
      <SaveLookForm onClose={onClose} />
    </ViewerDialog>
  );
}

function SaveLookForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const { looks, save } = useOwnLooks();
  const { name: now } = scene.state;
  const [name, setName] = useState(now?.kind === 'own' ? now.name : '');
  const [fault, setFault] = useState<SaveFault | null>(null);
  const replaces = looks.some((one) => one.name === name.trim());
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        const wrong = save(name);
        setFault(wrong);
        if (wrong === null) onClose();
      }}
    >
      <Stack gap="md">
        <TextInput
          label={t('volume3d.look.name')}
          descriptionProps={{ mb: 6 }}
          description={replaces ? t('volume3d.look.replaces') : t('volume3d.look.saveHelp')}
          value={name}
          maxLength={MAX_NAME}
          onChange={(event) => setName(event.currentTarget.value)}
          autoComplete="off"
          data-autofocus
          error={fault === null ? null : t(`volume3d.look.fault.${fault}`)}
        />
        <FormButtons submit={t('volume3d.look.saveNow')} onClose={onClose} />
      </Stack>
    </form>
  );
}

/** All keys of the volume page and what the mouse does. */
export function VolumeKeysDialog({ opened, onClose }: DialogProps) {
  const { t } = useTranslation('viewer');
  return (
    <ViewerDialog opened={opened} onClose={onClose} title={t('action.keys')} size={600}>
      <Keys />
    </ViewerDialog>
  );
}

function Keys() {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const { bindings } = useStore(scene.store);
  const keys: [string, string[]][] = [
    [t('volume3d.keys.turn'), ['←', '→', '↑', '↓']],
    [t('volume3d.keys.move'), ['Shift + ←', '→', '↑', '↓']],
    [t('volume3d.keys.zoom'), ['+', '-']],
    [t('volume3d.keys.turnBox'), ['←', '→', '↑', '↓']],
    ...(Object.entries(toolKeys) as [Tool, string][]).map(([tool, key]): [string, string[]] => [t(`volume3d.tool.${tool}`), [key]]),
    [t('volume3d.action.play'), ['Space']],
    [t('volume3d.action.undo'), [keyLabel('Control+Z')]],
    [t('volume3d.action.redo'), [keyLabel('Control+Y')]],
    [t('volume3d.action.resetPosition'), ['0']],
    [t('action.overlays'), ['O']],
    [t('action.exportPicture'), [keyLabel('Control+S')]],
    [t('volume3d.keys.remove'), ['Del']],
    [t('keys.regions'), ['F6']],
    [t('volume3d.keys.escape'), ['Esc']],
  ];
  const mouse: [string, string][] = [
    ...(['left', 'middle', 'right'] as const).map((button): [string, string] => [t(`volume3d.tool.${bindings[button]}`), t(`keys.drag.${button}`)]),
    [t('volume3d.keys.zoom'), t('keys.wheel')],
    [t('volume3d.box.turn'), t('volume3d.keys.shiftFace')],
    [t('keys.menu'), t('keys.rightClick')],
    [t('keys.toolClickDoes'), t('keys.toolClick')],
  ];
  return <KeyTables keys={keys} mouse={mouse} />;
}
