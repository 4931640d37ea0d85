import { IconAlertTriangle, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { sharesItsUid } from '../../shared/api/types';
import { useTranslation } from '../../shared/i18n';
import type { CellController } from '../control/cell';
import { asShown } from '../control/cellState';
import { useSelected } from '../control/store';
import { type Say, sayOf } from '../model/sentences';
import { dateAndTime } from '../model/patient';
import { type PresentationState, statesFor } from '../model/presentationStates';
import { frameAt, noticesOf } from '../model/series';
import classes from './CellNotes.module.css';
import { useViewer } from './context';
import type { Translate } from './corners';
import { usePresentationStates } from './usePresentationStates';

const MOST_STATES = 3;

/** Presentation states of an image by name, without names where patient data are not shown: people write anything there. */
function stateLines(states: readonly PresentationState[], named: boolean, t: Translate): string[] {
  const lines = states.slice(0, named ? MOST_STATES : 1).map(({ label, description, created_date, created_time }) => {
    const name = named ? [label, description, dateAndTime(created_date, created_time)].filter((part) => part !== '').join(', ') : '';
    return name === '' ? t('notes.state') : t('notes.stateNamed', { name });
  });
  const more = states.length - lines.length;
  return more > 0 ? [...lines, t('notes.moreStates', { count: more })] : lines;
}

/** What was assumed of the image that is seen and what is not drawn of it. It can be folded away; another note unfolds it. */
export function CellNotes({ cell }: { cell: CellController }) {
  const { t } = useTranslation(['viewer', 'sentences']);
  const { viewer, study } = useViewer();
  const isShared = study !== null && sharesItsUid(study);
  const level = useSelected(viewer.store, ({ overlay }) => overlay);
  const states = usePresentationStates(cell);
  // As text: while images with the same notices are passed, nothing is drawn anew.
  const told = useSelected(cell.store, (state) => {
    if (state.shown === null || state.fault !== null) return '';
    const image = asShown(state).reference.image;
    const lines = isShared ? [t('patients.note')] : [];
    lines.push(...noticesOf(state.detail, image).map((sentence) => sayOf(t as unknown as Say, sentence)));
    if (state.shown.lacksOverlay) lines.push(t('notes.lacksOverlay'));
    if (state.shown.ignoresShutter) lines.push(t('notes.ignoresShutter'));
    const frame = frameAt(state.detail, image);
    if (frame !== null) lines.push(...stateLines(statesFor(states, frame), level === 'full', t as Translate));
    if (states.unread > 0) lines.push(t('notes.unreadStates', { count: states.unread }));
    if (states.left_out > 0) lines.push(t('notes.leftOutStates', { count: states.left_out }));
    return [...new Set(lines)].join('\n');
  });
  const [folded, setFolded] = useState('');
  if (level === 'off' || told === '') return null;
  const words = told.split('\n');
  if (folded === told) {
    return (
      <button type="button" className={classes.folded} data-chrome="" onClick={() => setFolded('')} aria-label={t('notes.unfold', { count: words.length })}>
        <IconAlertTriangle size={16} stroke={1.7} aria-hidden />
        {words.length}
      </button>
    );
  }
  return (
    <div className={classes.notes} role="note" data-chrome="">
      <IconAlertTriangle size={16} stroke={1.7} aria-hidden />
      <div>
        {words.map((word) => (
          <p key={word}>{word}</p>
        ))}
      </div>
      <button type="button" className={classes.fold} onClick={() => setFolded(told)} aria-label={t('notes.fold')}>
        <IconX size={14} stroke={1.7} aria-hidden />
      </button>
    </div>
  );
}
