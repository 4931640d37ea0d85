/** Lists of MPR's tool bar, also shown on phones. */

import { Menu } from '@mantine/core';
import { IconAdjustmentsHorizontal, IconArrowsVertical, IconCheck } from '@tabler/icons-react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected, useStore } from '../../control/store';
import { formatNumber, formatTenths, formatWindowNumber } from '../../model/numbers';
import { planeKinds } from '../../model/plane';
import { type Say, sayOf } from '../../model/sentences';
import { presetsFor, sameWindow, type Window, windowValues } from '../../model/windowing';
import { Choice } from '../../ui/Choice';
import { ColourItems } from '../../ui/ColourItems';
import { useViewer } from '../../ui/context';
import { PlayModeItems, PlaySettings } from '../../ui/playMenus';
import { FamilyMenu } from '../../ui/ToolButton';
import { mprLayouts, slabModes } from '../model/state';
import { useMpr } from './context';

/** The window's name: a preset, what the image recommends, the whole range, or own values. */
export function useWindowName(): string {
  const { t } = useTranslation('viewer');
  const { mpr } = useMpr();
  const { window, presetId } = useStore(mpr.store);
  if (window.kind === 'full_dynamic') return t('window.fullDynamic');
  if (window.kind === 'recommended') return t('window.recommended');
  return presetId === null ? t('window.own') : t(`preset.${presetId}`);
}

/** The list of windows, common to all planes. */
export function WindowMenu() {
  const { t } = useTranslation('viewer');
  return (
    <FamilyMenu label={t('window.list')} text={useWindowName()} width={288}>
      <WindowItems />
    </FamilyMenu>
  );
}

export function WindowItems() {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { mpr, openWindowDialog } = useMpr();
  const { window, presetId } = useStore(mpr.store);
  const modality = useSelected(mpr.cell('axial').store, ({ opened }) => opened?.modality ?? '');
  const facts = useSelected(mpr.cell('axial').store, (state) => state.facts);
  const choose = (next: Window, id: string | null) => (at: number) => mpr.setWindow(next, id, at, false);
  const written = (value: number): string => formatWindowNumber(value, facts === null ? 1 : facts.highest - facts.lowest, locale);
  const range = facts === null ? '' : t('window.range', { low: written(facts.lowest), high: written(facts.highest) });
  const presets = presetsFor(modality);
  return (
    <>
      <Choice chosen={window.kind === 'recommended'} label={t('window.recommended')} hint={t('window.fromImage')} onChoose={choose({ kind: 'recommended', index: 0 }, null)} />
      <Choice chosen={window.kind === 'full_dynamic'} label={t('window.fullDynamic')} hint={range} onChoose={choose({ kind: 'full_dynamic' }, null)} />
      {presets.length > 0 && <Menu.Divider />}
      {presets.map((preset) => {
        const values = windowValues(preset, undefined);
        return (
          <Choice
            key={preset.id}
            chosen={presetId === preset.id && sameWindow(window, values)}
            label={t(`preset.${preset.id}`)}
            hint={`${formatWindowNumber(preset.width, preset.width, locale)} / ${formatWindowNumber(preset.center, preset.width, locale)}`}
            onChoose={choose(values, preset.id)}
          />
        );
      })}
      <Menu.Divider />
      <Menu.Item leftSection={<IconAdjustmentsHorizontal size={16} aria-hidden />} onClick={openWindowDialog}>
        {t('window.set')}
      </Menu.Item>
    </>
  );
}

export function InterpolationItems() {
  const { t } = useTranslation('viewer');
  const { mpr } = useMpr();
  const { interpolation } = useStore(mpr.store);
  return (
    <>
      <Menu.Label>{t('interpolation.title')}</Menu.Label>
      {(['trilinear', 'nearest'] as const).map((name) => (
        <Choice key={name} chosen={interpolation === name} label={t(`mpr.interpolation.${name}`)} onChoose={(at) => mpr.setInterpolation(name, at)} />
      ))}
    </>
  );
}

export function PlaneColourItems() {
  const { mpr } = useMpr();
  const { colours } = useStore(mpr.store);
  return <ColourItems chosen={colours} onChoose={(table, at) => mpr.setColours(table, at)} />;
}

