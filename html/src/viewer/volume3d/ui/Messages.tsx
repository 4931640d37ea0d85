import { ActionIcon, Button, NativeSelect, UnstyledButton } from '@mantine/core';
import { IconAlertTriangle, IconCubeOff, IconX } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { sharesItsUid } from '../../../shared/api/types';
import type { Sentence } from '../../../shared/protocol/messages';
import { useTranslation } from '../../../shared/i18n';
import { PASSING } from '../../control/pictureCell';
import { useSelected, useStore } from '../../control/store';
import { formatNumber } from '../../model/numbers';
import { type Say, sayOf } from '../../model/sentences';
import cellClasses from '../../ui/CellView.module.css';
import { useViewer } from '../../ui/context';
import { useVolume } from './context';
import { isDiagnostic } from './corners';
import classes from './Stage.module.css';

const APPEARS_MS = 300;
const STAYS_MS = 400;
const NOTICE_MS = 5000;

/** How much of the volume is there; until then a coarse picture is seen. */
export function VolumeProgress() {
  const { t } = useTranslation('viewer');
  const { viewer, locale } = useViewer();
  const { scene } = useVolume();
  const connection = useSelected(viewer.store, (state) => state.connection.kind);
  const loading = useSelected(scene.cell.store, (state) => state.loading);
  const bare = useSelected(scene.cell.store, ({ reference, fault, shown }) => reference !== null && fault === null && shown === null);
  const coarse = useSelected(scene.cell.store, ({ shown }) => shown?.coarse === true);
  const waiting = (connection === 'open' || connection === 'connecting') && (loading !== null || bare);
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setVisible(waiting), waiting ? APPEARS_MS : STAYS_MS);
    return () => window.clearTimeout(timer);
  }, [waiting]);
  if (!visible) return null;
  if (loading === null) {
    return (
      <div className={classes.progress} role="progressbar" aria-label={t('volume3d.loading')}>
        <div className={cellClasses.progressLine}>
          <span>{t('volume3d.loading')}</span>
        </div>
        <div className={cellClasses.progressTrack}>{waiting ? <span className={cellClasses.progressAway} /> : <span className={cellClasses.progressBar} />}</div>
      </div>
    );
  }
  const { loaded, total } = loading;
  return (
    <div className={classes.progress} role="progressbar" aria-label={t('volume3d.loading')} aria-valuemin={0} aria-valuemax={total} aria-valuenow={loaded}>
      <div className={cellClasses.progressLine}>
        <span>{t(coarse ? 'volume3d.loadingCoarse' : 'volume3d.loading')}</span>
        <span>{t('loaded', { loaded: formatNumber(loaded, locale), total: formatNumber(total, locale) })}</span>
      </div>
      <div className={cellClasses.progressTrack}>
        <span className={cellClasses.progressBar} style={{ transform: `scaleX(${total === 0 ? 0 : loaded / total})` }} />
      </div>
    </div>
  );
}

/** Why there is no picture, in words, and what to do. */
export function VolumeMessage({ seriesId }: { seriesId: number }) {
  const { t } = useTranslation('viewer');
  const { locale, changeMode } = useViewer();
  const { scene } = useVolume();
  const fault = useSelected(scene.cell.store, (state) => state.fault);
  if (fault === null) return null;
  const passing = PASSING.has(fault.code);
  const gone = fault.code === 'not_found';
  const said = sayOf(t as Say, { code: fault.code, numbers: fault.numbers, text: '' });
  const own = fault.message !== '' && !passing && !gone;
  const title = gone ? 'fault.goneTitle' : passing ? 'fault.awayTitle' : fault.opening ? 'volume3d.fault.title' : 'volume3d.fault.view';
  return (
    <div className={cellClasses.message} data-kind="fault" role="alert">
      <IconCubeOff size={30} stroke={1.4} aria-hidden />
      <div className={cellClasses.title}>{t(title)}</div>
      <div className={cellClasses.text}>{said !== '' ? said : own && locale === 'en' ? fault.message : t(gone ? 'fault.goneText' : passing ? 'fault.awayText' : 'volume3d.fault.text')}</div>
      <div className={cellClasses.buttons} data-chrome="">
        <Button size="xs" variant="default" onClick={() => scene.cell.tryAgain()}>
          {t('common:tryAgain')}
        </Button>
        {!gone && (
          <Button size="xs" variant="default" onClick={() => changeMode('image', seriesId)}>
            {t('volume3d.fault.show2d')}
          </Button>
        )}
      </div>
      <details className={cellClasses.details} data-chrome="">
        <summary>{t('common:details')}</summary>
        {own && locale === 'en' ? '' : `${fault.message} `}
        {t('fault.code', { code: fault.code })}
      </details>
    </div>
  );
}

