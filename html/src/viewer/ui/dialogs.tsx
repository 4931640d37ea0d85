import { useTranslation } from '../../shared/i18n';
import { useStore } from '../control/store';
import { actionKeys, type ActionName, keyLabel, toolKeys } from '../input/actions';
import { currentWindow } from '../input/drag';
import { voiFunction } from '../model/seriesWindow';
import { measureTools, tools } from '../model/tools';
import { windowValues } from '../model/windowing';
import { useViewer } from './context';
import { type DialogProps, KeyTables, ViewerDialog, WindowForm } from './sharedDialogs';

/** Window width and level by numbers. */
export function WindowDialog({ opened, onClose }: DialogProps) {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const cell = viewer.activeCell;
  return (
    <ViewerDialog opened={opened} onClose={onClose} title={t('window.dialog')} size={360}>
      <WindowForm
        now={currentWindow(cell.state)}
        apply={(values, at) => {
          const { detail, reference } = cell.state;
          cell.change({ data: { window: windowValues(values, voiFunction(detail, reference.image)), presetId: null } }, at, false);
        }}
        onClose={onClose}
      />
    </ViewerDialog>
  );
}

/** All keys and what the mouse does, for `?`. */
export function KeysDialog({ opened, onClose }: DialogProps) {
  const { t } = useTranslation('viewer');
  return (
    <ViewerDialog opened={opened} onClose={onClose} title={t('action.keys')} size={600}>
      <Keys />
    </ViewerDialog>
  );
}

function Keys() {
  const { t } = useTranslation('viewer');
  const { bindings } = useStore(useViewer().viewer.store);
  const keys: [string, string[]][] = [
    [t('keys.images'), ['↑', '↓', 'PgUp', 'PgDn']],
    [t('keys.ends'), ['Home', 'End']],
    [t('keys.series'), ['←', '→']],
    ...[...tools, ...measureTools].flatMap((tool): [string, string[]][] => (toolKeys[tool] === undefined ? [] : [[t(`tool.${tool}`), [toolKeys[tool]]]])),
    [t('measure.deleteThis'), ['Del']],
    [t('measure.undo'), ['Ctrl+Z']],
    ...(Object.entries(actionKeys) as [ActionName, string][]).map(([name, key]): [string, string[]] => [t(`action.${name}`), [keyLabel(key)]]),
    [t('keys.regions'), ['F6']],
    [t('keys.menu'), ['Shift+F10']],
    [t('keys.escape'), ['Esc']],
  ];
  const mouse: [string, string][] = [
    ...(['left', 'middle', 'right'] as const).map((button): [string, string] => [t(`tool.${bindings[button]}`), t(`keys.drag.${button}`)]),
    [t('keys.wheelDoes'), t('keys.wheel')],
    [t('keys.ctrlWheelDoes'), t('keys.ctrlWheel')],
    [t('menu.enlarge'), t('keys.doubleClick')],
    [t('keys.menu'), t('keys.rightClick')],
    [t('keys.toolClickDoes'), t('keys.toolClick')],
  ];
  return <KeyTables keys={keys} mouse={mouse} />;
}
