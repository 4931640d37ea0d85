import { Menu } from '@mantine/core';
import {
  IconContrast,
  IconEye,
  IconEyeOff,
  IconKeyboard,
  IconLayoutGrid,
  IconLayoutSidebarLeftCollapse,
  IconLayoutSidebarLeftExpand,
  IconPhotoDown,
  IconPlayerPause,
  IconPlayerPlay,
  IconRestore,
} from '@tabler/icons-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import { useSelected, useStore } from '../control/store';
import type { MouseButton, OverlayLevel } from '../control/viewer';
import { actionKeys, type ActionName, keyLabel, runAction, toolKeys } from '../input/actions';
import type { Tool } from '../model/tools';
import { Choice } from './Choice';
import { useViewer } from './context';
import { fitIcons, FullScreenIcon, toolIcons, turnIcons } from './icons';
import { LayoutItems, PlayItems } from './menus';
import { FamilyMenu, type Icon, ToolButton } from './ToolButton';
import classes from './Toolbar.module.css';
import { useRovingFocus } from './useRovingFocus';
import { WindowMenu } from './WindowMenu';

const LETTERS: Readonly<Record<MouseButton, string>> = { left: 'L', middle: 'M', right: 'R' };
type FitName = keyof typeof fitIcons;
type TurnName = keyof typeof turnIcons;

