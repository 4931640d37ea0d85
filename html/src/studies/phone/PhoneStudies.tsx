import { ActionIcon, Button, Drawer, Menu, NativeSelect, Skeleton, Switch, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconAxisX, IconCube, IconPhotoScan, IconDatabase, IconDotsVertical, IconDownload, IconFilter, IconSearch, IconTrash } from '@tabler/icons-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { sharesItsUid, type Study } from '../../shared/api/types';
import { formatDay, formatNumber } from '../../shared/format/format';
import { iconStroke } from '../../shared/icons';
import { currentLanguage, useTranslation } from '../../shared/i18n';
import { ModalityBadge } from '../../shared/ui/ModalityBadge';
import { ListNotice } from '../list/ListNotice';
import { Pager } from '../list/Pager';
import { ModalityChoice, SexField } from '../list/SearchRow';
import { Thumbnail } from '../list/SeriesCards';
import { displayName, type StudyActions } from '../list/StudyTable';
import { hasFilters, type StudyList } from '../list/useStudyList';
import { studyColumns } from '../model/columns';
import { isBadBirth } from '../model/birth';
import { dateChips } from '../model/search';
import classes from './PhoneStudies.module.css';

/** What a list starts with stands first: it is seen without scrolling. */
const phoneChips = [...dateChips].sort((a, b) => Number(b === 'any') - Number(a === 'any'));

