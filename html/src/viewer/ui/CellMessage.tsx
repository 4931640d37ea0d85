import { Button } from '@mantine/core';
import { IconPhotoOff, IconPhotoPlus, IconVideoOff } from '@tabler/icons-react';
import { useTranslation } from '../../shared/i18n';
import type { CellController } from '../control/cell';
import { PASSING } from '../control/pictureCell';
import { useSelected } from '../control/store';
import { withoutPixels } from '../model/holdings';
import { type Say, sayOf } from '../model/sentences';
import { frameAt } from '../model/series';
import { useViewer } from './context';
import { DownloadStudy, Holdings } from './Holdings';
import classes from './CellView.module.css';

/** What a window says when there is no picture to show, and what to do next. */
export function CellMessage({ cell }: { cell: CellController }) {
  const { t } = useTranslation(['viewer', 'sentences']);
  const { viewer, phone, locale, study } = useViewer();
  const deleted = useSelected(viewer.store, (state) => state.deleted);
  const seriesId = useSelected(cell.store, ({ reference }) => reference.seriesId);
  const detail = useSelected(cell.store, (state) => state.detail);
  const fault = useSelected(cell.store, (state) => state.fault);
  if (seriesId === null) {
    if (study === null) return null; // the study is on its way: the bar says so
    return (
      <div className={classes.message}>
        <IconPhotoPlus size={30} stroke={1.4} aria-hidden />
        <div className={classes.title}>{t('empty.title')}</div>
        <div className={classes.text}>{t(phone ? 'empty.touch' : 'empty.text')}</div>
      </div>
    );
  }
  const series = study?.series.find((one) => one.series_id === seriesId);
  // Of an image without its pixels the server says more: which, and why.
  if (study !== null && series !== undefined && !series.has_images && withoutPixels(series) === 0) return <Holdings study={study} series={series} />;
  if (fault === null || deleted) return null; // the banner says that the study is deleted
  const frame = frameAt(detail, fault.image);
  const others = (detail?.frames.length ?? 1) - 1;
  const passing = PASSING.has(fault.code);
  const gone = fault.code === 'not_found';
  // Where the storage is away, no other image can be had either.
  const next = others > 0 && !passing && (
    <Button size="xs" variant="default" onClick={(event) => cell.goTo((cell.index + 1) % (others + 1), event.timeStamp, false)}>
      {t('fault.next')}
    </Button>
  );
  if (frame?.is_video === true && !passing && !gone) {
    return (
      <div className={classes.message} role="status">
        <IconVideoOff size={30} stroke={1.4} aria-hidden />
        <div className={classes.title}>{t('fault.videoTitle')}</div>
        <div className={classes.text}>{t('fault.videoText')}</div>
        <div className={classes.buttons} data-chrome="">
          {study !== null && <DownloadStudy studyId={study.study_id} />}
          {next}
        </div>
      </div>
    );
  }
  // The file is known to be refused: it is the same at every try.
  const lacksPixels = series !== undefined && !series.has_images && !passing && !gone;
  const isFinal = lacksPixels || ((frame?.refusal ?? '') !== '' && !passing);
  // Without a code that the pages know, the server explains an image in English alone; elsewhere, and where a part of it is away, its words stand under Details.
  const sentence = sayOf(t as unknown as Say, { code: fault.code, numbers: [...fault.numbers], text: '' });
  const own = locale === 'en' && sentence === '' && !lacksPixels && fault.message !== '' && !passing;
  const away = fault.code === 'unavailable' ? 'common:failure.storage_unavailable' : 'fault.awayText';
  const words = sentence !== '' ? sentence : own ? fault.message : t(gone ? 'fault.goneText' : lacksPixels ? 'fault.noPixels' : passing ? away : 'fault.text');
  return (
    <div className={classes.message} data-kind="fault" role="alert">
      <IconPhotoOff size={30} stroke={1.4} aria-hidden />
      <div className={classes.title}>{t(gone ? 'fault.goneTitle' : passing ? 'fault.awayTitle' : 'fault.title')}</div>
      <div className={classes.text}>
        {words} {others > 0 && !gone && !passing && t('fault.others', { count: others })}
      </div>
      <div className={classes.buttons} data-chrome="">
        {!isFinal && (
          <Button size="xs" variant="default" onClick={() => cell.tryAgain()}>
            {t('common:tryAgain')}
          </Button>
        )}
        {next}
      </div>
      <details className={classes.details} data-chrome="">
        <summary>{t('common:details')}</summary>
        {own || sentence === fault.message ? '' : `${fault.message} `}
        {t('fault.code', { code: fault.code })}
      </details>
    </div>
  );
}
