import { Slider, TextInput, Tooltip, UnstyledButton } from '@mantine/core';
import { IconLock, IconLockOpen } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useStore } from '../../control/store';
import { formatNumber, formatTenths, parseNumber } from '../../model/numbers';
import { useViewer } from '../../ui/context';
import { keepFocus } from '../../ui/ToolButton';
import { MAX_THICKNESS_MM, type SlabMode, slabModes } from '../model/state';
import { useMpr } from './context';
import classes from './mpr.module.css';

/** The slider goes as far as slabs are used; the field takes more. */
const SLIDER_MM = 60;
const STEP_MM = 0.5;

/** Plane, MIP, mIP, AIP; how thick; and whether the planes stay perpendicular. */
export function SlabTools({ sheet = false }: { sheet?: boolean }) {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { mpr } = useMpr();
  const { slab, thicknessMm } = useStore(mpr.store);
  const modes = (
    <span className={classes.modes} role="group" aria-label={t('mpr.slab.title')}>
      {slabModes.map((mode) => (
        <Mode key={mode} mode={mode} chosen={mode === slab} />
      ))}
    </span>
  );
  const slider = (
    <Slider
      className={classes.slider ?? ''}
      size="sm"
      min={0}
      max={SLIDER_MM}
      step={STEP_MM}
      label={null}
      thumbLabel={t('mpr.slab.thickness')}
      thumbValueText={t('mpr.step.mm', { mm: formatNumber(thicknessMm, locale, 1) })}
      value={Math.min(SLIDER_MM, thicknessMm)}
      onChange={(value) => {
        if (value !== Math.min(SLIDER_MM, thicknessMm)) mpr.setThickness(value, performance.now(), true);
      }}
    />
  );
  if (!sheet) {
    return (
      <span className={classes.slab}>
        <span className={classes.label} aria-hidden>
          {t('mpr.slab.title')}
        </span>
        {modes}
        {slider}
        <ThicknessField />
        <SquareLock />
      </span>
    );
  }
  return (
    <div className={classes.slabSheet}>
      {modes}
      {slider}
      <div className={classes.sheetLine}>
        <ThicknessField labelled />
        <SquareLock labelled />
      </div>
    </div>
  );
}

function Mode({ mode, chosen }: { mode: SlabMode; chosen: boolean }) {
  const { t } = useTranslation('viewer');
  const { mpr } = useMpr();
  return (
    <Tooltip label={t(`mpr.slab.${mode}Tip`)}>
      <UnstyledButton
        className={classes.mode}
        data-tool=""
        data-chosen={chosen || undefined}
        aria-pressed={chosen}
        aria-description={t(`mpr.slab.${mode}Tip`)}
        onMouseDown={keepFocus}
        onClick={(event) => mpr.setSlab(mode, event.timeStamp)}
      >
        {t(`mpr.slab.${mode}`)}
      </UnstyledButton>
    </Tooltip>
  );
}

/**
 * The thickness by numbers: Enter or leaving takes it, arrows change it by a millimetre.
 *
 * @param labelled its name stands above it; on the bar there is only a tip
 */
function ThicknessField({ labelled = false }: { labelled?: boolean }) {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { mpr } = useMpr();
  const { thicknessMm } = useStore(mpr.store);
  const written = formatTenths(thicknessMm, locale);
  const [text, setText] = useState(written);
  useEffect(() => setText(written), [written]);
  const { value } = parseNumber(text, locale);
  const good = value !== null && value >= 0 && value <= MAX_THICKNESS_MM;
  const take = (at: number): void => {
    if (good && text !== written) mpr.setThickness(value, at, false);
    else setText(written);
  };
  return (
    <TextInput
      className={classes.field ?? ''}
      size="xs"
      inputMode="decimal"
      autoComplete="off"
      {...(labelled ? { label: t('mpr.slab.thickness') } : { 'aria-label': t('mpr.slab.thickness') })}
      title={good ? t('mpr.slab.thickness') : t('mpr.slab.fault', { most: MAX_THICKNESS_MM })}
      value={text}
      error={!good}
      rightSection={<span className={classes.label}>{t('mpr.slab.unit')}</span>}
      rightSectionWidth={36}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={(event) => take(event.timeStamp)}
      onKeyDown={(event) => {
        event.stopPropagation(); // the bar's arrows go from tool to tool
        if (event.key === 'Enter') take(event.timeStamp);
        else if (event.key === 'Escape') setText(written);
        else if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
          event.preventDefault();
          mpr.setThickness(thicknessMm + (event.key === 'ArrowUp' ? 1 : -1), event.timeStamp, false);
        }
      }}
    />
  );
}

/** @param labelled says what it keeps; on the bar there is only a tip */
function SquareLock({ labelled = false }: { labelled?: boolean }) {
  const { t } = useTranslation('viewer');
  const { mpr } = useMpr();
  const { keepSquare } = useStore(mpr.store);
  const tip = t(keepSquare ? 'mpr.square.on' : 'mpr.square.off');
  const Lock = keepSquare ? IconLock : IconLockOpen;
  return (
    <Tooltip label={tip}>
      <UnstyledButton
        className={classes.lock}
        data-tool=""
        data-pressed={keepSquare || undefined}
        aria-pressed={keepSquare}
        aria-label={labelled ? t('mpr.square.on') : `${t('mpr.square.label')}: ${t('mpr.square.on')}`}
        onMouseDown={keepFocus}
        onClick={(event) => mpr.setKeepSquare(!keepSquare, event.timeStamp)}
      >
        <Lock size={17} stroke={1.7} aria-hidden />
        <span aria-hidden>{labelled ? t('mpr.square.on') : t('mpr.square.label')}</span>
      </UnstyledButton>
    </Tooltip>
  );
}
