import { Checkbox, NativeSelect, Popover, rem, TextInput, UnstyledButton } from '@mantine/core';
import { IconCalendar, IconChevronDown } from '@tabler/icons-react';
import { type KeyboardEvent, lazy, Suspense, useId, useState } from 'react';
import { iconStroke } from '../../shared/icons';
import { useTranslation } from '../../shared/i18n';
import { modalitiesFor } from '../model/modalities';
import { isBadBirth } from '../model/birth';
import type { SearchFields, StudyDates } from '../model/search';
import classes from './StudyTable.module.css';
import type { StudyList } from './useStudyList';

const DateRange = lazy(() => import('./DateRange'));

type TextField = 'patient_name' | 'patient_id' | 'patient_birth_date' | 'body_part' | 'accession_number' | 'study_description';

const fieldOfColumn: Record<string, TextField> = {
  patient_name: 'patient_name',
  patient_id: 'patient_id',
  patient_birth_date: 'patient_birth_date',
  body_parts: 'body_part',
  accession_number: 'accession_number',
  study_description: 'study_description',
};

/** The search field of a column, in the head of the table; nothing where a column cannot be searched. */
export function SearchField({ column, list }: { column: string; list: StudyList }) {
  if (column === 'modalities') return <ModalityField list={list} />;
  if (column === 'patient_sex') return <SexField list={list} />;
  if (column === 'study_date') return <DatesField list={list} />;
  const field = fieldOfColumn[column];
  return field === undefined ? null : <TextSearch column={column} field={field} list={list} />;
}

function TextSearch({ column, field, list }: { column: string; field: TextField; list: StudyList }) {
  const { t } = useTranslation('studies');
  const value = list.draft[field];
  const hint = useId();
  const wrong = field === 'patient_birth_date' && isBadBirth(value);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' && !wrong) list.submit();
  };
  return (
    <div className={classes.textField}>
      <TextInput
        size="xs"
        classNames={{ input: classes.field }}
        aria-label={t('find.field', { column: t(`columns.${column}`) })}
        placeholder={field === 'patient_name' ? t('find.name') : undefined}
        value={value}
        maxLength={64}
        spellCheck={false}
        autoComplete="off"
        error={wrong}
        aria-describedby={wrong ? hint : undefined}
        onChange={(event) => list.setDraft({ [field]: event.currentTarget.value } as Partial<SearchFields>)}
        onKeyDown={onKeyDown}
      />
      {wrong && (
        <div id={hint} className={classes.hint} role="status">
          {t('find.badBirth')}
        </div>
      )}
    </div>
  );
}

export function SexField({ list, wide = false }: { list: StudyList; wide?: boolean }) {
  const { t } = useTranslation('studies');
  const value = list.draft.patient_sex;
  return (
    <NativeSelect
      size={wide ? 'md' : 'xs'}
      rightSection={<IconChevronDown size={14} stroke={iconStroke} aria-hidden />}
      label={wide ? t('columns.patient_sex') : undefined}
      classNames={wide ? {} : { input: `${classes.field} ${classes.sex}`, section: classes.sexArrow }}
      aria-label={t('find.field', { column: t('columns.patient_sex') })}
      value={value}
      data={[
        { value: '', label: wide ? t('find.anySex') : '' },
        { value: 'F', label: wide ? t('find.sexF') : 'F' },
        { value: 'M', label: wide ? t('find.sexM') : 'M' },
        { value: 'O', label: wide ? t('find.sexO') : 'O' },
      ]}
      onChange={(event) => {
        const fields = { patient_sex: event.currentTarget.value };
        if (wide) list.setDraft(fields);
        else list.submit({ fields });
      }}
    />
  );
}

