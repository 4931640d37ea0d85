import { ActionIcon, Button, NativeSelect } from '@mantine/core';
import { IconAlertTriangle, IconAxisX, IconCubeOff, IconX } from '@tabler/icons-react';
import { useEffect, useMemo, useState } from 'react';
import { sharesItsUid } from '../../../shared/api/types';
import type { Sentence, VolumeOpened } from '../../../shared/protocol/messages';
import { useTranslation } from '../../../shared/i18n';
import { PASSING } from '../../control/pictureCell';
import { useSelected } from '../../control/store';
import { formatNumber } from '../../model/numbers';
import { type Say, sayOf } from '../../model/sentences';
import cells from '../../ui/CellView.module.css';
import { useViewer } from '../../ui/context';
import { useMpr } from './context';
import classes from './mpr.module.css';

type VolumeName = VolumeOpened['volumes'][number];

const APPEARS_MS = 300;
const STAYS_MS = 400;

/** How much of the volume is there; one card for all windows. */
export function MprProgress() {
  const { t } = useTranslation('viewer');
  const { viewer, locale } = useViewer();
  const { mpr } = useMpr();
  const connection = useSelected(viewer.store, (state) => state.connection.kind);
  // All windows show one volume, so one of them tells of its loading.
  const { store } = mpr.cell('axial');
  const loading = useSelected(store, (state) => state.loading);
  const bare = useSelected(store, ({ reference, fault, opened }) => reference !== null && fault === null && opened === null);
  const waiting = (connection === 'open' || connection === 'connecting') && (loading !== null || bare);
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setVisible(waiting), waiting ? APPEARS_MS : STAYS_MS);
    return () => window.clearTimeout(timer);
  }, [waiting]);
  if (!visible) return null;
  const known = loading !== null;
  const words = t(known ? 'mpr.loading' : 'mpr.opening');
  const share = known && loading.total > 0 ? loading.loaded / loading.total : 1;
  return (
    <div
      className={classes.progress}
      role="progressbar"
      aria-label={words}
      {...(known ? { 'aria-valuemin': 0, 'aria-valuemax': loading.total, 'aria-valuenow': loading.loaded } : {})}
    >
      <div className={cells.progressLine}>
        <span>{words}</span>
        {known && <span>{t('loaded', { loaded: formatNumber(loading.loaded, locale), total: formatNumber(loading.total, locale) })}</span>}
      </div>
      <div className={cells.progressTrack}>
        {known || !waiting ? <span className={cells.progressBar} style={{ transform: `scaleX(${share})` }} /> : <span className={cells.progressAway} />}
      </div>
    </div>
  );
}

/** Codes of a volume that finds no memory. */
const LARGE: ReadonlySet<string> = new Set(['limit_exceeded', 'volume_too_big', 'volumes_full', 'memory_short']);

/** Why there is no volume at all, in words, over all windows. */
export function MprMessage() {
  const { t } = useTranslation(['viewer', 'sentences']);
  const { locale, changeMode, study, phone } = useViewer();
  const { mpr, seriesId, detail } = useMpr();
  const axial = useSelected(mpr.cell('axial').store, (state) => state.fault);
  const refusal = detail?.volume_refusal ?? null;
  const fault = axial?.opening === true ? axial : null;
  if (fault === null) return null;
  const passing = PASSING.has(fault.code);
  const gone = fault.code === 'not_found' && refusal === null;
  const large = LARGE.has(fault.code);
  const said = sayOf(t as unknown as Say, { code: fault.code, numbers: fault.numbers, text: '' });
  const own = fault.message !== '' && !passing && locale === 'en';
  const title = gone ? 'fault.goneTitle' : passing ? 'fault.awayTitle' : large ? 'mpr.fault.tooLarge' : 'mpr.fault.title';
  // What can't be a volume can't be one a moment later either: only what was away or short of memory may.
  const again = passing || large || gone || (refusal === null && said === '');
  const words =
    refusal !== null ? sayOf(t as unknown as Say, refusal) : said !== '' ? said : gone ? t('fault.goneText') : own ? fault.message : t(passing ? 'fault.awayText' : large ? 'mpr.fault.tooLargeText' : 'mpr.fault.text');
  const count = detail?.frames.length ?? 0;
  const hasImages = detail?.series_number == null ? t('mpr.fault.images', { count }) : t('mpr.fault.series', { number: detail.series_number, count });
  const chooseSeries = (): void => {
    if (!phone) mpr.store.set({ stripOpen: true });
    // The strip comes with the next drawing of the page.
    window.setTimeout(() => (document.querySelector<HTMLElement>('[data-zone="series"] [aria-current]') ?? document.querySelector<HTMLElement>('[data-zone="series"] [data-series]'))?.focus(), 50);
  };
  return (
    <div className={classes.whole}>
      <div className={cells.message} role="alert">
        {again ? <IconCubeOff size={34} stroke={1.4} aria-hidden /> : <IconAxisX size={34} stroke={1.4} className={classes.caution} aria-hidden />}
        <div className={cells.title}>{t(title)}</div>
        <div className={cells.text}>
          {!again && detail !== null && detail.frames.length > 0 && `${hasImages} `}
          {words}
        </div>
        <div className={cells.buttons}>
          {!gone && <Button onClick={() => changeMode('image', seriesId)}>{t('mpr.fault.show2d')}</Button>}
          {again && (
            <Button variant="default" onClick={() => mpr.tryAgain()}>
              {t('common:tryAgain')}
            </Button>
          )}
          {!again && (study?.series.length ?? 0) > 1 && (
            <Button variant="default" onClick={chooseSeries}>
              {t('mpr.fault.choose')}
            </Button>
          )}
        </div>
        <details className={cells.details}>
          <summary>{t('common:details')}</summary>
          {words === fault.message ? '' : `${fault.message} `}
          {t('fault.code', { code: fault.code })}
        </details>
      </div>
    </div>
  );
}

