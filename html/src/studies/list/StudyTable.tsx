import { Button, Checkbox, rem, Skeleton } from '@mantine/core';
import { IconAlertTriangle, IconPhotoScan, IconChevronDown, IconChevronRight, IconDownload, IconTrash } from '@tabler/icons-react';
import { columnOrderingFeature, columnVisibilityFeature, createColumnHelper, tableFeatures, useTable } from '@tanstack/react-table';
import { type KeyboardEvent, type MouseEvent, type ReactNode, useMemo, useRef } from 'react';
import { sharesItsUid, type Study } from '../../shared/api/types';
import { personName } from '../../shared/format/person';
import { currentLanguage, useTranslation } from '../../shared/i18n';
import { iconStroke } from '../../shared/icons';
import { ModalityBadge } from '../../shared/ui/ModalityBadge';
import { columnById, type StudyColumn, studyColumns, type TableLayout } from '../model/columns';
import type { StudyView } from '../model/title';
import { sortBy } from '../model/search';
import { SearchField } from './SearchRow';
import { SeriesCards } from './SeriesCards';
import classes from './StudyTable.module.css';
import type { StudyList } from './useStudyList';
import { useColumnWidths } from './useColumnWidths';
import { useLongPress } from './useLongPress';

const features = tableFeatures({ columnOrderingFeature, columnVisibilityFeature });
const helper = createColumnHelper<typeof features, Study>();
const tableColumns = helper.columns(studyColumns.map((column) => helper.display({ id: column.id })));
const nothing: Study[] = [];
const controlsWidth = 58;

export interface MenuRequest {
  x: number;
  y: number;
  study: Study | null;
  columnId: string | null;
}

export interface StudyActions {
  open: (study: Study, seriesId: number | null, view?: StudyView) => void;
  download: (studies: readonly Study[]) => void;
  remove: (studies: readonly Study[]) => void;
  /** What an act on this row is about: the selection where the row is part of it, else the row alone. */
  meant: (study: Study) => readonly Study[];
  menu: (request: MenuRequest) => void;
}

interface StudyTableProps {
  list: StudyList;
  layout: TableLayout;
  selected: ReadonlySet<number>;
  unfolded: number | null;
  onSelect: (ids: ReadonlySet<number>) => void;
  onUnfold: (id: number | null) => void;
  actions: StudyActions;
  /** What stands where rows would be: nothing fits, storage empty, server away. */
  instead: ReactNode;
}

export function displayName(study: Study, noName: string): string {
  return personName(study.patient_name) || noName;
}

export function StudyTable({ list, layout, selected, unfolded, onSelect, onUnfold, actions, instead }: StudyTableProps) {
  const { t } = useTranslation('studies');
  const studies = list.page?.studies ?? nothing;
  const table = useTable({
    features,
    columns: tableColumns,
    data: studies,
    getRowId: (study: Study) => String(study.study_id),
    state: {
      columnOrder: [...layout.order],
      columnVisibility: Object.fromEntries(layout.hidden.map((id) => [id, false])),
    },
  });
  const columns = useMemo(
    () => layout.order.filter((id) => !layout.hidden.includes(id)).flatMap((id) => columnById(id) ?? []),
    [layout],
  );
  const scroller = useRef<HTMLDivElement>(null);
  const widths = useColumnWidths(scroller, columns, studies, controlsWidth);
  const width = widths.reduce((sum, one) => sum + one, controlsWidth);
  const allSelected = studies.length > 0 && studies.every((study) => selected.has(study.study_id));
  const someSelected = studies.some((study) => selected.has(study.study_id));
  const body = useRef<HTMLTableSectionElement>(null);

  function toggleAll(): void {
    const next = new Set(selected);
    for (const study of studies) if (allSelected) next.delete(study.study_id);
      else next.add(study.study_id);
    onSelect(next);
  }

  return (
    <div ref={scroller} className={classes.scroll}>
      <table className={classes.table} style={{ minWidth: rem(width) }} aria-label={t('tableName')} aria-busy={list.isStale || list.isLoading} data-wrap={layout.wrap || undefined}>
        <colgroup>
          <col style={{ width: rem(30) }} />
          <col style={{ width: rem(28) }} />
          {columns.map((column, i) => (
            <col key={column.id} style={{ width: rem(widths[i]) }} />
          ))}
        </colgroup>
        <thead
          onContextMenu={(event) => {
            if ((event.target as HTMLElement).closest('input') !== null) return;
            event.preventDefault();
            actions.menu({ x: event.clientX, y: event.clientY, study: null, columnId: null });
          }}
        >
          <tr>
            <td className={classes.sticky} />
            <th scope="col" className={classes.check}>
              <Checkbox size="xs" classNames={{ input: classes.box }} aria-label={t('selectAll')} checked={allSelected} indeterminate={!allSelected && someSelected} disabled={studies.length === 0} onChange={toggleAll} />
            </th>
            {table.getHeaderGroups()[0]?.headers.map((header) => {
              const column = columnById(header.column.id);
              return column === undefined ? null : <HeaderCell key={column.id} column={column} list={list} />;
            })}
          </tr>
          <tr className={classes.searchRow}>
            <td className={classes.sticky} />
            <td className={classes.check} />
            {columns.map((column) => (
              <td key={column.id}>
                <SearchField column={column.id} list={list} />
              </td>
            ))}
          </tr>
        </thead>
        <tbody ref={body} data-stale={list.isStale || undefined}>
          {list.isLoading && instead === null && <SkeletonRows columns={columns} />}
          {instead === null &&
            table.getRowModel().rows.map((row, index) => (
              <StudyRow
                key={row.id}
                study={row.original}
                columns={columns}
                isFirst={index === 0}
                isSelected={selected.has(row.original.study_id)}
                isUnfolded={unfolded === row.original.study_id}
                isFlashing={list.flashing.has(row.original.study_id)}
                onToggle={() => {
                  const next = new Set(selected);
                  if (!next.delete(row.original.study_id)) next.add(row.original.study_id);
                  onSelect(next);
                }}
                onUnfold={(open) => onUnfold(open ? row.original.study_id : null)}
                actions={actions}
              />
            ))}
        </tbody>
      </table>
      {instead}
    </div>
  );
}