const STEPS_MM = [0.5, 1, 2, 3, 5, 10] as const;

export function StepItems() {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { mpr } = useMpr();
  const { stepMm } = useStore(mpr.store);
  return (
    <>
      <Menu.Label>{t('mpr.step.title')}</Menu.Label>
      <Choice chosen={stepMm === null} label={t('mpr.step.voxel')} onChoose={() => mpr.setStep(null)} />
      {STEPS_MM.map((mm) => (
        <Choice key={mm} chosen={stepMm === mm} label={t('mpr.step.mm', { mm: formatNumber(mm, locale, 1) })} onChoose={() => mpr.setStep(mm)} />
      ))}
    </>
  );
}

/** What the tools of the slab do, where there is no room for them; its thickness by numbers in a dialog. */
export function SlabItems() {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { mpr, openSlabDialog } = useMpr();
  const { slab, thicknessMm, keepSquare } = useStore(mpr.store);
  return (
    <>
      {slabModes.map((mode) => (
        <Choice key={mode} chosen={slab === mode} label={t(`mpr.slab.${mode}`)} onChoose={(at) => mpr.setSlab(mode, at)} />
      ))}
      <Menu.Item leftSection={<IconArrowsVertical size={16} aria-hidden />} rightSection={<span data-hint="">{t('mpr.step.mm', { mm: formatTenths(thicknessMm, locale) })}</span>} onClick={openSlabDialog}>
        {t('mpr.slab.set')}
      </Menu.Item>
      <Menu.CheckboxItem
        closeMenuOnClick
        checked={keepSquare}
        checkIcon={<IconCheck size={16} aria-hidden />}
        data-chosen={keepSquare || undefined}
        onChange={(checked) => mpr.setKeepSquare(checked, performance.now())}
      >
        {t('mpr.square.on')}
      </Menu.CheckboxItem>
    </>
  );
}

export function OrientItems() {
  const { t } = useTranslation('viewer');
  const { mpr } = useMpr();
  useStore(mpr.store);
  return (
    <>
      <Menu.Label>{t('mpr.action.orient')}</Menu.Label>
      {planeKinds.map((kind) => (
        <Menu.Item key={kind} onClick={(event) => mpr.orient(mpr.activePlane, kind, event.timeStamp)}>
          {t('mpr.action.orientAs', { plane: t(`mpr.${kind}`) })}
        </Menu.Item>
      ))}
    </>
  );
}

export function LayoutItems() {
  const { t } = useTranslation('viewer');
  const { mpr } = useMpr();
  const { layout } = useStore(mpr.store);
  return (
    <>
      <Menu.Label>{t('layout.title')}</Menu.Label>
      {mprLayouts.map((one) => (
        <Choice key={one} chosen={layout === one} label={t(`mpr.layout.${one}`)} onChoose={() => mpr.setLayout(one)} />
      ))}
    </>
  );
}

/** The volumes that the series has, nothing where it has one. */
export function VolumeItems() {
  const { t } = useTranslation(['viewer', 'sentences']);
  const { mpr, seriesId } = useMpr();
  const opened = useSelected(mpr.cell('axial').store, (state) => state.opened);
  if (opened === null || opened.volumes.length < 2) return null;
  return (
    <>
      <Menu.Label>{t('mpr.volumes.title')}</Menu.Label>
      {opened.volumes.map(({ number, label }) => (
        <Choice key={number} chosen={number === opened.volume} label={sayOf(t as unknown as Say, label)} onChoose={() => mpr.open(seriesId, number)} />
      ))}
    </>
  );
}

const SPEEDS = [1, 2, 3, 5, 8, 10, 12, 15, 20, 25, 30] as const;

/** Speed and way of playing the active plane. */
export function FilmSettings() {
  const { mpr } = useMpr();
  const { fps, playMode } = useStore(mpr.store);
  return <PlaySettings speeds={SPEEDS} fps={fps} onFps={(speed) => mpr.store.set({ fps: speed })} playMode={playMode} onMode={(mode) => mpr.setPlayMode(mode)} />;
}

export function FilmModeItems() {
  const { mpr } = useMpr();
  const { playMode } = useStore(mpr.store);
  return <PlayModeItems playMode={playMode} onMode={(mode) => mpr.setPlayMode(mode)} />;
}

