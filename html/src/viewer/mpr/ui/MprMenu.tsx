import { Menu } from '@mantine/core';
import { IconArrowsDiagonal, IconContrast, IconPhotoDown, IconRestore, IconStack2 } from '@tabler/icons-react';
import { useInterfaceScale } from '../../../shared/theme/InterfaceScale';
import { useTranslation } from '../../../shared/i18n';
import { useSelected, useStore } from '../../control/store';
import { measuringOf } from '../../measure/control/measureOf';
import { MeasureMenuItems } from '../../measure/ui/MeasureMenuItems';
import type { Point } from '../../model/geometry';
import { Choice } from '../../ui/Choice';
import { useViewer } from '../../ui/context';
import type { Icon } from '../../ui/ToolButton';
import toolbar from '../../ui/Toolbar.module.css';
import { mprKeys } from '../input/keys';
import { useMpr } from './context';
import { mprIcons } from './MprToolbar';

const TOOLS = ['crossing', 'cursor', 'window', 'pan', 'zoom', 'scroll', 'rotate'] as const;

/** The menu of a right click or a long press on a plane. */
export function MprMenu({ at, onClose }: { at: Point | null; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const { mpr, exportPicture, openReslice } = useMpr();
  const { bindings, enlarged, active, layout } = useStore(mpr.store);
  const about = useSelected(measuringOf(viewer).measures.store, ({ menu }) => menu !== null);
  // Kept on the screen: the dropdown would rather flip, and finds no room above either.
  const scale = useInterfaceScale();
  const height = scale * ((TOOLS.length + 6 + (about ? 3 : 0)) * (window.matchMedia('(pointer: coarse)').matches ? 44 : 30) + 72);
  const top = Math.max(8, Math.min(at?.y ?? 0, window.innerHeight - height));
  const item = (icon: Icon, label: string, run: (time: number) => void, key?: string) => {
    const IconOf = icon;
    return (
      <Menu.Item leftSection={<IconOf size={16} />} rightSection={key === undefined ? undefined : <span data-hint="">{key}</span>} onClick={(event) => run(event.timeStamp)}>
        {label}
      </Menu.Item>
    );
  };
  return (
    <Menu opened={at !== null} onClose={onClose} position="bottom-start" width={244} middlewares={{ flip: false, shift: true }} offset={2} returnFocus>
      <Menu.Target>
        <span style={{ position: 'fixed', left: at?.x ?? 0, top, width: 1, height: 1 }} aria-hidden />
      </Menu.Target>
      <Menu.Dropdown className={`${toolbar.menu} ${toolbar.keys}`}>
        <MeasureMenuItems />
        <Menu.Label>{t('menu.tools')}</Menu.Label>
        {TOOLS.map((name) => {
          const IconOf = mprIcons[name];
          const label = name === 'crossing' || name === 'cursor' ? t(`mpr.tool.${name}`) : t(`tool.${name}`);
          return <Choice key={name} chosen={bindings.left === name} icon={<IconOf size={16} />} label={label} hint={mprKeys[name]} onChoose={() => mpr.bind('left', name)} />;
        })}
        <Menu.Divider />
        {item(IconContrast, t('action.invert'), (time) => mpr.invert(time), mprKeys.invert)}
        {item(IconRestore, t('mpr.action.resetPosition'), (time) => mpr.resetPosition(time))}
        {item(IconRestore, t('mpr.action.resetAll'), (time) => mpr.resetAll(time), mprKeys.resetAll)}
        {layout !== 'single' && item(IconArrowsDiagonal, t(enlarged ? 'menu.shrink' : 'menu.enlarge'), () => mpr.toggleEnlarged(active))}
        <Menu.Divider />
        {item(IconPhotoDown, t('action.exportPicture'), exportPicture, 'Ctrl+S')}
        {item(IconStack2, t('mpr.reslice.open'), openReslice)}
      </Menu.Dropdown>
    </Menu>
  );
}
