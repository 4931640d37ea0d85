import { ActionIcon, Button, Progress } from '@mantine/core';
import { IconAlertTriangle, IconChevronDown, IconChevronRight, IconCircleCheck, IconCircleX, IconCloudUpload, IconFiles, IconFileZip, IconFolder, IconX } from '@tabler/icons-react';
import { type ReactNode, useRef, useState } from 'react';
import { formatBytes, formatNumber, formatPercent } from '../../shared/format/format';
import { iconStroke } from '../../shared/icons';
import { currentLanguage, useTranslation } from '../../shared/i18n';
import { type Batch, type BatchSummary, type FileProgress, isFinal, skippedByReason, type SkipGroup, summarize } from './batches';
import { fromFileList } from './collect';
import { Interrupted } from './Interrupted';
import { uploader } from './uploader';
import classes from './UploadPanel.module.css';
import { useUploads } from './useUploads';

const namesShown = 6;
/** A folder may hold thousands; what is under way stands first. */
const filesShown = 200;

/** "Upload and transfers": where to drop, what runs, what was skipped. */
export function UploadPanel({ onClose }: { onClose: (() => void) | null }) {
  const { t } = useTranslation('studies');
  const batches = useUploads();
  const summaries = batches.map((batch) => summarize(batch));
  const over = summaries.filter((one) => ['done', 'failed', 'cancelled'].includes(one.state)).length;
  return (
    <section className={classes.panel} aria-label={t('transfers.title')}>
      <header className={classes.head}>
        <h2>{t('transfers.title')}</h2>
        {onClose !== null && (
          <ActionIcon variant="subtle" color="gray" size={32} aria-label={t('common:close')} onClick={onClose}>
            <IconX size={18} stroke={iconStroke} aria-hidden />
          </ActionIcon>
        )}
      </header>
      <div className={classes.scroll}>
        <DropArea />
        <Interrupted />
        {batches.length > 0 && (
          <>
            <div className={classes.listHead}>
              <h3>{t(over === batches.length ? 'transfers.finished' : 'transfers.inProgress')}</h3>
              <span>{over < batches.length && t('transfers.counted', { done: over, total: batches.length })}</span>
            </div>
            <ul className={classes.list}>
              {batches.map((batch, index) => (
                <BatchRow key={batch.id} batch={batch} summary={summaries[index] as BatchSummary} />
              ))}
            </ul>
          </>
        )}
        <Skipped batches={batches} />
      </div>
      <footer className={classes.foot}>
        <span>{batches.length === 0 ? t('transfers.nothing') : t('transfers.closing')}</span>
        <Button variant="default" disabled={over === 0} onClick={() => uploader.clearDone()}>
          {t('transfers.clearDone')}
        </Button>
      </footer>
    </section>
  );
}

/** Three ways to choose files; dropping works anywhere on the page. */
export function DropArea({ large = false }: { large?: boolean }) {
  const { t } = useTranslation('studies');
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const zip = useRef<HTMLInputElement>(null);
  const input = (ref: typeof files, more: Record<string, string>) => (
    <input
      ref={ref}
      type="file"
      multiple
      hidden
      {...more}
      onChange={(event) => {
        uploader.add(fromFileList(event.currentTarget.files ?? []));
        event.currentTarget.value = '';
      }}
    />
  );
  return (
    <div className={classes.drop} data-large={large || undefined}>
      <IconCloudUpload size={large ? 40 : 30} stroke={iconStroke} aria-hidden className={classes.cloud} />
      <strong>{large ? t('state.emptyTitle') : t('transfers.drop')}</strong>
      <span>{large ? t('state.emptyText') : t('transfers.dropHint')}</span>
      <div className={classes.ways}>
        <Button variant="default" size="xs" onClick={() => files.current?.click()}>
          {t('transfers.files')}
        </Button>
        <Button variant="default" size="xs" leftSection={<IconFolder size={16} stroke={iconStroke} />} onClick={() => folder.current?.click()}>
          {t('transfers.folder')}
        </Button>
        <Button variant="default" size="xs" leftSection={<IconFileZip size={16} stroke={iconStroke} />} onClick={() => zip.current?.click()}>
          {t('transfers.zip')}
        </Button>
      </div>
      {input(files, { 'data-upload': 'files' })}
      {input(folder, { 'data-upload': 'folder', webkitdirectory: '' })}
      {input(zip, { 'data-upload': 'zip', accept: '.zip,application/zip' })}
    </div>
  );
}

function batchName(batch: Batch, t: (key: string, values: Record<string, string>) => string): string {
  const base = (path: string): string => path.split('/').at(-1) ?? path;
  const first = batch.files[0]?.name ?? '';
  const last = batch.files.at(-1)?.name ?? '';
  return batch.files.length <= 1 ? base(first) : t('transfers.several', { first: base(first), last: base(last) });
}

