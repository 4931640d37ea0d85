import { Button } from '@mantine/core';
import { IconFiles } from '@tabler/icons-react';
import { address } from '../../shared/api/client';
import type { Series, StudyWithSeries } from '../../shared/api/types';
import { useTranslation } from '../../shared/i18n';
import { useViewer } from './context';
import { type Holding, holdingsOf } from '../model/holdings';
import classes from './CellView.module.css';

export type CountedText = (key: string, values: { count: number }) => string;

/** The names of what is held, with their numbers: "1 ECG, 2 structured reports". */
export function holdingsText(holdings: readonly Holding[], locale: string, t: CountedText): string {
  return new Intl.ListFormat(locale, { type: 'unit', style: 'short' }).format(holdings.map(({ kind, count }) => t(`holds.${kind}`, { count })));
}

/** Saves the files of a study, which other programs may show. */
export function DownloadStudy({ studyId }: { studyId: number }) {
  const { t } = useTranslation('viewer');
  return (
    <Button size="xs" variant="default" component="a" href={address('/v2/studies/archive', { study_ids: studyId })} download>
      {t('holds.download')}
    </Button>
  );
}

/** What a study without images holds; of a study that has images elsewhere, what this series holds. */
export function Holdings({ study, series }: { study: StudyWithSeries; series?: Series }) {
  const { t } = useTranslation('viewer');
  const { locale, viewer } = useViewer();
  const hasImages = study.series.some((one) => one.has_images);
  const shown = hasImages && series !== undefined ? [series] : study.series;
  const holdings = holdingsOf(shown);
  const list = holdingsText(holdings, locale, t as CountedText);
  const count = holdings.reduce((sum, one) => sum + one.count, 0);
  return (
    <div className={classes.message} role="status">
      <IconFiles size={30} stroke={1.4} aria-hidden />
      <div className={classes.title}>{t(hasImages ? 'holds.series' : 'holds.study', { list })}</div>
      <div className={classes.text}>{t('holds.text', { count })}</div>
      {!viewer.state.deleted && (
        <div className={classes.buttons} data-chrome="">
          <DownloadStudy studyId={study.study_id} />
        </div>
      )}
    </div>
  );
}
