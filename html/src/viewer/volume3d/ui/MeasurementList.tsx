import { ActionIcon, TextInput } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import { useViewer } from '../../ui/context';
import type { Measurement } from '../model/measure';
import { useVolume } from './context';
import { measurementText } from './DrawOverlay';
import classes from './Stage.module.css';

type Translate = (key: string, values?: Record<string, unknown>) => string;
const LONGEST_NAME = 40;

function useText(): (one: Measurement) => string {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  return (one) => `${t(`volume3d.tool.${one.kind}`)} ${measurementText(one, locale, t as Translate)}`;
}

/** Measurements for who cannot see or reach them on the model; shown while one of them has the focus. */
export function MeasurementList() {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const measurements = useSelected(scene.store, (state) => state.measurements);
  const textOf = useText();
  if (measurements.length === 0) return null;
  return (
    <ul className={classes.list} aria-label={t('volume3d.measure.list')} data-zone="measurements">
      {measurements.map((one) => (
        <li key={one.id}>
          <button type="button" onClick={() => scene.select(one.id)}>
            {textOf(one)}
          </button>
          <button type="button" onClick={() => scene.removeMeasurement(one.id)} aria-label={t('volume3d.measure.remove', { name: textOf(one) })}>
            <IconTrash size={14} stroke={1.7} aria-hidden />
          </button>
        </li>
      ))}
    </ul>
  );
}

/** The measurement that is chosen: what it says, a marker's name, and a way to delete it. */
export function ChosenMeasurement() {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const chosen = useSelected(scene.store, ({ measurements, selected }) => measurements.find((one) => one.id === selected) ?? null);
  const textOf = useText();
  if (chosen === null) return null;
  return (
    <div className={classes.chosen} data-chrome="">
      {chosen.kind === 'marker' ? (
        <TextInput size="xs" aria-label={t('volume3d.measure.name')} value={chosen.name} maxLength={LONGEST_NAME} onChange={(event) => scene.nameMarker(chosen.id, event.currentTarget.value)} />
      ) : (
        <span>{textOf(chosen)}</span>
      )}
      <ActionIcon variant="subtle" color="gray" size={28} aria-label={t('volume3d.measure.remove', { name: textOf(chosen) })} onClick={() => scene.removeMeasurement(chosen.id)}>
        <IconTrash size={16} stroke={1.7} aria-hidden />
      </ActionIcon>
    </div>
  );
}