function HeaderCell({ column, list }: { column: StudyColumn; list: StudyList }) {
  const { t } = useTranslation('studies');
  const active = list.search.sort === column.sort;
  const title = t(`columns.${column.id}`);
  return (
    <th
      scope="col"
      className={column.numeric ? classes.numeric : undefined}
      aria-sort={active ? (list.search.descending ? 'descending' : 'ascending') : 'none'}
    >
      <button
        type="button"
        className={classes.sort}
        title={t('sortBy', { column: title })}
        onClick={() => column.sort !== null && list.setSearch(sortBy(list.search, column.sort, column.firstDescending))}
      >
        {title}
        {active && (
          <span className={classes.arrow} aria-hidden>
            {list.search.descending ? '▼' : '▲'}
          </span>
        )}
      </button>
    </th>
  );
}

interface StudyRowProps {
  study: Study;
  columns: readonly StudyColumn[];
  isFirst: boolean;
  isSelected: boolean;
  isUnfolded: boolean;
  isFlashing: boolean;
  onToggle: () => void;
  onUnfold: (open: boolean) => void;
  actions: StudyActions;
}

/** The row that keyboard focus moves to. */
function neighbour(row: HTMLElement, step: 1 | -1): HTMLElement | null {
  const rows = [...(row.parentElement?.querySelectorAll<HTMLElement>('tr[data-study]') ?? [])];
  return rows[rows.indexOf(row) + step] ?? null;
}

