import { Alert, Group, NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { api, ApiError } from '../../../shared/api/client';
import { useTranslation } from '../../../shared/i18n';
import type { SeriesMaking } from '../../control/seriesMaking';
import { useSelected } from '../../control/store';
import { useViewer } from '../../ui/context';
import { saveFile } from '../../ui/exportPicture';
import { SeriesDialog } from '../../ui/SeriesDialog';
import { type DialogProps, FormButtons, ViewerDialog } from '../../ui/sharedDialogs';
import { faultsOf, questionOf, startTurn, startValue, surfaceWish, type TurnSeries } from '../model/output';
import { useVolume } from './context';

function useDecimal(): string {
  return useViewer().locale.startsWith('pt') ? ',' : '.';
}

/** Pictures of the model, turned as it is seen, as a new series. */
export function TurnSeriesDialog({ opened, onClose }: DialogProps) {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  return <SeriesDialog opened={opened} onClose={onClose} title={t('volume3d.turnSeries.title')} size={420} cell={scene.cell} form={(making) => <TurnForm making={making} onClose={onClose} />} />;
}

function TurnForm({ making, onClose }: { making: SeriesMaking; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const decimal = useDecimal();
  const [wish, setWish] = useState<TurnSeries>(() => startTurn(t('volume3d.turnSeries.name')));
  const faults = faultsOf(wish);
  const field = (label: string, value: number, set: (value: number) => void, fault: string | null, ends: { min: number; max: number; suffix?: string }): ReactNode => (
    <NumberInput
      label={label}
      value={value}
      onChange={(typed) => {
        if (typeof typed === 'number') set(typed);
      }}
      decimalScale={0}
      decimalSeparator={decimal}
      min={ends.min}
      max={ends.max}
      suffix={ends.suffix ?? ''}
      error={fault}
      style={{ flex: 1 }}
    />
  );
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (faults.size === 0) making.start(questionOf(wish), null);
      }}
    >
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          {t('volume3d.turnSeries.help')}
        </Text>
        <Group gap="sm" align="flex-start" wrap="nowrap">
          {field(t('volume3d.turnSeries.count'), wish.count, (count) => setWish({ ...wish, count }), faults.has('count') ? t('mpr.reslice.countFault', { most: 360 }) : null, { min: 1, max: 360 })}
          {field(t('volume3d.turnSeries.degrees'), wish.degrees, (degrees) => setWish({ ...wish, degrees }), faults.has('degrees') ? t('volume3d.turnSeries.degreesFault') : null, { min: -360, max: 360, suffix: '°' })}
          {field(t('volume3d.turnSeries.size'), wish.sidePx, (sidePx) => setWish({ ...wish, sidePx }), faults.has('size') ? t('volume3d.turnSeries.sizeFault') : null, { min: 64, max: 2048, suffix: ' px' })}
        </Group>
        <TextInput label={t('mpr.reslice.description')} value={wish.description} maxLength={64} onChange={(event) => setWish({ ...wish, description: event.currentTarget.value })} error={faults.has('description') ? t('mpr.reslice.descriptionFault') : null} />
        <FormButtons submit={t('mpr.reslice.make')} disabled={faults.size > 0} onClose={onClose} />
      </Stack>
    </form>
  );
}

/** The surface of what is not under a value, as a file for other programs. */
export function SurfaceDialog({ opened, onClose }: DialogProps) {
  const { t } = useTranslation('viewer');
  return (
    <ViewerDialog opened={opened} onClose={onClose} title={t('volume3d.surface.title')} size={420}>
      <SurfaceForm onClose={onClose} />
    </ViewerDialog>
  );
}

function SurfaceForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const decimal = useDecimal();
  const { scene } = useVolume();
  const facts = useSelected(scene.cell.store, (state) => state.facts);
  const [value, setValue] = useState<number | null>(() => startValue(scene.state.look, facts));
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const save = async (level: number): Promise<void> => {
    const { reference } = scene.cell.state;
    if (reference === null) return;
    setBusy(true);
    setFault(null);
    try {
      const path = `/v2/render/series/${reference.seriesId}/volumes/${reference.volume}/surface`;
      const file = await api.file(path, surfaceWish(level, scene.state.cuts.present.steps));
      saveFile(file, `surface-${Math.round(level)}.stl`);
      onClose();
    } catch (error) {
      setFault(error instanceof ApiError && error.message !== '' ? error.message : t('common:tryAgain'));
    }
    setBusy(false);
  };
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (value !== null && !busy) void save(value);
      }}
    >
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          {t('volume3d.surface.help')}
        </Text>
        <NumberInput
          label={t('volume3d.surface.value')}
          value={value ?? ''}
          onChange={(typed) => setValue(typeof typed === 'number' ? typed : null)}
          decimalSeparator={decimal}
          suffix={facts === null || facts.unit === '' ? '' : ` ${facts.unit}`}
          error={value === null ? t('volume3d.surface.valueFault') : null}
          data-autofocus
        />
        {fault !== null && <Alert color="red">{fault}</Alert>}
        <FormButtons submit={t(busy ? 'volume3d.surface.making' : 'volume3d.surface.make')} disabled={value === null || busy} onClose={onClose} />
      </Stack>
    </form>
  );
}