/** The list on a phone: one search field, date chips, a card for each study. */
export function PhoneStudies({ list, actions, instead }: { list: StudyList; actions: StudyActions; instead: ReactNode }) {
  const { t } = useTranslation('studies');
  const chips = useRef<HTMLDivElement>(null);
  const { dates } = list.search;
  useEffect(() => {
    chips.current?.querySelector('[aria-pressed="true"]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [dates]);
  const [filters, setFilters] = useState(false);
  const filtered = hasFilters(list);
  return (
    <div className={classes.page}>
      <form
        className={classes.searchRow}
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          list.submit();
          (document.activeElement as HTMLElement | null)?.blur();
        }}
      >
        <TextInput
          className={classes.search}
          classNames={{ input: classes.input }}
          type="search"
          enterKeyHint="search"
          leftSection={<IconSearch size={18} stroke={iconStroke} aria-hidden />}
          placeholder={t('phone.search')}
          aria-label={t('phone.search')}
          value={list.draft.any_text}
          onChange={(event) => list.setDraft({ any_text: event.currentTarget.value })}
        />
        <ActionIcon variant="default" size={44} className={classes.filter} aria-label={t(filtered ? 'phone.filtersOn' : 'phone.filters')} onClick={() => setFilters(true)}>
          <IconFilter size={20} stroke={iconStroke} aria-hidden />
          {filtered && <span className={classes.dot} />}
        </ActionIcon>
      </form>
      <div ref={chips} className={classes.chips} role="group" aria-label={t('chips.label')}>
        <span className={classes.source}>
          <IconDatabase size={16} stroke={iconStroke} aria-hidden />
          {t('ownStorage')}
        </span>
        {phoneChips.map((chip) => (
          <button key={chip} type="button" className={classes.chip} aria-pressed={'chip' in dates && dates.chip === chip} onClick={() => list.submit({ dates: { chip } })}>
            {t(`chips.${chip}`)}
          </button>
        ))}
      </div>
      <ListNotice list={list} />
      <div className={classes.scroll}>
        {instead}
        {instead === null && list.page === undefined && [0, 1, 2, 3, 4, 5].map((one) => <Skeleton key={one} height={82} radius="lg" mb={8} />)}
        {instead === null && (
          <ul className={classes.cards}>
            {list.page?.studies.map((study) => (
              <StudyCard key={study.study_id} study={study} isFlashing={list.flashing.has(study.study_id)} actions={actions} />
            ))}
          </ul>
        )}
        {instead === null && list.page !== undefined && <Pager compact list={list} onPageSize={() => undefined} />}
      </div>
      <FilterSheet list={list} opened={filters} onClose={() => setFilters(false)} />
    </div>
  );
}

function StudyCard({ study, isFlashing, actions }: { study: Study; isFlashing: boolean; actions: StudyActions }) {
  const { t } = useTranslation('studies');
  const name = displayName(study, t('common:noName'));
  return (
    <li className={classes.card} data-flash={isFlashing || undefined} data-shared={sharesItsUid(study) || undefined}>
      <button type="button" className={classes.open} data-study={study.study_id} onClick={() => actions.open(study, null)}>
        <Thumbnail seriesId={study.first_series_id} className={classes.picture ?? ''} />
        <span className={classes.facts}>
          <strong>{name}</strong>
          <span className={classes.description}>{study.study_description || t('common:empty')}</span>
          {sharesItsUid(study) && (
            <span className={classes.shared}>
              <IconAlertTriangle size={14} stroke={iconStroke} aria-hidden />
              {t('patients.row')}
            </span>
          )}
          <span className={classes.line}>
            {study.modalities.slice(0, 3).map((modality) => (
              <ModalityBadge key={modality} modality={modality} />
            ))}
            <span>
              {[formatDay(study.study_date), t('images', { count: study.image_count, number: formatNumber(study.image_count, currentLanguage()) })]
                .filter((part) => part !== '')
                .join(' · ')}
            </span>
          </span>
        </span>
      </button>
      <Menu position="bottom-end" width={240}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size={44} className={classes.more} aria-label={t('rowActions', { name })}>
            <IconDotsVertical size={20} stroke={iconStroke} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item h={44} leftSection={<IconPhotoScan size={18} stroke={iconStroke} />} onClick={() => actions.open(study, null)}>
            {t('openIn')}
          </Menu.Item>
          <Menu.Item h={44} leftSection={<IconAxisX size={18} stroke={iconStroke} />} onClick={() => actions.open(study, null, 'mpr')}>
            {t('openInMpr')}
          </Menu.Item>
          <Menu.Item h={44} leftSection={<IconCube size={18} stroke={iconStroke} />} onClick={() => actions.open(study, null, 'volume')}>
            {t('openInVolume')}
          </Menu.Item>
          <Menu.Item h={44} leftSection={<IconDownload size={18} stroke={iconStroke} />} onClick={() => actions.download([study])}>
            {t('download')}
          </Menu.Item>
          <Menu.Item h={44} color="var(--wv-danger)" leftSection={<IconTrash size={18} stroke={iconStroke} />} onClick={() => actions.remove([study])}>
            {t('delete')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </li>
  );
}

/** All fields of the head, and the order, in a sheet from below. */
function FilterSheet({ list, opened, onClose }: { list: StudyList; opened: boolean; onClose: () => void }) {
  const { t } = useTranslation('studies');
  const badBirth = isBadBirth(list.draft.patient_birth_date);
  const text = (field: 'patient_birth_date' | 'body_part' | 'accession_number' | 'study_description', column: string) => (
    <TextInput
      size="md"
      label={t(`columns.${column}`)}
      placeholder={field === 'patient_birth_date' ? t('find.birth') : undefined}
      error={field === 'patient_birth_date' && badBirth ? t('find.badBirth') : undefined}
      value={list.draft[field]}
      onChange={(event) => list.setDraft({ [field]: event.currentTarget.value })}
    />
  );
  return (
    <Drawer opened={opened} onClose={onClose} position="bottom" size="85%" title={t('phone.filters')} closeButtonProps={{ 'aria-label': t('common:close'), size: 44 }}>
      <form
        className={classes.sheet}
        onSubmit={(event) => {
          event.preventDefault();
          if (badBirth) return;
          list.submit();
          onClose();
        }}
      >
        <ModalityChoice wide value={list.draft.modalities} onChange={(modalities) => list.setDraft({ modalities })} />
        <SexField wide list={list} />
        {text('study_description', 'study_description')}
        {text('accession_number', 'accession_number')}
        {text('body_part', 'body_parts')}
        {text('patient_birth_date', 'patient_birth_date')}
        <NativeSelect
          size="md"
          label={t('phone.sort')}
          value={list.search.sort}
          data={studyColumns.flatMap((column) => (column.sort === null ? [] : [{ value: column.sort, label: t(`columns.${column.id}`) }]))}
          onChange={(event) => list.setSearch({ ...list.search, sort: event.currentTarget.value, offset: 0 })}
        />
        <Switch size="md" label={t('phone.descending')} checked={list.search.descending} onChange={(event) => list.setSearch({ ...list.search, descending: event.currentTarget.checked, offset: 0 })} />
        <div className={classes.sheetFoot}>
          <Button
            variant="default"
            h={44}
            onClick={() => {
              list.reset();
              onClose();
            }}
          >
            {t('reset')}
          </Button>
          <Button type="submit" h={44}>
            {t('phone.apply')}
          </Button>
        </div>
      </form>
    </Drawer>
  );
}