function StudyRow(props: StudyRowProps) {
  const { study, columns, isFirst, isSelected, isUnfolded, isFlashing, onToggle, onUnfold, actions } = props;
  const { t } = useTranslation('studies');
  const name = displayName(study, t('common:noName'));
  const row = useRef<HTMLTableRowElement>(null);

  const menuAt = (x: number, y: number, target: EventTarget | null): void => {
    const cell = target instanceof Element ? target.closest<HTMLElement>('td[data-column]') : null;
    actions.menu({ x, y, study, columnId: cell?.dataset['column'] ?? columns[0]?.id ?? null });
  };
  const longPress = useLongPress((x, y, target) => menuAt(x, y, target));

  function onKeyDown(event: KeyboardEvent<HTMLTableRowElement>): void {
    if (event.target !== event.currentTarget) return;
    const box = event.currentTarget.getBoundingClientRect();
    const keys: Record<string, () => void> = {
      Enter: () => actions.open(study, null),
      ' ': onToggle,
      ArrowDown: () => neighbour(event.currentTarget, 1)?.focus(),
      ArrowUp: () => neighbour(event.currentTarget, -1)?.focus(),
      ArrowRight: () => onUnfold(true),
      ArrowLeft: () => onUnfold(false),
      Delete: () => actions.remove(actions.meant(study)),
      ContextMenu: () => menuAt(box.left + 160, box.bottom, null),
    };
    const act = event.key === 'F10' && event.shiftKey ? keys['ContextMenu'] : keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  }

  const onDoubleClick = (event: MouseEvent): void => {
    if ((event.target as Element).closest('button, input, label') === null) actions.open(study, null);
  };

  return (
    <>
      <tr
        ref={row}
        className={classes.row}
        data-study={study.study_id}
        data-flash={isFlashing || undefined}
        data-shared={sharesItsUid(study) || undefined}
        aria-selected={isSelected}
        tabIndex={isFirst || isUnfolded ? 0 : -1}
        onDoubleClick={onDoubleClick}
        onClick={(event) => {
          if (window.getSelection()?.isCollapsed !== false) event.currentTarget.focus();
        }}
        onKeyDown={onKeyDown}
        onContextMenu={(event) => {
          event.preventDefault();
          menuAt(event.clientX, event.clientY, event.target);
        }}
        {...longPress}
      >
        <td className={classes.sticky}>
          <button type="button" className={classes.unfold} tabIndex={-1} aria-expanded={isUnfolded} aria-label={t(isUnfolded ? 'fold' : 'unfold', { name })} onClick={() => onUnfold(!isUnfolded)}>
            {isUnfolded ? <IconChevronDown size={16} stroke={iconStroke} aria-hidden /> : <IconChevronRight size={16} stroke={iconStroke} aria-hidden />}
          </button>
        </td>
        <td className={classes.check}>
          <Checkbox size="xs" classNames={{ input: classes.box }} tabIndex={-1} aria-label={t('select', { name })} checked={isSelected} onChange={onToggle} />
        </td>
        {columns.map((column) => (
          <StudyCell key={column.id} column={column} study={study} />
        ))}
      </tr>
      {isUnfolded && (
        <tr className={classes.detail}>
          <td colSpan={columns.length + 2}>
            {/* As wide as what is seen of the table: it does not scroll away with the columns. */}
            <div className={classes.inside}>
              {sharesItsUid(study) && <p className={classes.shared}>{t('patients.row')}</p>}
              <div className={classes.actions}>
                <Button size="xs" leftSection={<IconPhotoScan size={16} stroke={iconStroke} />} onClick={() => actions.open(study, null)}>
                  {t('imageViewer')}
                </Button>
                <Button size="xs" variant="subtle" color="gray" className={classes.plain} leftSection={<IconDownload size={16} stroke={iconStroke} />} onClick={() => actions.download([study])}>
                  {t('download')}
                </Button>
                <Button size="xs" variant="subtle" className={classes.delete} leftSection={<IconTrash size={16} stroke={iconStroke} />} onClick={() => actions.remove([study])}>
                  {t('delete')}
                </Button>
              </div>
              <SeriesCards studyId={study.study_id} onOpen={(seriesId) => actions.open(study, seriesId)} />
            </div>
          </td>
        </tr>
      )}
    </>
  );
}

function StudyCell({ column, study }: { column: StudyColumn; study: Study }) {
  const { t } = useTranslation('studies');
  const text = column.text(study, currentLanguage());
  let content: ReactNode = text;
  if (column.id === 'modalities' && study.modalities.length > 0) {
    content = (
      <span className={classes.badges}>
        {study.modalities.map((modality) => (
          <ModalityBadge key={modality} modality={modality} />
        ))}
      </span>
    );
  } else if (text === '') {
    content = column.id === 'patient_name' ? <i className={classes.noName}>{t('common:noName')}</i> : <span className={classes.quiet}>{t('common:empty')}</span>;
  }
  const isMarked = column.id === 'patient_name' && sharesItsUid(study);
  if (isMarked) {
    content = (
      <>
        <IconAlertTriangle size={16} stroke={iconStroke} className={classes.sharedSign} aria-hidden />
        {content}
        <span className="wv-hidden"> {t('patients.row')}</span>
      </>
    );
  }
  const kind = [column.numeric ? classes.numeric : '', column.quiet ? classes.quiet : ''].join(' ');
  return (
    <td data-column={column.id} className={kind} title={isMarked ? [text, t('patients.row')].filter((part) => part !== '').join(' · ') : text.length > 10 ? text : undefined}>
      {content}
    </td>
  );
}

function SkeletonRows({ columns }: { columns: readonly StudyColumn[] }) {
  return Array.from({ length: 8 }, (_, row) => (
    <tr key={row} className={classes.row} aria-hidden>
      <td />
      <td />
      {columns.map((column) => (
        <td key={column.id}>
          <Skeleton height={12} width={`${55 + ((row * 7 + column.width) % 40)}%`} radius="sm" />
        </td>
      ))}
    </tr>
  ));
}
