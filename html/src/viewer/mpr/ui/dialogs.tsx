import { useTranslation } from '../../../shared/i18n';
import { useStore } from '../../control/store';
import { keyLabel, toolKeys } from '../../input/actions';
import { isMeasureTool, measureTools } from '../../model/tools';
import { windowValues } from '../../model/windowing';
import { type DialogProps, KeyTables, ViewerDialog, WindowForm } from '../../ui/sharedDialogs';
import { mprKeys } from '../input/keys';
import { useMpr } from './context';
import { SlabTools } from './SlabTools';

/** Window width and level by numbers, for all planes. */
export function MprWindowDialog({ opened, onClose }: DialogProps) {
  const { t } = useTranslation('viewer');
  const { mpr } = useMpr();
  return (
    <ViewerDialog opened={opened} onClose={onClose} title={t('window.dialog')} size={360}>
      <WindowForm now={mpr.windowValues} apply={(values, at) => mpr.setWindow(windowValues(values, undefined), null, at, false)} onClose={onClose} />
    </ViewerDialog>
  );
}

/** The slab by numbers and by a slider, where the bar has no room for them. */
export function SlabDialog({ opened, onClose }: DialogProps) {
  const { t } = useTranslation('viewer');
  return (
    <ViewerDialog opened={opened} onClose={onClose} title={t('mpr.slab.dialog')} size={360}>
      <SlabTools sheet />
    </ViewerDialog>
  );
}

/** All keys of MPR and what the mouse does. */
export function MprKeysDialog({ opened, onClose }: DialogProps) {
  const { t } = useTranslation('viewer');
  return (
    <ViewerDialog opened={opened} onClose={onClose} title={t('action.keys')} size={600}>
      <Keys />
    </ViewerDialog>
  );
}

function Keys() {
  const { t } = useTranslation('viewer');
  const { mpr } = useMpr();
  const { bindings } = useStore(mpr.store);
  const nameOf = (name: string): string => (name === 'crossing' || name === 'cursor' ? t(`mpr.tool.${name}`) : OWN.has(name) ? t(`mpr.action.${name}`) : t(isTool(name) ? `tool.${name}` : `action.${name}`));
  const keys: [string, string[]][] = [
    [t('mpr.keys.crossing'), ['←', '→', '↑', '↓']],
    [t('mpr.keys.turn'), ['Alt+←', 'Alt+→']],
    [t('mpr.keys.scroll'), ['PgUp', 'PgDn']],
    [t('mpr.keys.ends'), ['Home', 'End']],
    ...Object.entries(mprKeys).map(([name, key]): [string, string[]] => [nameOf(name), [keyLabel(key)]]),
    ...measureTools.flatMap((tool): [string, string[]][] => (toolKeys[tool] === undefined ? [] : [[t(`tool.${tool}`), [toolKeys[tool]]]])),
    [t('measure.deleteThis'), ['Del']],
    [t('keys.regions'), ['F6']],
    [t('keys.menu'), ['Shift+F10']],
    [t('mpr.keys.escape'), ['Esc']],
  ];
  const mouse: [string, string][] = [
    ...(['left', 'middle', 'right'] as const).map((button): [string, string] => [nameOf(bindings[button]), t(`keys.drag.${button}`)]),
    [t('mpr.keys.dragDoes'), t('mpr.keys.drag')],
    [t('mpr.keys.ringDoes'), t('mpr.keys.ring')],
    [t('mpr.keys.dottedDoes'), t('mpr.keys.dotted')],
    [t('mpr.keys.shiftDoes'), t('mpr.keys.shift')],
    [t('mpr.keys.pickDoes'), t('mpr.keys.pick')],
    [t('mpr.keys.wheelDoes'), t('keys.wheel')],
    [t('keys.ctrlWheelDoes'), t('keys.ctrlWheel')],
    [t('menu.enlarge'), t('keys.doubleClick')],
    [t('keys.menu'), t('keys.rightClick')],
    [t('keys.toolClickDoes'), t('keys.toolClick')],
  ];
  return <KeyTables keys={keys} mouse={mouse} />;
}

const HELD: ReadonlySet<string> = new Set(['window', 'zoom', 'scroll', 'rotate', 'pan']);
/** Actions that only planes have. */
const OWN: ReadonlySet<string> = new Set(['lines', 'undoMove', 'redoMove']);

function isTool(name: string): boolean {
  return HELD.has(name) || isMeasureTool(name);
}
