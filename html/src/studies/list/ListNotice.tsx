import { Alert, Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { sharesItsUid } from '../../shared/api/types';
import { codesFor, wordsFor } from '../../shared/api/words';
import { iconStroke } from '../../shared/icons';
import { useTranslation } from '../../shared/i18n';
import classes from './ListNotice.module.css';
import type { StudyList } from './useStudyList';

const APPEARS_MS = 300;
const STAYS_MS = 400;

/** Above the rows: a bar while an answer is on its way, and why the rows are old where it did not come. */
export function ListNotice({ list }: { list: StudyList }) {
  const { t } = useTranslation('studies');
  const { error, page, isFetching } = list;
  const [bar, setBar] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setBar(isFetching), isFetching ? APPEARS_MS : STAYS_MS);
    return () => window.clearTimeout(timer);
  }, [isFetching]);
  const codes = error === null ? null : codesFor(error);
  return (
    <>
      <div className={classes.track}>{bar && <span className={classes.bar} role="progressbar" aria-label={t('state.loading')} />}</div>
      {error !== null && page !== undefined && (
        <Alert className={classes.notice ?? ''} color="yellow" role="alert" icon={<IconAlertTriangle size={18} stroke={iconStroke} aria-hidden />} title={t('state.old')}>
          <div>{wordsFor(error)}</div>
          <div className={classes.foot}>
            <Button size="compact-sm" variant="default" onClick={list.refresh}>
              {t('common:tryAgain')}
            </Button>
            {codes !== null && (
              <details>
                <summary>{t('common:details')}</summary>
                {codes}
              </details>
            )}
          </div>
        </Alert>
      )}
      {(page?.studies ?? []).some(sharesItsUid) && (
        <Alert className={classes.notice ?? ''} color="yellow" role="note" icon={<IconAlertTriangle size={18} stroke={iconStroke} aria-hidden />} title={t('patients.title')}>
          {t('patients.notice')}
        </Alert>
      )}
    </>
  );
}