/** What a doctor should know of this volume, in words: gaps, tilts, PET. */
export function useWarnings(): readonly string[] {
  const { t } = useTranslation(['viewer', 'sentences']);
  const { mpr } = useMpr();
  const opened = useSelected(mpr.cell('axial').store, (state) => state.opened);
  const facts = useSelected(mpr.cell('axial').store, (state) => state.facts);
  return useMemo(() => {
    if (opened === null) return [];
    const told = new Map<string, string>();
    for (const sentence of [...opened.warnings, ...(facts?.warnings ?? [])] as Sentence[]) told.set(`${sentence.code}/${sentence.text}`, sayOf(t as unknown as Say, sentence));
    return [...(opened.modality === 'PT' ? [t('mpr.notes.pet')] : []), ...told.values()];
  }, [opened, facts, t]);
}

/** More volumes than this are chosen from a list. */
const MOST_BUTTONS = 8;

/** The volumes of a series that has several, until one of them was chosen. */
export function useAskedVolumes(): readonly VolumeName[] {
  const { mpr } = useMpr();
  const opened = useSelected(mpr.cell('axial').store, (state) => state.opened);
  const asks = useSelected(mpr.opened, ({ seriesId, chosen }) => seriesId !== null && !chosen);
  return asks && opened !== null && opened.volumes.length > 1 ? opened.volumes : [];
}

/** Asks which volume is meant, and says what is to be known of the one that is shown. It can be folded away. */
export function Notes() {
  const { t } = useTranslation(['viewer', 'sentences']);
  const { mpr, seriesId } = useMpr();
  const { study } = useViewer();
  const opened = useSelected(mpr.cell('axial').store, (state) => state.opened);
  const warnings = [...(study !== null && sharesItsUid(study) ? [t('patients.note')] : []), ...useWarnings()];
  const volumes = useAskedVolumes();
  const [folded, setFolded] = useState<object | null>(null);
  const count = warnings.length + (volumes.length > 0 ? 1 : 0);
  if (opened === null || count === 0) return null;
  if (folded === opened) {
    return (
      <button type="button" className={classes.notesFolded} onClick={() => setFolded(null)} title={t('mpr.notes.title')}>
        <IconAlertTriangle size={16} stroke={1.7} aria-hidden />
        {t('mpr.notes.unfold', { count })}
      </button>
    );
  }
  const nameOf = ({ label }: VolumeName): string => sayOf(t as unknown as Say, label);
  return (
    <div className={classes.notes} role="note" aria-label={t('mpr.notes.title')}>
      <IconAlertTriangle size={16} stroke={1.7} aria-hidden />
      <div>
        {volumes.length > 0 && (
          <>
            <p>{t('mpr.volumes.which', { count: volumes.length })}</p>
            {volumes.length <= MOST_BUTTONS ? (
              <div className={classes.choices} role="group" aria-label={t('mpr.volumes.title')}>
                {volumes.map((volume) => (
                  <Button key={volume.number} size="compact-sm" variant="default" aria-pressed={volume.number === opened.volume} className={classes.choice} onClick={() => mpr.open(seriesId, volume.number)}>
                    {nameOf(volume)}
                  </Button>
                ))}
              </div>
            ) : (
              <NativeSelect
                size="xs"
                mb={4}
                aria-label={t('mpr.volumes.title')}
                value={opened.volume}
                data={volumes.map((volume) => ({ value: String(volume.number), label: nameOf(volume) }))}
                onChange={(event) => mpr.open(seriesId, Number(event.currentTarget.value))}
              />
            )}
          </>
        )}
        {warnings.map((word) => (
          <p key={word}>{word}</p>
        ))}
      </div>
      <ActionIcon variant="subtle" color="gray" size={24} aria-label={t('mpr.notes.fold')} onClick={() => setFolded(opened)}>
        <IconX size={14} stroke={1.7} aria-hidden />
      </ActionIcon>
    </div>
  );
}
