import { UnstyledButton } from '@mantine/core';
import { IconArrowBackUp, IconEraser, IconTrash } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useStore } from '../../control/store';
import { useViewer } from '../../ui/context';
import { measuringOf } from '../control/measureOf';
import type { Measurement } from '../control/measures';
import type { Place } from '../model/place';
import { labelOf, type Translate } from '../model/text';
import classes from './measure.module.css';

export interface MeasureListProps {
  seriesId: number | null;
  /** Which image or plane that is, in words, and where in the list it belongs. */
  whereOf: (place: Place) => { text: string; order: number };
  /** Shows the place of a measurement. */
  goTo: (item: Measurement) => void;
}

/** The measurements of a series as a list: to find, to hear and to delete them without a pointer. */
export function MeasureList({ seriesId, whereOf, goTo }: MeasureListProps) {
  const { t } = useTranslation('viewer');
  const { viewer, locale } = useViewer();
  const { measures } = measuringOf(viewer);
  const { items, chosen } = useStore(measures.store);
  const rows = items
    .filter((item) => item.place.seriesId === seriesId)
    .map((item) => ({ item, where: whereOf(item.place), text: textOf(item, locale, t as Translate) }))
    .sort((one, other) => one.where.order - other.where.order || one.item.id - other.item.id);
  const list = (
    <ul className={classes.list} aria-label={t('measure.title')}>
      {rows.map(({ item, where, text }) => {
        const what = t('measure.row', { tool: t(`tool.${item.tool}`), where: where.text, text: text === '' ? t('measure.asking') : text });
        return (
          <li key={item.id} className={classes.row}>
            <UnstyledButton
              className={classes.go}
              data-chosen={item.id === chosen || undefined}
              aria-pressed={item.id === chosen}
              aria-label={what}
              onClick={() => {
                measures.choose(item.id);
                goTo(item);
              }}
            >
              {text === '' ? t(`tool.${item.tool}`) : text}
              <span className={classes.where}>{`${t(`tool.${item.tool}`)} · ${where.text}`}</span>
            </UnstyledButton>
            <UnstyledButton className={classes.bin} aria-label={t('measure.deleteOne', { what })} onClick={() => measures.removeOne(item.id)}>
              <IconTrash size={16} aria-hidden />
            </UnstyledButton>
          </li>
        );
      })}
    </ul>
  );
  return (
    <>
      {rows.length === 0 ? <div className={classes.none}>{t('measure.none')}</div> : list}
      <div className={classes.acts}>
        <UnstyledButton className={classes.act} disabled={!measures.canUndo} onClick={() => measures.undo()}>
          <IconArrowBackUp size={16} aria-hidden />
          {t('measure.undo')}
        </UnstyledButton>
        <UnstyledButton className={classes.act} disabled={rows.length === 0} onClick={() => seriesId !== null && measures.removeAllOfSeries(seriesId)}>
          <IconEraser size={16} aria-hidden />
          {t('measure.deleteSeries')}
        </UnstyledButton>
      </div>
    </>
  );
}

const REST_MS = 700;

/** Says aloud what was measured or chosen, once its value rests. */
export function MeasureLive() {
  const { t } = useTranslation('viewer');
  const { viewer, locale } = useViewer();
  const { measures } = measuringOf(viewer);
  const { items, chosen, draft } = useStore(measures.store);
  const item = items.find((one) => one.id === chosen) ?? null;
  const text = item === null || draft !== null ? '' : textOf(item, locale, t as Translate);
  const words = item === null || text === '' ? '' : t('measure.said', { tool: t(`tool.${item.tool}`), text });
  const [said, say] = useState('');
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    const timer = window.setTimeout(() => say(words), REST_MS);
    return () => window.clearTimeout(timer);
  }, [words]);
  return (
    <div className="wv-hidden" aria-live="polite" role="status" data-measure-live="">
      {said}
    </div>
  );
}

/** All its numbers on one line; empty while there is no answer. */
export function textOf(item: Measurement, locale: string, t: Translate): string {
  const answer = Object.values(item.answers).at(-1);
  if (answer === undefined) return '';
  const { lines } = labelOf({ tool: item.tool, place: item.place, points: item.points, measured: answer.measured, fault: answer.fault }, [], locale, t);
  return lines.join(' · ');
}