export function Toolbar() {
  const { t } = useTranslation('viewer');
  const environment = useViewer();
  const { viewer } = environment;
  const state = useStore(viewer.store);
  const cell = viewer.cell(state.active);
  const inverted = useSelected(cell.store, ({ data }) => data.invert);
  const interpolation = useSelected(cell.store, ({ data }) => data.interpolation);
  const images = useSelected(cell.store, ({ detail }) => detail?.frames.length ?? 0);
  const bar = useRef<HTMLDivElement>(null);
  const [fit, setFit] = useState<FitName>('fit');
  const [turn, setTurn] = useState<TurnName>('turnRight');
  const [moveTool, setMoveTool] = useState<Tool>('zoom');
  useRovingFocus(bar);
  useEffect(() => {
    // The key R chooses a member of the family too: the button shows the last one chosen.
    if (state.bindings.left === 'rotate' || state.bindings.left === 'zoom') setMoveTool(state.bindings.left);
  }, [state.bindings.left]);

  const tool = (name: Tool) => {
    const buttons = (['left', 'middle', 'right'] as const).filter((button) => state.bindings[button] === name);
    const letter = buttons.map((button) => LETTERS[button]).join('');
    return (
      <ToolButton
        key={name}
        icon={toolIcons[name]}
        label={t(`tool.${name}`)}
        shortcut={toolKeys[name]}
        pressed={buttons.length > 0}
        letter={letter === '' ? undefined : letter}
        onPress={() => viewer.bind('left', name)}
        onOtherButton={(button) => viewer.bind(button, name)}
      />
    );
  };
  const act = (name: ActionName, icon: Icon, pressed?: boolean) => (
    <ToolButton
      icon={icon}
      label={t(`action.${name}`)}
      shortcut={actionKeys[name]}
      pressed={pressed}
      onPress={(event) => runAction(name, environment, event.timeStamp)}
    />
  );
  const item = (name: ActionName, icon: ReactNode, after?: () => void) => (
    <Menu.Item
      key={name}
      leftSection={icon}
      rightSection={<span data-hint="">{keyLabel(actionKeys[name] ?? '')}</span>}
      onClick={(event) => {
        runAction(name, environment, event.timeStamp);
        after?.();
      }}
    >
      {t(`action.${name}`)}
    </Menu.Item>
  );
  const playing = state.playing !== null;

  return (
    <div ref={bar} className={classes.bar} role="toolbar" aria-label={t('toolbar')} data-zone="tools">
      <ToolButton
        icon={state.stripOpen ? IconLayoutSidebarLeftCollapse : IconLayoutSidebarLeftExpand}
        label={t(state.stripOpen ? 'strip.fold' : 'strip.unfold')}
        onPress={() => viewer.store.set({ stripOpen: !state.stripOpen })}
      />
      <Split />
      {tool('window')}
      <WindowMenu />
      <Split />
      {tool('pan')}
      {tool(moveTool)}
      <FamilyMenu label={t('family.move')}>
        {(['zoom', 'rotate'] as const).map((name) => {
          const IconOf = toolIcons[name];
          return (
            <Menu.Item
              key={name}
              leftSection={<IconOf size={16} />}
              rightSection={<span data-hint="">{toolKeys[name]}</span>}
              onClick={() => {
                setMoveTool(name);
                viewer.bind('left', name);
              }}
            >
              {t(`tool.${name}`)}
            </Menu.Item>
          );
        })}
      </FamilyMenu>
      {tool('scroll')}
      {act(fit, fitIcons[fit])}
      <FamilyMenu label={t('family.fit')}>
        {(Object.keys(fitIcons) as FitName[]).map((name) => {
          const IconOf = fitIcons[name];
          return item(name, <IconOf size={16} />, () => setFit(name));
        })}
      </FamilyMenu>
      <Split />
      {act('invert', IconContrast, inverted)}
      <FamilyMenu label={t('family.image')}>
        <Menu.Label>{t('interpolation.title')}</Menu.Label>
        {(['bilinear', 'nearest'] as const).map((name) => (
          <Choice
            key={name}
            chosen={interpolation === name}
            label={t(`interpolation.${name}`)}
            onChoose={(at) => cell.change({ data: { interpolation: name } }, at, false)}
          />
        ))}
      </FamilyMenu>
      {act(turn, turnIcons[turn])}
      <FamilyMenu label={t('family.turn')}>
        {(Object.keys(turnIcons) as TurnName[]).map((name) => {
          const IconOf = turnIcons[name];
          return item(name, <IconOf size={16} />, () => setTurn(name));
        })}
      </FamilyMenu>
      {act('resetPosition', IconRestore)}
      <FamilyMenu label={t('family.reset')}>
        {item('resetPosition', <IconRestore size={16} />)}
        {item('resetAll', <IconRestore size={16} />)}
      </FamilyMenu>
      <Split />
      <ToolButton
        icon={playing ? IconPlayerPause : IconPlayerPlay}
        label={playing ? t('play.stop') : t('action.play')}
        shortcut={actionKeys.play}
        pressed={playing}
        disabled={images < 2}
        onPress={() => viewer.togglePlay()}
      />
      <FamilyMenu label={t('play.settings')} width={260}>
        <PlayItems />
      </FamilyMenu>
      <FamilyTool label={t('layout.title')} icon={IconLayoutGrid}>
        <LayoutItems />
      </FamilyTool>
      <ToolButton
        icon={state.overlay === 'off' ? IconEyeOff : IconEye}
        label={`${t('action.overlays')}: ${t(`overlay.${state.overlay}`)}`}
        shortcut={actionKeys.overlays}
        pressed={state.overlay !== 'full'}
        onPress={() => viewer.nextOverlay()}
      />
      <FamilyMenu label={t('action.overlays')}>
        {(['full', 'anonymous', 'off'] as OverlayLevel[]).map((level) => (
          <Choice key={level} chosen={state.overlay === level} label={t(`overlay.${level}`)} onChoose={() => viewer.store.set({ overlay: level })} />
        ))}
      </FamilyMenu>
      <span className={classes.space} />
      {act('exportPicture', IconPhotoDown)}
      {act('keys', IconKeyboard)}
      {act('fullScreen', FullScreenIcon)}
    </div>
  );
}

function Split() {
  return <span className={classes.split} aria-hidden />;
}

/** A tool that is only a list. */
function FamilyTool({ icon: IconOf, label, children }: { icon: Icon; label: string; children: ReactNode }) {
  return (
    <Menu position="bottom-start" width={200} offset={4}>
      <Menu.Target>
        <button type="button" className={classes.tool} data-tool="" aria-label={label} title={label}>
          <IconOf size={19} stroke={1.7} />
        </button>
      </Menu.Target>
      <Menu.Dropdown className={classes.menu}>{children}</Menu.Dropdown>
    </Menu>
  );
}
