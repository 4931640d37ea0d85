import { Menu } from '@mantine/core';
import {
  IconContrast,
  IconEye,
  IconEyeOff,
  IconKeyboard,
  IconLayoutGrid,
  IconPhotoDown,
  IconPlayerPause,
  IconPlayerPlay,
  IconRestore,
} from '@tabler/icons-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import { useSelected, useStore } from '../control/store';
import type { MouseButton, OverlayLevel } from '../control/viewer';
import { actionKeys, type ActionName, runAction, toolKeys } from '../input/actions';
import { MeasureItems, MeasureTools } from '../measure/ui/MeasureTools';
import { useImageMeasureProps } from '../measure/ui/useImageMeasureProps';
import type { HeldTool } from '../model/tools';
import { BarStart } from './BarStart';
import { Choice } from './Choice';
import { ColourItems } from './ColourItems';
import { useViewer } from './context';
import { GraphicsItems } from './GraphicsItems';
import { fitIcons, FullScreenIcon, toolIcons, turnIcons } from './icons';
import { LayoutItems, FilmModeItems, FilmSettings } from './menus';
import { keyName } from './keyName';
import { FamilyMenu, FamilyTool, type Icon, ToolButton } from './ToolButton';
import { type Family, Split, ToolFamilies } from './ToolFamilies';
import classes from './Toolbar.module.css';
import { useFolding } from './useFolding';
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
  const colours = useSelected(cell.store, ({ data }) => data.colours);
  const detail = useSelected(cell.store, (one) => one.detail);
  const seriesId = useSelected(cell.store, ({ reference }) => reference.seriesId);
  const images = detail?.frames.length ?? 0;
  const bar = useRef<HTMLDivElement>(null);
  const [fit, setFit] = useState<FitName>('fit');
  const [turn, setTurn] = useState<TurnName>('turnRight');
  const [moveTool, setMoveTool] = useState<HeldTool>('zoom');
  const measuring = useImageMeasureProps();
  useRovingFocus(bar);
  useEffect(() => {
    // The key R chooses a member of the family too: the button shows the last one chosen.
    if (state.bindings.left === 'rotate' || state.bindings.left === 'zoom') setMoveTool(state.bindings.left);
  }, [state.bindings.left]);

  const tool = (name: HeldTool) => {
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
      rightSection={<span data-hint="">{keyName(t, actionKeys[name] ?? '')}</span>}
      onClick={(event) => {
        runAction(name, environment, event.timeStamp);
        after?.();
      }}
    >
      {t(`action.${name}`)}
    </Menu.Item>
  );
  const playing = state.playing !== null;
  const fitItems = (Object.keys(fitIcons) as FitName[]).map((name) => item(name, iconOf(fitIcons[name]), () => setFit(name)));
  const turnItems = (Object.keys(turnIcons) as TurnName[]).map((name) => item(name, iconOf(turnIcons[name]), () => setTurn(name)));
  const interpolationItems = (
    <>
      <Menu.Label>{t('interpolation.title')}</Menu.Label>
      {(['bilinear', 'nearest'] as const).map((name) => (
        <Choice
          key={name}
          chosen={interpolation === name}
          label={t(`interpolation.${name}`)}
          onChoose={(at) => cell.change({ data: { interpolation: name } }, at, false)}
        />
      ))}
      <ColourItems chosen={colours} onChoose={(table, at) => cell.change({ data: { colours: table } }, at, false)} />
      <GraphicsItems cell={cell} />
    </>
  );
  const overlayItems = (['full', 'anonymous', 'off'] as OverlayLevel[]).map((level) => (
    <Choice key={level} chosen={state.overlay === level} label={t(`overlay.${level}`)} onChoose={() => viewer.store.set({ overlay: level })} />
  ));
  const resetItems = (['resetPosition', 'resetAll'] as const).map((name) => item(name, iconOf(IconRestore)));

  // From left to right; where there is no room they go into More from the right, the window and the held tools never.
  const families: Family[] = [
    {
      name: 'fit',
      tools: (
        <>
          {act(fit, fitIcons[fit])}
          <FamilyMenu label={t('family.fit')}>{fitItems}</FamilyMenu>
        </>
      ),
      label: t('family.fit'),
      items: fitItems,
    },
    {
      name: 'measure',
      splits: true,
      tools: <MeasureTools {...measuring} />,
      label: t('measure.title'),
      items: <MeasureItems {...measuring} />,
    },
    {
      name: 'image',
      splits: true,
      tools: (
        <>
          {act('invert', IconContrast, inverted)}
          <FamilyMenu label={t('family.image')}>{interpolationItems}</FamilyMenu>
        </>
      ),
      label: t('family.image'),
      items: (
        <>
          {item('invert', iconOf(IconContrast))}
          {interpolationItems}
        </>
      ),
    },
    {
      name: 'turn',
      tools: (
        <>
          {act(turn, turnIcons[turn])}
          <FamilyMenu label={t('family.turn')}>{turnItems}</FamilyMenu>
        </>
      ),
      label: t('family.turn'),
      items: turnItems,
    },
    {
      name: 'reset',
      tools: (
        <>
          {act('resetPosition', IconRestore)}
          <FamilyMenu label={t('family.reset')}>{resetItems}</FamilyMenu>
        </>
      ),
      label: t('family.reset'),
      items: resetItems,
    },
    {
      name: 'play',
      splits: true,
      tools: (
        <>
          <ToolButton
            icon={playing ? IconPlayerPause : IconPlayerPlay}
            label={playing ? t('play.stop') : t('action.play')}
            shortcut={actionKeys.play}
            pressed={playing}
            disabled={images < 2}
            onPress={() => viewer.togglePlay()}
          />
          <FilmSettings />
        </>
      ),
      label: t('action.play'),
      items: (
        <>
          <Menu.Item
            disabled={images < 2}
            leftSection={playing ? <IconPlayerPause size={16} /> : <IconPlayerPlay size={16} />}
            rightSection={<span data-hint="">{keyName(t, actionKeys.play ?? '')}</span>}
            onClick={() => viewer.togglePlay()}
          >
            {playing ? t('play.stop') : t('action.play')}
          </Menu.Item>
          <FilmModeItems />
        </>
      ),
    },
    {
      name: 'layout',
      tools: (
        <FamilyTool label={t('layout.title')} icon={IconLayoutGrid}>
          <LayoutItems />
        </FamilyTool>
      ),
      label: t('layout.title'),
      items: <LayoutItems />,
    },
    {
      name: 'overlays',
      tools: (
        <>
          <ToolButton
            icon={state.overlay === 'off' ? IconEyeOff : IconEye}
            label={`${t('action.overlays')}: ${t(`overlay.${state.overlay}`)}`}
            shortcut={actionKeys.overlays}
            pressed={state.overlay !== 'full'}
            onPress={() => viewer.nextOverlay()}
          />
          <FamilyMenu label={t('action.overlays')}>{overlayItems}</FamilyMenu>
        </>
      ),
      label: t('action.overlays'),
      items: overlayItems,
    },
    {
      name: 'output',
      atEnd: true,
      tools: (
        <>
          {act('exportPicture', IconPhotoDown)}
          {act('keys', IconKeyboard)}
          {act('fullScreen', FullScreenIcon)}
        </>
      ),
      label: t('family.output'),
      items: (
        <>
          {item('exportPicture', iconOf(IconPhotoDown))}
          {item('keys', iconOf(IconKeyboard))}
          {item('fullScreen', iconOf(FullScreenIcon))}
        </>
      ),
    },
  ];
  const shown = useFolding(bar, families.length);

  return (
    <div ref={bar} className={classes.bar} role="toolbar" aria-label={t('toolbar')} data-zone="tools">
      <span className={classes.family} data-essential="">
        <BarStart stripOpen={state.stripOpen} onStrip={() => viewer.store.set({ stripOpen: !state.stripOpen })} seriesId={seriesId} detail={detail} />
        {tool('window')}
        <WindowMenu />
        <Split />
        {tool('pan')}
        {tool(moveTool)}
        <FamilyMenu label={t('family.move')}>
          {(['zoom', 'rotate'] as const).map((name) => (
            <Menu.Item
              key={name}
              leftSection={iconOf(toolIcons[name])}
              rightSection={<span data-hint="">{toolKeys[name]}</span>}
              onClick={() => {
                setMoveTool(name);
                viewer.bind('left', name);
              }}
            >
              {t(`tool.${name}`)}
            </Menu.Item>
          ))}
        </FamilyMenu>
        {tool('scroll')}
      </span>
      <ToolFamilies families={families} shown={shown} moreWidth={260} />
    </div>
  );
}

function iconOf(IconOf: Icon): ReactNode {
  return <IconOf size={16} />;
}