function BatchRow({ batch, summary }: { batch: Batch; summary: BatchSummary }) {
  const { t } = useTranslation('studies');
  const language = currentLanguage();
  const number = (value: number): string => formatNumber(value, language);
  const size = formatBytes(summary.sizeBytes, language);
  const name = batchName(batch, t);
  const { state } = summary;
  const [open, setOpen] = useState(false);
  const Chevron = open ? IconChevronDown : IconChevronRight;
  const isOver = state === 'done' || state === 'failed' || state === 'cancelled';

  let facts: string;
  const archive = batch.files[0];
  if (summary.retrying) facts = t('transfers.retrying');
  else if (isOver) {
    const parts = [summary.stored > 0 || summary.failed + summary.duplicates + summary.skipped === 0 ? t('transfers.stored', { number: number(summary.stored) }) : null];
    if (summary.duplicates > 0) parts.push(t('transfers.already', { number: number(summary.duplicates) }));
    if (summary.failed > 0) parts.push(t('transfers.failedCount', { number: number(summary.failed) }));
    if (summary.skipped > 0) parts.push(t('transfers.skipped', { count: summary.skipped, number: number(summary.skipped) }));
    facts = parts.filter((part) => part !== null).join(' · ');
  } else if (batch.kind === 'archive' && archive?.state === 'processing') {
    facts = archive.totalFiles > 0 ? t('transfers.storing', { done: number(archive.doneFiles), total: number(archive.totalFiles) }) : t('transfers.storingBare');
  } else if (batch.kind === 'archive') facts = size;
  else if (batch.files.length === 1) facts = size;
  else facts = t('transfers.filesOf', { done: number(summary.finished), total: number(summary.files), size });

  let icon: ReactNode = batch.kind === 'archive' ? <IconFileZip size={18} stroke={iconStroke} /> : <IconFiles size={18} stroke={iconStroke} />;
  if (summary.isEmpty) icon = <IconAlertTriangle size={18} stroke={iconStroke} className={classes.caution} />;
  else if (state === 'done') icon = <IconCircleCheck size={18} stroke={iconStroke} className={classes.good} />;
  if (state === 'failed') icon = <IconCircleX size={18} stroke={iconStroke} className={classes.bad} />;

  return (
    <li className={classes.batch} data-state={state}>
      <span className={classes.icon} aria-hidden>
        {icon}
      </span>
      {batch.files.length === 1 ? (
        <span className={classes.name} title={name}>
          {name}
        </span>
      ) : (
        <button
          type="button"
          className={classes.name}
          title={name}
          aria-expanded={open}
          aria-label={t(open ? 'transfers.filesHide' : 'transfers.filesShow', { name })}
          onClick={() => setOpen(!open)}
        >
          <Chevron size={14} stroke={iconStroke} aria-hidden />
          <span>{name}</span>
        </button>
      )}
      <span className={classes.facts}>{facts}</span>
      <span className={classes.share}>{isOver ? t(summary.isEmpty ? 'transfers.nothingStored' : `transfers.${state}`) : state === 'waiting' ? t('transfers.waiting') : formatPercent(summary.share, language)}</span>
      {!isOver && (
        <button type="button" className={classes.cancel} aria-label={t('transfers.cancel', { name })} onClick={() => uploader.cancel(batch.id)}>
          <IconX size={16} stroke={iconStroke} aria-hidden />
        </button>
      )}
      {!isOver && <Progress className={classes.bar} size={4} value={summary.share * 100} aria-label={t('transfers.progress', { name })} />}
      {open && <Files files={batch.files} />}
    </li>
  );
}

/** Each file of a folder: how far it is, or what became of it. */
function Files({ files }: { files: readonly FileProgress[] }) {
  const { t } = useTranslation('studies');
  const language = currentLanguage();
  const outcome = (file: FileProgress): string => {
    if (file.state === 'done') return t(file.skipped.length > 0 ? 'transfers.skippedFile' : file.stored > 0 ? 'transfers.storedFile' : 'transfers.duplicate');
    if (isFinal(file)) return t(`transfers.${file.state}`);
    if (file.state === 'waiting') return t('transfers.waiting');
    if (file.state === 'processing') return t('transfers.storingBare');
    return formatPercent(file.sizeBytes === 0 ? 0 : file.sentBytes / file.sizeBytes, language);
  };
  const underWay = files.filter((file) => !isFinal(file) && file.state !== 'waiting');
  const others = files.filter((file) => !underWay.includes(file));
  const more = files.length - filesShown;
  return (
    <ul className={classes.files} tabIndex={0}>
      {[...underWay, ...others].slice(0, filesShown).map((file) => (
        <li key={file.id} data-state={file.state} data-skipped={file.skipped.length > 0 || undefined}>
          <span title={file.name}>{file.name}</span>
          <span>{outcome(file)}</span>
        </li>
      ))}
      {more > 0 && <li>{t('transfers.moreFiles', { count: more, number: formatNumber(more, language) })}</li>}
    </ul>
  );
}

/** What was left out, by reason and by name. */
function Skipped({ batches }: { batches: readonly Batch[] }) {
  const { t, i18n } = useTranslation('studies');
  const { count, groups } = skippedByReason(batches);
  if (count === 0) return null;
  const number = formatNumber(count, currentLanguage());
  return (
    <div className={classes.skipped} role="status">
      <IconAlertTriangle size={18} stroke={iconStroke} aria-hidden />
      <div>
        <strong>{t('transfers.skipped', { count, number })}</strong>
        {groups.map((group) => {
          const known = `studies:transfers.reasons.${group.reason}`;
          const why = i18n.exists(known) ? t(`transfers.reasons.${group.reason}`) : group.message || group.reason;
          return <SkippedGroup key={group.reason} why={why} group={group} />;
        })}
      </div>
    </div>
  );
}

/** One reason and the files it is about; a long list unfolds. */
function SkippedGroup({ why, group }: { why: string; group: SkipGroup }) {
  const { t } = useTranslation('studies');
  const [all, setAll] = useState(false);
  const { names } = group;
  const isLong = names.length > namesShown;
  return (
    <>
      <p className={classes.names} tabIndex={all ? 0 : undefined}>
        {why}: {(all ? names : names.slice(0, namesShown)).join(', ')}
        {isLong && !all && ' …'}
      </p>
      {isLong && (
        <button type="button" className={classes.unfold} aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? t('transfers.showLess') : t('transfers.showAll', { count: names.length, number: formatNumber(names.length, currentLanguage()) })}
        </button>
      )}
    </>
  );
}
