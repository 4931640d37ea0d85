import { Skeleton, Tooltip } from '@mantine/core';
import { IconFileText } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { address } from '../../shared/api/client';
import { wordsFor } from '../../shared/api/words';
import type { Series } from '../../shared/api/types';
import { formatNumber } from '../../shared/format/format';
import { currentLanguage, useTranslation } from '../../shared/i18n';
import { ModalityBadge } from '../../shared/ui/ModalityBadge';
import classes from './SeriesCards.module.css';
import { useStudy } from './useStudyList';

/** A picture that cannot be made is not asked for at every scroll. */
const retryAfterMs = 20_000;

export function Thumbnail({ seriesId, className }: { seriesId: number | null; className?: string }) {
  const [failed, setFailed] = useState(false);
  const place = useRef<HTMLSpanElement>(null);
  useEffect(() => setFailed(false), [seriesId]);
  // The server may have been away: shown again after a while, the picture is asked for again.
  useEffect(() => {
    if (!failed || place.current === null) return;
    const since = Date.now();
    let wasAway = false;
    const watch = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting !== true) wasAway = true;
      else if (wasAway && Date.now() - since > retryAfterMs) setFailed(false);
    });
    watch.observe(place.current);
    return () => watch.disconnect();
  }, [failed]);
  if (seriesId === null || failed) {
    return (
      <span ref={place} className={`${classes.noPicture} ${className ?? ''}`} aria-hidden>
        <IconFileText size={26} stroke={1.5} />
      </span>
    );
  }
  return (
    <img
      className={`${classes.picture} ${className ?? ''}`}
      src={address(`/v2/render/series/${seriesId}/thumbnail`, { size: 160 })}
      alt=""
      loading="lazy"
      draggable={false}
      onError={() => setFailed(true)}
    />
  );
}

/** The series of an unfolded study; a click or Enter opens one. */
export function SeriesCards({ studyId, onOpen }: { studyId: number; onOpen: (seriesId: number) => void }) {
  const { t } = useTranslation('studies');
  const { data, error } = useStudy(studyId);
  if (error !== null && data === undefined) return <p className={classes.note}>{wordsFor(error)}</p>;
  if (data === undefined) {
    return (
      <div className={classes.cards} aria-busy>
        {[0, 1, 2].map((one) => (
          <Skeleton key={one} className={classes.card} height={131} />
        ))}
      </div>
    );
  }
  if (data.series.length === 0) return <p className={classes.note}>{t('seriesNone')}</p>;
  // What a double click on the row opens.
  const first = data.series.find((series) => series.has_images);
  return (
    <ul className={classes.cards} aria-label={t('seriesOf')}>
      {data.series.map((series) => (
        <li key={series.series_id}>
          <SeriesCard series={series} isFirst={series === first} onOpen={() => onOpen(series.series_id)} />
        </li>
      ))}
    </ul>
  );
}

function SeriesCard({ series, isFirst, onOpen }: { series: Series; isFirst: boolean; onOpen: () => void }) {
  const { t } = useTranslation('studies');
  const count = series.has_images ? series.image_count : series.instance_count;
  const number = series.series_number ?? '–';
  const description = series.series_description || t('noDescription');
  const images = t('seriesImages', { count, number: formatNumber(count, currentLanguage()) });
  const card = (
    <button
      type="button"
      className={classes.card}
      data-first={isFirst || undefined}
      aria-disabled={!series.has_images}
      onClick={() => series.has_images && onOpen()}
    >
      <Thumbnail seriesId={series.has_images ? series.series_id : null} />
      <span className={classes.facts}>
        <ModalityBadge modality={series.modality} />
        <span className={classes.number}>S{number}</span>
        <span className={classes.count}>{images}</span>
      </span>
      <span className={classes.title}>{description}</span>
    </button>
  );
  if (series.has_images) return card;
  return <Tooltip label={t('noViewer')}>{card}</Tooltip>;
}

