import { UnstyledButton } from '@mantine/core';
import {
  IconAdjustmentsHorizontal,
  IconAlertTriangle,
  IconBookmarks,
  IconChevronDown,
  IconChevronRight,
  IconFileText,
  IconFileTypePdf,
  IconFileUnknown,
  IconHeartRateMonitor,
  IconPhotoOff,
  IconRadioactive,
  IconReportMedical,
  type TablerIcon,
} from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { address } from '../../shared/api/client';
import { type Series, sharesItsUid } from '../../shared/api/types';
import { localDay } from '../../shared/format/format';
import { useTranslation } from '../../shared/i18n';
import { useSelected, useStore } from '../control/store';
import { SERIES_DRAG_TYPE } from './CellView';
import { type Holding, type HoldingKind, holdingsOf, withoutPixels } from '../model/holdings';
import { missingOf } from '../model/plannedSeries';
import { useViewer } from './context';
import { type CountedText, holdingsText } from './Holdings';
import classes from './Strip.module.css';

/** The series of the study. A double click or Enter shows one in the active window; on a phone a tap does. */
export function Strip({ below = false }: { below?: boolean }) {
  const { t } = useTranslation('viewer');
  const { study, bars, phone, lying } = useViewer();
  const [open, setOpen] = useState(true);
  if (study === null || !bars) {
    return (
      <div className={classes.strip} data-below={below || undefined} data-phone={phone || undefined} data-lying={lying || undefined} aria-busy>
        {!below && <span className={classes.head} />}
        {[0, 1, 2].map((one) => (
          <span key={one} className={classes.card} data-awaited>
            <span className={classes.picture} />
          </span>
        ))}
      </div>
    );
  }
  const series = study.series.map((one) => <SeriesCard key={one.series_id} series={one} />);
  const name = study.study_description || t('strip.study');
  const isShared = sharesItsUid(study);
  return (
    <nav className={classes.strip} data-below={below || undefined} data-phone={phone || undefined} data-lying={lying || undefined} data-shared={isShared || undefined} aria-label={isShared ? t('patients.strip', { title: t('strip.title') }) : t('strip.title')} data-zone="series">
      {isShared && (
        <span className={classes.shared} title={t('patients.note')}>
          <IconAlertTriangle size={14} stroke={1.7} aria-hidden />
          {t('patients.short')}
        </span>
      )}
      {!below && (
        <UnstyledButton className={classes.head} aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? <IconChevronDown size={14} aria-hidden /> : <IconChevronRight size={14} aria-hidden />}
          <span className={classes.headText}>
            <b>{name}</b>
            {study.study_date !== null && <span>{study.study_date === localDay(new Date()) ? t('strip.today') : study.study_date}</span>}
          </span>
        </UnstyledButton>
      )}
      {(open || below) && series}
    </nav>
  );
}