function ModalityField({ list }: { list: StudyList }) {
  const { t } = useTranslation('studies');
  const [open, setOpen] = useState(false);
  const chosen = list.draft.modalities;
  const close = (): void => {
    setOpen(false);
    if (chosen.join() !== list.search.fields.modalities.join()) list.submit();
  };
  return (
    <Popover opened={open} onChange={(now) => (now ? setOpen(true) : close())} position="bottom-start" trapFocus returnFocus withinPortal>
      <Popover.Target>
        <UnstyledButton
          className={classes.fieldButton}
          aria-label={`${t('find.field', { column: t('columns.modalities') })}: ${chosen.join(', ') || t('find.all')}`}
          onClick={() => (open ? close() : setOpen(true))}
        >
          <span className={chosen.length === 0 ? classes.placeholder : undefined}>{chosen.join(', ') || t('find.all')}</span>
          <IconChevronDown size={14} stroke={iconStroke} aria-hidden />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown p={8} onKeyDown={(event) => event.key === 'Enter' && close()}>
        <ModalityChoice value={chosen} onChange={(modalities) => list.setDraft({ modalities })} />
      </Popover.Dropdown>
    </Popover>
  );
}

/** All modalities to tick, the usual ones first; typing finds one, also one that the list does not know. */
export function ModalityChoice({ value, onChange, wide = false }: { value: readonly string[]; onChange: (value: string[]) => void; wide?: boolean }) {
  const { t } = useTranslation('studies');
  const [typed, setTyped] = useState('');
  const legend = useId();
  const shown = modalitiesFor(typed, value);
  return (
    <div className={classes.choice} data-wide={wide || undefined}>
      {wide && (
        <div id={legend} className={classes.legend}>
          {t('columns.modalities')}
        </div>
      )}
      <TextInput
        size={wide ? 'md' : 'xs'}
        aria-label={t('find.modality')}
        placeholder={t('find.modality')}
        value={typed}
        maxLength={16}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={(event) => {
          const first = shown[0];
          if (event.key !== 'Enter' || typed.trim() === '' || first === undefined) return;
          // Enter takes what was found; with nothing typed it closes the list.
          event.preventDefault();
          event.stopPropagation();
          onChange(value.includes(first) ? [...value] : [...value, first]);
          setTyped('');
        }}
      />
      <Checkbox.Group value={[...value]} onChange={onChange} {...(wide ? { 'aria-labelledby': legend } : { 'aria-label': t('columns.modalities') })}>
        <div className={classes.modalities}>
          {shown.map((one) => (
            <Checkbox key={one} value={one} label={one} size={wide ? 'md' : 'sm'} className={classes.modality} />
          ))}
        </div>
      </Checkbox.Group>
      {shown.length === 0 && <p className={classes.noneFits}>{t('find.noModality')}</p>}
    </div>
  );
}

export function datesLabel(dates: StudyDates, t: (key: string, values?: Record<string, string>) => string): string {
  if ('chip' in dates) return t(`chips.${dates.chip}`);
  if (dates.from !== null && dates.to !== null) return dates.from === dates.to ? dates.from : `${dates.from} – ${dates.to}`;
  if (dates.from !== null) return t('find.from', { day: dates.from });
  return dates.to === null ? t('chips.any') : t('find.to', { day: dates.to });
}

function DatesField({ list }: { list: StudyList }) {
  const { t } = useTranslation('studies');
  const [open, setOpen] = useState(false);
  const { dates } = list.search;
  const label = datesLabel(dates, t);
  const isAny = 'chip' in dates && dates.chip === 'any';
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-start" trapFocus returnFocus withinPortal>
      <Popover.Target>
        <UnstyledButton className={classes.fieldButton} aria-label={`${t('find.dates')}: ${isAny ? t('find.anyDay') : label}`} title={label} onClick={() => setOpen(!open)}>
          <span className={isAny ? classes.placeholder : undefined}>{isAny ? t('find.anyDay') : label}</span>
          <IconCalendar size={14} stroke={iconStroke} aria-hidden />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown p={12}>
        <Suspense fallback={<div style={{ width: rem(252), height: rem(290) }} />}>
          <DateRange
            dates={list.search.dates}
            onChange={(dates) => {
              list.submit({ dates });
              setOpen(false);
            }}
          />
        </Suspense>
      </Popover.Dropdown>
    </Popover>
  );
}
