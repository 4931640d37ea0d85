import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { IconArrowBackUp, IconColumns3, IconDatabase, IconDownload, IconRefresh, IconSearch, IconTrash, IconUpload, IconX } from '@tabler/icons-react';
import { memo, type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { address } from '../shared/api/client';
import { codesFor, wordsFor } from '../shared/api/words';
import type { Study } from '../shared/api/types';
import { formatNumber } from '../shared/format/format';
import { iconStroke } from '../shared/icons';
import { currentLanguage, useTranslation } from '../shared/i18n';
import { session } from '../shared/session/store';
import { DeleteDialog } from './list/DeleteDialog';
import { ListNotice } from './list/ListNotice';
import { Pager } from './list/Pager';
import { RowMenu } from './list/RowMenu';
import classes from './list/StudiesPage.module.css';
import { type MenuRequest, type StudyActions, StudyTable } from './list/StudyTable';
import { TableSettings } from './list/TableSettings';
import { hasFilters, type StudyList, useStudyList, useTableLayout } from './list/useStudyList';
import { dateChips } from './model/search';
import { studyTitle, type StudyView } from './model/title';
import { PhoneStudies } from './phone/PhoneStudies';
import { DropArea } from './upload/UploadPanel';
import './texts';

interface StudiesPageProps {
  phone: boolean;
  onOpen: (study: Study, seriesId: number | null, title: string, view: StudyView) => void;
  onDeleted: (studyIds: number[]) => void;
  onUpload: () => void;
}

/** Starts the download by the browser itself: it shows the progress, and nothing is held in memory. */
function startDownload(studies: readonly Study[]): void {
  const link = document.createElement('a');
  link.href = address('/v2/studies/archive', { study_ids: studies.map((study) => study.study_id) });
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}

/** Where the focus goes when the question is gone: where it came from, the row that was asked about, or the first row. */
function focusAgain(from: HTMLElement | null, doomed: readonly Study[]): void {
  const row = doomed.map((study) => document.querySelector<HTMLElement>(`[data-study="${study.study_id}"]`)).find((one) => one !== null);
  // The entry of a menu may linger while the menu fades.
  const usable = from !== null && from !== document.body && from.isConnected && from.closest('[role="menu"]') === null;
  (usable ? from : (row ?? document.querySelector<HTMLElement>('[data-study]')))?.focus();
}

/** The list of the user's studies. It stays behind an opened study, and is not drawn again when one opens. */
export const StudiesPage = memo(function StudiesPage({ phone, onOpen, onDeleted, onUpload }: StudiesPageProps) {
  const { t } = useTranslation('studies');
  const { layout, ready, setLayout } = useTableLayout();
  const list = useStudyList(ready, layout.pageSize);
  const [selected, setSelected] = useState<ReadonlySet<number>>(new Set());
  const [unfolded, setUnfolded] = useState<number | null>(null);
  const [menu, setMenu] = useState<MenuRequest | null>(null);
  const [toDelete, setToDelete] = useState<readonly Study[] | null>(null);
  const [settings, setSettings] = useState(false);

  const studies = list.page?.studies;
  // A selection is what one sees: rows of another page or search leave it.
  useEffect(() => {
    if (studies === undefined) return;
    setSelected((old) => {
      const here = new Set(studies.map((study) => study.study_id).filter((id) => old.has(id)));
      return here.size === old.size ? old : here;
    });
  }, [studies]);

  const open = useCallback(
    (study: Study, seriesId: number | null, view: StudyView = 'image') => onOpen(study, seriesId, studyTitle(study, t('common:noName'), view), view),
    [onOpen, t],
  );
  const chosen = useMemo(() => studies?.filter((study) => selected.has(study.study_id)) ?? [], [studies, selected]);
  const asked = useRef<HTMLElement | null>(null);
  const actions: StudyActions = useMemo(
    () => ({
      open,
      download: startDownload,
      remove: (doomed) => {
        asked.current = document.activeElement as HTMLElement | null;
        setToDelete(doomed);
      },
      meant: (study) => (selected.has(study.study_id) ? chosen : [study]),
      menu: setMenu,
    }),
    [open, selected, chosen],
  );

  const dialogs = (
    <DeleteDialog
      studies={toDelete}
      onClose={() => setToDelete(null)}
      onLeft={(doomed) => focusAgain(asked.current, doomed)}
      onDone={(ids) => {
        setSelected(new Set());
        onDeleted(ids);
      }}
    />
  );
  const instead = insteadOfRows(list, t);
  const found = list.page === undefined || list.isStale ? '' : t('state.count', { count: list.page.total, number: formatNumber(list.page.total, currentLanguage()) });
  const live = (
    <div className="wv-hidden" role="status" aria-live="polite">
      {list.isLoading ? t('state.loading') : found}
    </div>
  );

  if (phone) {
    return (
      <main className={classes.phone}>
        <PhoneStudies list={list} actions={actions} instead={instead} />
        {dialogs}
        {live}
      </main>
    );
  }
  return (
    <main className={classes.page}>
      <div className={classes.head}>
        <h1>{t('title')}</h1>
        <span className={classes.source}>
          <IconDatabase size={16} stroke={iconStroke} aria-hidden />
          {t('ownStorage')}
        </span>
        <span className={classes.spring} />
        <IconAction label={t('tableSettings')} icon={<IconColumns3 size={20} stroke={iconStroke} />} onClick={() => setSettings(true)} />
        <IconAction label={t('refresh')} icon={<IconRefresh size={19} stroke={iconStroke} />} onClick={list.refresh} />
        <Button leftSection={<IconUpload size={17} stroke={iconStroke} />} onClick={onUpload}>
          {t('upload')}
        </Button>
      </div>
      <div className={classes.chipsRow}>
        <DateChips list={list} />
        <span className={classes.spring} />
        <Button variant="default" size="xs" className={classes.small} leftSection={<IconArrowBackUp size={16} stroke={iconStroke} />} onClick={list.reset}>
          {t('reset')}
        </Button>
        <Button variant="outline" size="xs" className={classes.small} leftSection={<IconSearch size={16} stroke={iconStroke} />} onClick={() => list.submit()}>
          {t('search')}
        </Button>
      </div>
      <div className={classes.card}>
        <ListNotice list={list} />
        <StudyTable
          list={list}
          layout={layout}
          selected={selected}
          unfolded={unfolded}
          onSelect={setSelected}
          onUnfold={setUnfolded}
          actions={actions}
          instead={instead}
        />
        <div className={classes.foot}>
          {selected.size > 0 && (
            <div className={classes.selection}>
              <span>{t('selected', { count: selected.size })}</span>
              <IconAction small label={t('downloadCount', { count: selected.size })} icon={<IconDownload size={17} stroke={iconStroke} />} onClick={() => startDownload(chosen)} />
              <IconAction small danger label={t('remove.act', { count: selected.size })} icon={<IconTrash size={17} stroke={iconStroke} />} onClick={() => actions.remove(chosen)} />
              <IconAction small label={t('cancelSelection')} icon={<IconX size={17} stroke={iconStroke} />} onClick={() => setSelected(new Set())} />
            </div>
          )}
          <Pager list={list} onPageSize={(pageSize) => setLayout({ ...layout, pageSize })} />
        </div>
      </div>
      <RowMenu
        request={menu}
        layout={layout}
        actions={actions}
        hasSelection={selected.size > 0}
        onCancelSelection={() => setSelected(new Set())}
        onSettings={() => setSettings(true)}
        onClose={() => setMenu(null)}
      />
      <TableSettings opened={settings} layout={layout} onChange={setLayout} onClose={() => setSettings(false)} />
      {dialogs}
      {live}
    </main>
  );
});

export function DateChips({ list }: { list: StudyList }) {
  const { t } = useTranslation('studies');
  const { dates } = list.search;
  return (
    <div className={classes.chips} role="group" aria-label={t('chips.label')}>
      {dateChips.map((chip) => (
        <button key={chip} type="button" className={classes.chip} aria-pressed={'chip' in dates && dates.chip === chip} onClick={() => list.submit({ dates: { chip } })}>
          {t(`chips.${chip}`)}
        </button>
      ))}
    </div>
  );
}

function IconAction({ label, icon, onClick, small = false, danger = false }: { label: string; icon: ReactNode; onClick: () => void; small?: boolean; danger?: boolean }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color={danger ? 'red' : 'gray'} size={small ? 30 : 36} className={danger ? classes.danger : classes.arrow} aria-label={label} onClick={onClick}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}

/** What stands where rows would be; null while there are rows, or they are on their way. */
function insteadOfRows(list: StudyList, t: (key: string) => string): ReactNode {
  if (list.error !== null && list.page === undefined) {
    return (
      <div className={classes.state} role="alert">
        <h2>{t('state.failed')}</h2>
        <p>{wordsFor(list.error)}</p>
        <Button onClick={list.refresh}>{t('common:tryAgain')}</Button>
        {codesFor(list.error) !== null && (
          <details>
            <summary>{t('common:details')}</summary>
            {codesFor(list.error)}
          </details>
        )}
      </div>
    );
  }
  if (list.page === undefined || list.page.total > 0) return null;
  if (!hasFilters(list)) {
    if (session.get().user?.is_administrator === true) {
      return (
        <div className={classes.state}>
          <h2>{t('state.adminTitle')}</h2>
          <p>{t('state.adminText')}</p>
          <Button component="a" href={address('/admin/')}>
            {t('state.adminLink')}
          </Button>
        </div>
      );
    }
    return (
      <div className={classes.empty}>
        <DropArea large />
      </div>
    );
  }
  return (
    <div className={classes.state}>
      <p>{t('state.none')}</p>
      <Button variant="default" onClick={list.reset}>
        {t('state.clear')}
      </Button>
    </div>
  );
}
