import { Menu } from '@mantine/core';
import { IconArrowsDiagonal, IconContrast, IconPhotoDown, IconRestore } from '@tabler/icons-react';
import { useInterfaceScale } from '../../shared/theme/InterfaceScale';
import { useTranslation } from '../../shared/i18n';
import { useSelected, useStore } from '../control/store';
import { actionKeys, type ActionName, keyLabel, runAction, toolKeys } from '../input/actions';
import { graphicsOf } from '../model/graphics';
import { tools } from '../model/tools';
import type { Point } from '../model/geometry';
import { Choice } from './Choice';
import { useViewer } from './context';
import { measuringOf } from '../measure/control/measureOf';
import { MeasureMenuItems } from '../measure/ui/MeasureMenuItems';
import { GraphicsItems } from './GraphicsItems';
import { toolIcons } from './icons';
import type { Icon } from './ToolButton';
import classes from './Toolbar.module.css';

/** The menu of a right click or a long press. */
export function CellMenu({ at, onClose }: { at: Point | null; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const environment = useViewer();
  const { viewer } = environment;
  const state = useStore(viewer.store);
  // Kept on the screen: the dropdown would rather flip, and finds no room above either.
  const about = useSelected(measuringOf(viewer).measures.store, ({ menu }) => menu !== null);
  const cell = viewer.cell(state.active);
  const graphics = useSelected(cell.store, ({ detail }) => graphicsOf(detail));
  const switches = Number(graphics.overlays) + Number(graphics.shutters);
  const scale = useInterfaceScale();
  const height = scale * (((state.places.length > 1 ? 12 : 11) + switches + (about ? 3 : 0)) * (window.matchMedia('(pointer: coarse)').matches ? 44 : 30) + 72);
  const top = Math.max(8, Math.min(at?.y ?? 0, window.innerHeight - height));
  const action = (name: ActionName, IconOf: Icon) => (
    <Menu.Item
      leftSection={<IconOf size={16} />}
      rightSection={<span data-hint="">{keyLabel(actionKeys[name] ?? '')}</span>}
      onClick={(event) => runAction(name, environment, event.timeStamp)}
    >
      {t(`action.${name}`)}
    </Menu.Item>
  );
  return (
    <Menu opened={at !== null} onClose={onClose} position="bottom-start" width={244} middlewares={{ flip: false, shift: true }} offset={2} returnFocus>
      <Menu.Target>
        <span style={{ position: 'fixed', left: at?.x ?? 0, top, width: 1, height: 1 }} aria-hidden />
      </Menu.Target>
      <Menu.Dropdown className={`${classes.menu} ${classes.keys}`}>
        <MeasureMenuItems />
        <Menu.Label>{t('menu.tools')}</Menu.Label>
        {([...tools, 'ruler', 'point'] as const).map((name) => {
          const IconOf = toolIcons[name];
          const chosen = state.bindings.left === name;
          return (
            <Choice key={name} chosen={chosen} icon={<IconOf size={16} />} label={t(`tool.${name}`)} hint={toolKeys[name]} onChoose={() => viewer.bind('left', name)} />
          );
        })}
        <Menu.Divider />
        {action('invert', IconContrast)}
        <GraphicsItems cell={cell} title={false} />
        {action('resetPosition', IconRestore)}
        {action('resetAll', IconRestore)}
        {state.places.length > 1 && (
          <Menu.Item leftSection={<IconArrowsDiagonal size={16} />} onClick={() => viewer.toggleEnlarged(state.active)}>
            {t(state.enlarged ? 'menu.shrink' : 'menu.enlarge')}
          </Menu.Item>
        )}
        <Menu.Divider />
        {action('exportPicture', IconPhotoDown)}
      </Menu.Dropdown>
    </Menu>
  );
}
