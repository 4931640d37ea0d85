import { ActionIcon, NativeSelect } from '@mantine/core';
import { IconChevronDown, IconChevronLeft, IconChevronLeftPipe, IconChevronRight, IconChevronRightPipe } from '@tabler/icons-react';
import { formatNumber } from '../../shared/format/format';
import { iconStroke } from '../../shared/icons';
import { currentLanguage, useTranslation } from '../../shared/i18n';
import { pageFacts, pageSizes } from '../model/search';
import classes from './StudiesPage.module.css';
import type { StudyList } from './useStudyList';

/** Items per page, what is shown of how many, and the way through the pages. */
export function Pager({ list, compact = false, onPageSize }: { list: StudyList; compact?: boolean; onPageSize: (size: number) => void }) {
  const { t } = useTranslation('studies');
  const number = (value: number): string => formatNumber(value, currentLanguage());
  const facts = pageFacts(list.search, list.page?.total ?? 0);
  const go = (offset: number) => () => list.setSearch({ ...list.search, offset });
  const arrow = (label: string, Icon: typeof IconChevronLeft, offset: number, off: boolean) => (
    <ActionIcon variant="subtle" color="gray" size={compact ? 44 : 30} className={classes.arrow} aria-label={label} disabled={off} onClick={go(offset)}>
      <Icon size={18} stroke={iconStroke} aria-hidden />
    </ActionIcon>
  );
  return (
    <div className={classes.pager}>
      {!compact && (
        <>
          <label htmlFor="page-size">{t('itemsPerPage')}</label>
          <NativeSelect
            id="page-size"
            size="xs"
            className={classes.pageSize}
            rightSection={<IconChevronDown size={14} stroke={iconStroke} aria-hidden />}
            value={String(list.search.limit)}
            data={[...new Set([...pageSizes, list.search.limit])].sort((a, b) => a - b).map(String)}
            onChange={(event) => {
              list.setSearch({ ...list.search, offset: 0 });
              onPageSize(Number(event.currentTarget.value));
            }}
          />
        </>
      )}
      <span className={classes.range}>{facts.total > 0 && t('range', { first: number(facts.first), last: number(facts.last), total: number(facts.total) })}</span>
      <span className={classes.arrows}>
        {arrow(t('firstPage'), IconChevronLeftPipe, 0, facts.atStart)}
        {arrow(t('previousPage'), IconChevronLeft, facts.previous, facts.atStart)}
        {arrow(t('nextPage'), IconChevronRight, facts.next, facts.atEnd)}
        {arrow(t('lastPage'), IconChevronRightPipe, facts.lastOffset, facts.atEnd)}
      </span>
    </div>
  );
}
