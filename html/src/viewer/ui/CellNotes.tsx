import { IconAlertTriangle, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import type { CellController } from '../control/cell';
import { asShown } from '../control/cellState';
import { useSelected } from '../control/store';
import { type Say, sayOf } from '../model/sentences';
import { noticesOf } from '../model/series';
import classes from './CellNotes.module.css';
import { useViewer } from './context';

/** What was assumed of the image that is seen. It can be folded away; another assumption unfolds it. */
export function CellNotes({ cell }: { cell: CellController }) {
  const { t } = useTranslation(['viewer', 'sentences']);
  const { viewer } = useViewer();
  const hidden = useSelected(viewer.store, ({ overlay }) => overlay === 'off');
  // As text: while images with the same notices are passed, nothing is drawn anew.
  const told = useSelected(cell.store, (state) => {
    if (state.shown === null || state.fault !== null) return '';
    const sentences = noticesOf(state.detail, asShown(state).reference.image);
    return sentences.map((sentence) => sayOf(t as unknown as Say, sentence)).join('\n');
  });
  const [folded, setFolded] = useState('');
  if (hidden || told === '') return null;
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