/** What a doctor should know of this volume: gaps, tilts, a modality that is no ground for a diagnosis. It can be folded away. */
export function Warnings() {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const { study } = useViewer();
  const opened = useSelected(scene.cell.store, (state) => state.opened);
  const facts = useSelected(scene.cell.store, (state) => state.facts);
  const [folded, setFolded] = useState<object | null>(null);
  if (opened === null) return null;
  const known = new Set<string>();
  const sentences = [...opened.warnings, ...(facts?.warnings ?? [])].filter(({ code, text }: Sentence) => {
    const key = `${code}/${text}`;
    return !known.has(key) && known.add(key);
  });
  const words = sentences.map((sentence) => sayOf(t as Say, sentence));
  if (!isDiagnostic(opened.modality)) words.unshift(t('volume3d.caution', { modality: opened.modality }));
  if (study !== null && sharesItsUid(study)) words.unshift(t('patients.note'));
  if (words.length === 0) return null;
  if (folded === opened) {
    return (
      <button type="button" className={classes.warningsFolded} data-chrome="" onClick={() => setFolded(null)} aria-label={t('volume3d.warnings')}>
        <IconAlertTriangle size={16} stroke={1.7} aria-hidden />
        {words.length}
      </button>
    );
  }
  return (
    <div className={classes.warnings} role="note" data-chrome="">
      <IconAlertTriangle size={16} stroke={1.7} aria-hidden />
      <div>
        {words.map((word) => (
          <p key={word}>{word}</p>
        ))}
      </div>
      <ActionIcon variant="subtle" color="gray" size={24} aria-label={t('volume3d.fold')} onClick={() => setFolded(opened)}>
        <IconX size={14} stroke={1.7} aria-hidden />
      </ActionIcon>
    </div>
  );
}

/** So many volumes get a button each, more of them a list. */
const BUTTONS = 6;

/** Of a series with several volumes, which one the doctor wants: asked at first, then a list with its name. */
export function VolumeChoice() {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const opened = useSelected(scene.cell.store, (state) => state.opened);
  const chosen = useSelected(scene.store, (state) => state.chosen);
  if (opened === null || opened.volumes.length < 2) return null;
  const volumes = opened.volumes.map(({ number, label }) => ({ value: String(number), label: sayOf(t as Say, label) }));
  const choose = (value: string): void => scene.open(opened.series_id, Number(value));
  const list = <NativeSelect className={classes.choice ?? ''} size="xs" data-chrome="" label={t('volume3d.which')} value={String(opened.volume)} data={volumes} onChange={(event) => choose(event.currentTarget.value)} />;
  if (chosen) return list;
  return (
    <div className={classes.asks} role="group" aria-label={t('volume3d.which')} data-chrome="">
      <p>{t('volume3d.ask', { count: volumes.length })}</p>
      {volumes.length > BUTTONS
        ? list
        : volumes.map(({ value, label }) => (
            <UnstyledButton key={value} className={classes.volume} aria-pressed={value === String(opened.volume)} data-pressed={value === String(opened.volume) || undefined} onClick={() => choose(value)}>
              {label}
            </UnstyledButton>
          ))}
    </div>
  );
}

/** That the window is being recorded, and for how long. */
export function Recording() {
  const { t } = useTranslation('viewer');
  const { recorder, record } = useVolume();
  const { recording, seconds } = useStore(recorder.store);
  if (!recording) return null;
  return (
    <div className={classes.recording} role="group" aria-label={t('volume3d.record.now')} data-chrome="">
      <span role="timer">{`${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`}</span>
      <UnstyledButton onClick={record}>{t('volume3d.record.stop')}</UnstyledButton>
    </div>
  );
}

/** What a tool says: nothing there, too many cuts, refused. Goes by itself. */
export function Notice() {
  const { t } = useTranslation('viewer');
  const { hands } = useVolume();
  const { notice } = useStore(hands.store);
  const [gone, setGone] = useState(0);
  useEffect(() => {
    if (notice === null) return;
    const timer = window.setTimeout(() => setGone(notice.id), NOTICE_MS);
    return () => window.clearTimeout(timer);
  }, [notice]);
  return (
    <div className={classes.noticePlace} role="status">
      {notice !== null && gone !== notice.id && (
        <div className={classes.notice}>
          {t(`volume3d.notice.${notice.code}`)}
          {notice.words !== null && notice.code === 'refused' && <span className={classes.noticeWords}>{sayOf(t as Say, notice.words)}</span>}
        </div>
      )}
    </div>
  );
}

/** How to go on with the tool in the hand. */
export function Hint() {
  const { t } = useTranslation('viewer');
  const { scene, hands } = useVolume();
  const tool = useSelected(scene.store, ({ bindings }) => bindings.left);
  const drawing = useSelected(hands.store, ({ outline }) => outline.length > 0);
  const points = useSelected(scene.store, ({ draft }) => draft?.points.length ?? 0);
  const key = tool === 'cutInside' || tool === 'cutOutside' ? (drawing ? 'outlineGoes' : tool) : tool === 'polyline' && points > 0 ? 'polylineGoes' : tool;
  if (tool === 'rotate' || tool === 'pan' || tool === 'zoom' || tool === 'window') return null;
  return <div className={classes.hint}>{t(`volume3d.hint.${key}`)}</div>;
}
