import { Menu } from '@mantine/core';
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconAxisX,
  IconContrast,
  IconCurrentLocation,
  IconEye,
  IconEyeOff,
  IconFlipHorizontal,
  IconFlipVertical,
  IconFocusCentered,
  IconKeyboard,
  IconLayoutGrid,
  IconLineDashed,
  IconPhotoDown,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlus,
  IconRestore,
  IconRotate2,
  IconRotateClockwise2,
  IconStack2,
  IconArrowsMaximize,
} from '@tabler/icons-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected, useStore } from '../../control/store';
import type { MouseButton, OverlayLevel } from '../../control/viewer';
import { MeasureEditItems, MeasureEditTools, MeasureItems, MeasureTools } from '../../measure/ui/MeasureTools';
import { BarStart } from '../../ui/BarStart';
import { Choice } from '../../ui/Choice';
import { useViewer } from '../../ui/context';
import { FullScreenIcon, toolIcons } from '../../ui/icons';
import { keyName } from '../../ui/keyName';
import { FamilyMenu, FamilyTool, type Icon, ToolButton } from '../../ui/ToolButton';
import { type Family, Split, ToolFamilies } from '../../ui/ToolFamilies';
import bar from '../../ui/Toolbar.module.css';
import { useFolding } from '../../ui/useFolding';
import { useRovingFocus } from '../../ui/useRovingFocus';
import { mprKeys } from '../input/keys';
import { useMpr } from './context';
import { PlaneColourItems, InterpolationItems, LayoutItems, OrientItems, FilmModeItems, FilmSettings, SlabItems, StepItems, WindowMenu } from './menus';
import { SlabTools } from './SlabTools';
import { useMprMeasure } from './useMprMeasure';

const LETTERS: Readonly<Record<MouseButton, string>> = { left: 'L', middle: 'M', right: 'R' };
const MOVES = ['zoom', 'scroll', 'rotate'] as const;
const POINTS = ['crossing', 'cursor'] as const;
type Held = 'window' | 'pan' | (typeof MOVES)[number] | (typeof POINTS)[number];

export const mprIcons: Readonly<Record<Held, Icon>> = { ...toolIcons, crossing: IconFocusCentered, cursor: IconCurrentLocation };

