import { Group, NumberInput, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import type { SeriesMaking } from '../../control/seriesMaking';
import { type PlaneKind, planeKinds } from '../../model/plane';
import { useViewer } from '../../ui/context';
import { SeriesDialog } from '../../ui/SeriesDialog';
import { type DialogProps, FormButtons } from '../../ui/sharedDialogs';
import { coverageOf, faultsOf, lengthMm, MAX_COUNT, planesOf, questionOf, type Reslice, startReslice, withWay } from '../model/reslice';
import { type SlabMode, slabModes } from '../model/state';
import type { CrossingPlanes } from '../../model/crossing';
import type { VolumeGrid } from '../../model/volumeGrid';
import { useMpr } from './context';
import classes from './mpr.module.css';

/** The window of the server that new series are made in: on no page. */
const CELL = 14;

/** Makes a new series of parallel planes, and says how far it is. */
export function ResliceDialog({ opened, onClose }: DialogProps) {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  return <SeriesDialog opened={opened} onClose={onClose} title={t('mpr.reslice.title')} size={600} cell={viewer.volumeCell(CELL)} form={(making) => <ResliceForm making={making} onClose={onClose} />} />;
}

function ResliceForm({ making, onClose }: { making: SeriesMaking; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { mpr } = useMpr();
  const { grid } = mpr;
  const { planes, slab, thicknessMm, interpolation } = mpr.state;
  const nameOf = (kind: PlaneKind): string => t('mpr.reslice.name', { plane: t(`mpr.${kind}`) });
  const [wish, setWish] = useState<Reslice | null>(() => (grid === null || planes === null ? null : stepped(grid, planes, startReslice(grid, planes, mpr.activePlane, { slab, thicknessMm }, nameOf(mpr.activePlane)))));
  if (grid === null || planes === null || wish === null) return <Text size="sm">{t('volume3d.loading')}</Text>;
  const faults = faultsOf(wish);
  const decimal = locale.startsWith('pt') ? ',' : '.';
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const shown = faults.size === 0 ? planesOf(grid, planes, wish, interpolation) : null;
  const choosePlane = (kind: PlaneKind): void => setWish({ ...withWay(grid, planes, wish, { kind }), description: wish.description === nameOf(wish.kind) ? nameOf(kind) : wish.description });
  const field = (label: string, value: number, set: (value: number) => void, fault: string | null, whatIs: { suffix?: string; decimals: number; max: number }): ReactNode => (
    <NumberInput
      label={label}
      value={value}
      onChange={(typed) => {
        if (typeof typed === 'number') set(typed);
      }}
      decimalScale={whatIs.decimals}
      decimalSeparator={decimal}
      min={10 ** -whatIs.decimals}
      max={whatIs.max}
      suffix={whatIs.suffix ?? ''}
      allowNegative={false}
      error={fault}
      style={{ flex: 1 }}
    />
  );
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        const { seriesId, volume } = mpr.opened.get();
        if (shown !== null && seriesId !== null) making.start(questionOf(shown, wish), { seriesId, volume });
      }}
    >
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          {t('mpr.reslice.help')}
        </Text>
        <Choices label={t('mpr.reslice.plane')} value={wish.kind} data={planeKinds.map((kind) => ({ value: kind, label: t(`mpr.${kind}`) }))} onChange={(kind) => choosePlane(kind as PlaneKind)} />
        <Choices label={t('mpr.slab.title')} value={wish.slab} data={slabModes.map((mode) => ({ value: mode, label: t(`mpr.slab.${mode}`) }))} onChange={(mode) => setWish(stepped(grid, planes, { ...wish, slab: mode as SlabMode }))} />
        <Group gap="sm" align="flex-start" wrap="nowrap">
          {wish.slab !== 'plane' && field(t('mpr.slab.thickness'), wish.thicknessMm, (mm) => setWish(thickened(grid, planes, wish, mm)), faults.has('thickness') ? t('mpr.reslice.mmFault') : null, { suffix: ' mm', decimals: 1, max: 1000 })}
          {field(t('mpr.reslice.step'), wish.stepMm, (mm) => setWish(mm > 0 ? withWay(grid, planes, wish, { stepMm: mm }) : { ...wish, stepMm: mm }), faults.has('step') ? t('mpr.reslice.mmFault') : null, { suffix: ' mm', decimals: 4, max: 1000 })}
          {field(t('mpr.reslice.count'), wish.count, (count) => setWish({ ...wish, count }), faults.has('count') ? t('mpr.reslice.countFault', { most: MAX_COUNT }) : null, { decimals: 0, max: MAX_COUNT })}
        </Group>
        <TextInput label={t('mpr.reslice.description')} value={wish.description} maxLength={64} onChange={(event) => setWish({ ...wish, description: event.currentTarget.value })} error={faults.has('description') ? t('mpr.reslice.descriptionFault') : null} />
        {/* Room is kept: the words change while a number is typed. */}
        <Text size="xs" c="dimmed" style={{ minHeight: 32 }}>
          {shown !== null && t(`mpr.reslice.${coverageOf(grid, planes, wish)}`, { count: wish.count, width: shown.width_px, height: shown.height_px, mm: number.format(lengthMm(wish)) })}
        </Text>
        <FormButtons submit={t('mpr.reslice.make')} disabled={shown === null} onClose={onClose} />
      </Stack>
    </form>
  );
}

/** Slabs lie half over one another, planes a voxel apart. */
export function stepped(grid: VolumeGrid, planes: CrossingPlanes, wish: Reslice): Reslice {
  if (wish.slab === 'plane') return withWay(grid, planes, wish, { kind: wish.kind });
  return wish.thicknessMm > 0 ? withWay(grid, planes, wish, { stepMm: wish.thicknessMm / 2 }) : wish;
}

/** A step that nobody has chosen goes with the thickness. */
export function thickened(grid: VolumeGrid, planes: CrossingPlanes, wish: Reslice, thicknessMm: number): Reslice {
  const follows = Math.abs(wish.stepMm - wish.thicknessMm / 2) < 0.006;
  return follows ? stepped(grid, planes, { ...wish, thicknessMm }) : { ...wish, thicknessMm };
}

function Choices({ label, value, data, onChange }: { label: string; value: string; data: { value: string; label: string }[]; onChange: (value: string) => void }) {
  return (
    <Stack gap={4}>
      <Text size="sm" fw={500} component="span" aria-hidden>
        {label}
      </Text>
      <SegmentedControl value={value} data={data} onChange={onChange} aria-label={label} fullWidth classNames={{ root: classes.choiceBar ?? '', indicator: classes.choiceMark ?? '', label: classes.choiceLabel ?? '' }} />
    </Stack>
  );
}
