import { Tooltip, UnstyledButton } from '@mantine/core';
import { IconCircleCheck, IconExclamationCircle, IconStack2 } from '@tabler/icons-react';
import { useTranslation } from '../../shared/i18n';
import { makingsOf, type Made } from '../control/makings';
import { useSelected } from '../control/store';
import { useViewer } from './context';
import classes from './MakingBadge.module.css';
import { keepFocus } from './ToolButton';

/** How far a new series is, on the bar while its dialog is closed; a click opens that again. */
export function MakingBadge() {
  const { viewer } = useViewer();
  const made = useSelected(makingsOf(viewer), (state) => state.made);
  return made === null ? null : <Badge made={made} />;
}

function Badge({ made: { making, title, open } }: { made: Made }) {
  const { t } = useTranslation('viewer');
  const state = useSelected(making.store, ({ making: now }) => now);
  if (state.kind === 'idle') return null;
  const [IconOf, words] =
    state.kind === 'running'
      ? ([IconStack2, t('making.progress', { stored: state.stored, total: state.total })] as const)
      : state.kind === 'done'
        ? ([IconCircleCheck, t('making.ready')] as const)
        : ([IconExclamationCircle, t('making.unfinished')] as const);
  return (
    <Tooltip label={title}>
      <UnstyledButton className={classes.badge} data-tool="" data-kind={state.kind} aria-label={`${title}: ${words}`} onMouseDown={keepFocus} onClick={open}>
        <IconOf size={17} stroke={1.7} aria-hidden />
        <span>{words}</span>
        {state.kind === 'running' && <span className={classes.track} style={{ transform: `scaleX(${state.total > 0 ? state.stored / state.total : 0})` }} />}
      </UnstyledButton>
    </Tooltip>
  );
}