/** All tools of the planes; what has no room goes into More from the right. */
export function MprToolbar() {
  const { t } = useTranslation('viewer');
  const { toggleFullScreen } = useViewer();
  const { mpr, seriesId, detail, exportPicture, openKeys, openReslice } = useMpr();
  const state = useStore(mpr.store);
  const measuring = useMprMeasure();
  // Where there is no volume, nothing can be done with it.
  const off = useSelected(mpr.cell('axial').store, ({ fault }) => fault?.opening === true);
  const element = useRef<HTMLDivElement>(null);
  const [move, setMove] = useState<(typeof MOVES)[number]>('zoom');
  const [point, setPoint] = useState<(typeof POINTS)[number]>('crossing');
  useRovingFocus(element);
  const { left } = state.bindings;
  useEffect(() => {
    // A key chooses a member of a family too: the button shows the last one chosen.
    const moved = MOVES.find((one) => one === left);
    if (moved !== undefined) setMove(moved);
    const pointed = POINTS.find((one) => one === left);
    if (pointed !== undefined) setPoint(pointed);
  }, [left]);

  const nameOf = (name: Held): string => (name === 'crossing' || name === 'cursor' ? t(`mpr.tool.${name}`) : t(`tool.${name}`));
  const tool = (name: Held) => {
    const buttons = (['left', 'middle', 'right'] as const).filter((button) => state.bindings[button] === name);
    const letter = buttons.map((button) => LETTERS[button]).join('');
    return (
      <ToolButton
        icon={mprIcons[name]}
        label={nameOf(name)}
        shortcut={mprKeys[name]}
        pressed={buttons.length > 0}
        letter={letter === '' ? undefined : letter}
        onPress={() => mpr.bind('left', name)}
        onOtherButton={(button) => mpr.bind(button, name)}
      />
    );
  };
  const members = (names: readonly Held[]) =>
    names.map((name) => (
      <Menu.Item key={name} leftSection={iconOf(mprIcons[name])} rightSection={<span data-hint="">{mprKeys[name]}</span>} onClick={() => mpr.bind('left', name)}>
        {nameOf(name)}
      </Menu.Item>
    ));
  const item = (icon: Icon, label: string, run: (at: number) => void, shortcut?: string) => (
    <Menu.Item
      key={label}
      leftSection={iconOf(icon)}
      rightSection={shortcut === undefined ? undefined : <span data-hint="">{keyName(t, shortcut)}</span>}
      onClick={(event) => run(event.timeStamp)}
    >
      {label}
    </Menu.Item>
  );
  const playing = state.playing !== null;
  const overlayItems = (['full', 'anonymous', 'off'] as OverlayLevel[]).map((level) => (
    <Choice key={level} chosen={state.overlay === level} label={t(`overlay.${level}`)} onChoose={() => mpr.store.set({ overlay: level })} />
  ));
  const resetItems = [
    item(IconRestore, t('mpr.action.resetPosition'), (at) => mpr.resetPosition(at)),
    item(IconRestore, t('mpr.action.resetAll'), (at) => mpr.resetAll(at), mprKeys.resetAll),
    item(IconArrowBackUp, t('mpr.action.undoMove'), (at) => mpr.undo(at), mprKeys.undoMove),
    item(IconArrowForwardUp, t('mpr.action.redoMove'), (at) => mpr.redo(at), mprKeys.redoMove),
    item(IconArrowsMaximize, t('action.fit'), (at) => mpr.fit(at), mprKeys.fit),
  ];
  const turnItems = [
    item(IconRotateClockwise2, t('action.turnRight'), (at) => mpr.turnPicture(90, at), mprKeys.turnRight),
    item(IconRotate2, t('action.turnLeft'), (at) => mpr.turnPicture(-90, at), mprKeys.turnLeft),
    item(IconFlipHorizontal, t('action.flipHorizontal'), (at) => mpr.flip('horizontal', at), mprKeys.flipHorizontal),
    item(IconFlipVertical, t('action.flipVertical'), (at) => mpr.flip('vertical', at), mprKeys.flipVertical),
  ];
  const imageItems = (
    <>
      <InterpolationItems />
      <PlaneColourItems />
    </>
  );

  const families: Family[] = [
    { name: 'measure', splits: true, tools: <MeasureTools {...measuring} compact />, label: t('measure.title'), items: <MeasureItems {...measuring} /> },
    {
      name: 'reset',
      splits: true,
      tools: (
        <>
          <ToolButton icon={IconRestore} label={t('mpr.action.resetPosition')} onPress={(event) => mpr.resetPosition(event.timeStamp)} />
          <FamilyMenu label={t('family.reset')}>{resetItems}</FamilyMenu>
        </>
      ),
      label: t('family.reset'),
      items: resetItems,
    },
    {
      name: 'play',
      tools: (
        <>
          <ToolButton icon={playing ? IconPlayerPause : IconPlayerPlay} label={playing ? t('play.stop') : t('action.play')} shortcut={mprKeys.play} pressed={playing} onPress={() => mpr.togglePlay()} />
          <FilmSettings />
        </>
      ),
      label: t('action.play'),
      items: (
        <>
          {item(playing ? IconPlayerPause : IconPlayerPlay, playing ? t('play.stop') : t('action.play'), () => mpr.togglePlay(), mprKeys.play)}
          <FilmModeItems />
        </>
      ),
    },
    {
      name: 'layout',
      tools: (
        <FamilyTool label={t('layout.title')} icon={IconLayoutGrid} width={230}>
          <LayoutItems />
        </FamilyTool>
      ),
      label: t('layout.title'),
      items: <LayoutItems />,
    },
    {
      name: 'slab',
      atEnd: true,
      tools: <SlabTools />,
      label: t('mpr.slab.title'),
      items: <SlabItems />,
    },
    {
      name: 'output',
      splits: true,
      tools: (
        <>
          <ToolButton icon={IconPhotoDown} label={t('action.exportPicture')} shortcut={mprKeys.exportPicture} onPress={exportPicture} />
          <FamilyMenu label={t('family.output')}>{item(IconStack2, t('mpr.reslice.open'), openReslice)}</FamilyMenu>
          <ToolButton icon={FullScreenIcon} label={t('action.fullScreen')} onPress={toggleFullScreen} />
        </>
      ),
      label: t('family.output'),
      items: [
        item(IconPhotoDown, t('action.exportPicture'), exportPicture, mprKeys.exportPicture),
        item(IconStack2, t('mpr.reslice.open'), openReslice),
        item(FullScreenIcon, t('action.fullScreen'), toggleFullScreen),
      ],
    },
    {
      name: 'image',
      tools: (
        <>
          <ToolButton icon={IconContrast} label={t('action.invert')} shortcut={mprKeys.invert} pressed={state.invert} onPress={(event) => mpr.invert(event.timeStamp)} />
          <FamilyMenu label={t('family.image')} width={260}>
            {imageItems}
          </FamilyMenu>
        </>
      ),
      label: t('family.image'),
      items: (
        <>
          {item(IconContrast, t('action.invert'), (at) => mpr.invert(at), mprKeys.invert)}
          {imageItems}
        </>
      ),
    },
    {
      name: 'edit',
      tools: <MeasureEditTools {...measuring} />,
      label: t('measure.list'),
      items: <MeasureEditItems {...measuring} />,
    },
    {
      name: 'orient',
      tools: (
        <FamilyTool label={t('mpr.action.orient')} icon={IconAxisX} width={240}>
          <OrientItems />
        </FamilyTool>
      ),
      label: t('mpr.action.orient'),
      items: <OrientItems />,
    },
    {
      name: 'lines',
      tools: (
        <>
          <ToolButton icon={IconPlus} label={t('mpr.action.lines')} shortcut={mprKeys.lines} pressed={state.lines} onPress={() => mpr.toggleLines()} />
          <FamilyMenu label={t('mpr.step.title')}>
            <StepItems />
          </FamilyMenu>
        </>
      ),
      label: t('mpr.action.lines'),
      items: (
        <>
          {item(IconLineDashed, t('mpr.action.lines'), () => mpr.toggleLines(), mprKeys.lines)}
          <StepItems />
        </>
      ),
    },
    {
      name: 'turn',
      tools: (
        <FamilyTool label={t('family.turn')} icon={IconRotateClockwise2} width={240}>
          {turnItems}
        </FamilyTool>
      ),
      label: t('family.turn'),
      items: turnItems,
    },
    {
      name: 'overlays',
      tools: (
        <>
          <ToolButton
            icon={state.overlay === 'off' ? IconEyeOff : IconEye}
            label={`${t('action.overlays')}: ${t(`overlay.${state.overlay}`)}`}
            shortcut={mprKeys.overlays}
            pressed={state.overlay !== 'full'}
            onPress={() => mpr.nextOverlay()}
          />
          <FamilyMenu label={t('action.overlays')}>{overlayItems}</FamilyMenu>
        </>
      ),
      label: t('action.overlays'),
      items: overlayItems,
    },
    {
      name: 'keys',
      tools: <ToolButton icon={IconKeyboard} label={t('action.keys')} shortcut={mprKeys.keys} onPress={openKeys} />,
      label: t('action.keys'),
      items: item(IconKeyboard, t('action.keys'), openKeys, mprKeys.keys),
    },
  ];
  const shown = useFolding(element, families.length);

  return (
    <div ref={element} className={bar.bar} role="toolbar" aria-label={t('toolbar')} data-zone="tools">
      <span className={bar.family} data-essential="">
        <BarStart stripOpen={state.stripOpen} onStrip={() => mpr.store.set({ stripOpen: !state.stripOpen })} seriesId={seriesId} detail={detail} />
      </span>
      <span className={bar.family} data-essential="" title={off ? t('mpr.fault.toolsOff') : undefined}>
        <span className={bar.family} inert={off}>
        {tool('window')}
        <WindowMenu />
        <Split />
        {tool('pan')}
        {tool(move)}
        <FamilyMenu label={t('family.move')}>{members(MOVES)}</FamilyMenu>
        {tool(point)}
        <FamilyMenu label={t('mpr.tool.cursor')}>{members(POINTS)}</FamilyMenu>
        </span>
      </span>
      <ToolFamilies families={families} shown={shown} moreWidth={280} off={off ? t('mpr.fault.toolsOff') : null} />
    </div>
  );
}

function iconOf(IconOf: Icon): ReactNode {
  return <IconOf size={16} />;
}