function SeriesCard({ series }: { series: Series }) {
  const { t } = useTranslation('viewer');
  const { viewer, mode, changeMode, phone, locale } = useViewer();
  const { active, places } = useStore(viewer.store);
  // Pages of volumes show one series in all their windows.
  const ofVolume = useSelected(viewer.volumeCell(0).store, ({ reference }) => reference?.seriesId ?? null);
  const shownIn = places.filter((number) => viewer.cell(number).state.reference.seriesId === series.series_id);
  // Every cell is watched: which series they show is what the frames say.
  useStore(viewer.shows);
  const inImages = shownIn.includes(active) ? 'active' : shownIn.length > 0 ? 'elsewhere' : undefined;
  const state = mode === 'image' ? inImages : ofVolume === series.series_id ? 'active' : undefined;
  const show = (): void => {
    if (mode === 'image') viewer.show(active, series.series_id);
    else if (state !== 'active') changeMode(mode, series.series_id);
  };
  const planned = missingOf(series);
  const lacking = series.has_images ? withoutPixels(series) : 0;
  const held = series.has_images ? '' : holdingsText(holdingsOf([series]), locale, t as CountedText);
  const number = series.series_number === null ? '' : `S${series.series_number}`;
  return (
    <UnstyledButton
      className={classes.card}
      draggable={!phone}
      data-state={state}
      data-series={series.series_id}
      aria-current={state === 'active' ? true : undefined}
      title={[series.series_description, held].filter((text) => text !== '').join(' · ')}
      onDragStart={(event) => {
        event.dataTransfer.setData(SERIES_DRAG_TYPE, String(series.series_id));
        event.dataTransfer.effectAllowed = 'copy';
      }}
      onDoubleClick={show}
      onClick={(event) => {
        // detail 0: Enter or a screen reader. Fingers have no double click.
        if (phone || event.detail === 0 || ('pointerType' in event.nativeEvent && event.nativeEvent.pointerType === 'touch')) show();
      }}
    >
      <Thumbnail key={series.image_count} series={series} />
      <span className={classes.line}>
        <b className={classes.modality} data-modality={badge(series.modality)}>
          {series.modality}
        </b>
        <span>{number}</span>
        {series.has_images ? (
          <span
            className={classes.count}
            data-unfinished={planned !== null || lacking > 0 || undefined}
            title={planned !== null ? t('strip.unfinished', { stored: series.image_count, total: planned }) : lacking > 0 ? t('strip.lacking', { count: lacking }) : undefined}
          >
            {planned === null ? series.image_count : t('loaded', { loaded: series.image_count, total: planned })}
            <span className="wv-hidden"> {planned !== null ? t('strip.unfinishedShort') : lacking > 0 ? t('strip.lackingShort', { count: lacking }) : t('strip.images', { count: series.image_count })}</span>
          </span>
        ) : null}
      </span>
      <span className={classes.description}>{held === '' ? series.series_description : held}</span>
    </UnstyledButton>
  );
}

/** A picture that did not come is asked for again, ever more rarely: the server may have been away, or cannot make it. */
const retryAfterMs = 20_000;
const mostRetries = 6;

function Thumbnail({ series }: { series: Series }) {
  const { viewer } = useViewer();
  const deleted = useSelected(viewer.store, (state) => state.deleted);
  const [failed, setFailed] = useState(false);
  const tries = useRef(0);
  useEffect(() => {
    if (!failed || deleted || tries.current >= mostRetries) return;
    const timer = window.setTimeout(() => setFailed(false), retryAfterMs * 2 ** tries.current++);
    return () => window.clearTimeout(timer);
  }, [failed, deleted]);
  const Sign = series.has_images ? IconPhotoOff : signOf(series);
  return (
    <span className={classes.picture}>
      {failed || !series.has_images ? (
        <Sign size={22} stroke={1.4} aria-hidden />
      ) : (
        <img
          src={address(`/v2/render/series/${series.series_id}/thumbnail`, { size: 160 })}
          alt=""
          draggable={false}
          decoding="async"
          onError={() => setFailed(true)}
        />
      )}
    </span>
  );
}

const signs: Partial<Readonly<Record<HoldingKind, TablerIcon>>> = {
  ecg: IconHeartRateMonitor,
  waveform: IconHeartRateMonitor,
  report: IconReportMedical,
  keyObjects: IconBookmarks,
  pdf: IconFileTypePdf,
  document: IconFileText,
  presentationState: IconAdjustmentsHorizontal,
  rtPlan: IconRadioactive,
  rtStructures: IconRadioactive,
  rtDose: IconRadioactive,
  rtRecord: IconRadioactive,
  rtOther: IconRadioactive,
  withoutPixels: IconPhotoOff,
};

/** The sign of what a series without images holds most of. */
function signOf(series: Series): TablerIcon {
  const most = holdingsOf([series]).reduce<Holding | null>((best, one) => (best === null || one.count > best.count ? one : best), null);
  return (most === null ? null : signs[most.kind]) ?? IconFileUnknown;
}

function badge(modality: string): string {
  if (modality === 'CT') return 'cyan';
  if (modality === 'MR' || modality === 'PT') return 'violet';
  if (['CR', 'DX', 'MG'].includes(modality)) return 'amber';
  if (modality === 'US' || modality === 'XA') return 'green';
  return 'grey';
}
