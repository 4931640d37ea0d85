import { Menu, UnstyledButton } from '@mantine/core';
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconArrowsMinimize,
  IconBox,
  IconCube3dSphere,
  IconEye,
  IconEyeOff,
  IconKeyboard,
  IconPalette,
  IconPerspective,
  IconPhotoDown,
  IconPlayerPause,
  IconPlayerPlay,
  IconRestore,
  IconSlice,
  IconStack2,
  IconVideo,
  IconVideoOff,
  IconWand,
} from '@tabler/icons-react';
import { useRef, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import type { MouseButton, OverlayLevel } from '../../control/viewer';
import type { SeriesDetail } from '../../model/series';
import { BarStart } from '../../ui/BarStart';
import { Choice } from '../../ui/Choice';
import { useViewer } from '../../ui/context';
import { FullScreenIcon } from '../../ui/icons';
import { FamilyMenu, type Icon, ToolButton } from '../../ui/ToolButton';
import { type Family, ToolFamilies } from '../../ui/ToolFamilies';
import bar from '../../ui/Toolbar.module.css';
import { useFolding } from '../../ui/useFolding';
import { useRovingFocus } from '../../ui/useRovingFocus';
import { toolKeys } from '../control/hands';
import { Recorder } from '../control/recorder';
import { type ClickTool, isHeld, type Tool } from '../control/sceneState';
import { isWhole } from '../model/clipBox';
import { useVolume } from './context';
import { toolIcons } from './icons';
import { TurnSettings } from './ToolSettings';
import type { Panels } from './usePanels';
import classes from './VolumeToolbar.module.css';

const LETTERS: Readonly<Record<MouseButton, string>> = { left: 'L', middle: 'M', right: 'R' };
const POLYGONS: readonly ClickTool[] = ['cutInside', 'cutOutside'];
const OBJECTS: readonly ClickTool[] = ['cutObject', 'keepObject'];
const SPHERES: readonly ClickTool[] = ['removeSphere', 'restoreSphere'];
const RULERS: readonly ClickTool[] = ['line', 'polyline', 'angle'];

/** All tools of the volume page; what has no room goes into More from the right. */
export function VolumeToolbar({ seriesId, detail, panels }: { seriesId: number; detail: SeriesDetail | null; panels: Panels }) {
  const { t } = useTranslation('viewer');
  const { viewer, toggleFullScreen, openKeys } = useViewer();
  const { scene, hands, openAngles, exportPicture, openTurnSeries, openSurface, recorder, record } = useVolume();
  const recording = useSelected(recorder.store, (state) => state.recording);
  // Not the camera itself: it changes with every picture, and a bar of tools need not.
  const bindings = useSelected(scene.store, (state) => state.bindings);
  const cuts = useSelected(scene.store, (state) => state.cuts);
  const playing = useSelected(scene.store, (state) => state.playing);
  const projection = useSelected(scene.store, ({ camera }) => camera?.projection ?? 'parallel');
  const overlay = useSelected(viewer.store, (state) => state.overlay);
  const stripOpen = panels.open.strip;
  const grid = useSelected(scene.cell.store, (state) => state.grid);
  const element = useRef<HTMLDivElement>(null);
  const [chosen, setChosen] = useState<Record<'polygon' | 'object' | 'sphere' | 'ruler', ClickTool>>({ polygon: 'cutInside', object: 'cutObject', sphere: 'removeSphere', ruler: 'line' });
  useRovingFocus(element);

  const take = (name: Tool): void => {
    hands.escape();
    scene.bind('left', name);
  };
  const tool = (name: Tool) => {
    const buttons = (['left', 'middle', 'right'] as const).filter((button) => bindings[button] === name);
    const letter = isHeld(name) ? buttons.map((button) => LETTERS[button]).join('') : '';
    return (
      <ToolButton
        key={name}
        icon={toolIcons[name]}
        label={t(`volume3d.tool.${name}`)}
        shortcut={toolKeys[name]}
        pressed={buttons.length > 0}
        letter={letter === '' ? undefined : letter}
        onPress={() => take(name)}
        {...(isHeld(name) ? { onOtherButton: (button: 'middle' | 'right') => scene.bind(button, name) } : {})}
      />
    );
  };
  const toolItem = (name: Tool, after?: () => void) => {
    const IconOf = toolIcons[name];
    return (
      <Menu.Item
        key={name}
        leftSection={<IconOf size={16} />}
        rightSection={toolKeys[name] === undefined ? undefined : <span data-hint="">{toolKeys[name]}</span>}
        onClick={() => {
          after?.();
          take(name);
        }}
      >
        {t(`volume3d.tool.${name}`)}
      </Menu.Item>
    );
  };
  /** One button that shows the last member chosen, and the others under its arrow. */
  const family = (name: keyof typeof chosen, members: readonly ClickTool[]): Pick<Family, 'tools' | 'items'> => {
    const shown = members.includes(bindings.left as ClickTool) ? (bindings.left as ClickTool) : chosen[name];
    const items = members.map((one) => toolItem(one, () => setChosen({ ...chosen, [name]: one })));
    return {
      tools: (
        <>
          {tool(shown)}
          <FamilyMenu label={t(`volume3d.family.${name}`)}>{items}</FamilyMenu>
        </>
      ),
      items,
    };
  };
  const act = (icon: Icon, label: string, run: (at: number) => void, extra: { pressed?: boolean; disabled?: boolean; shortcut?: string } = {}) => (
    <ToolButton icon={icon} label={label} shortcut={extra.shortcut} pressed={extra.pressed} disabled={extra.disabled ?? false} onPress={(event) => run(event.timeStamp)} />
  );
  const item = (IconOf: Icon, label: string, run: (at: number) => void, disabled = false) => (
    <Menu.Item leftSection={<IconOf size={16} />} disabled={disabled} onClick={(event) => run(event.timeStamp)}>
      {label}
    </Menu.Item>
  );

  const { steps, box, boxOn, plane } = cuts.present;
  const nothingCut = steps.length === 0 && plane === null && (!boxOn || box === null || grid === null || isWhole(box, grid));
  const removeTable = (at: number): void => {
    if (!scene.cut({ kind: 'table' }, at)) hands.say('tooManyCuts');
  };
  const boxItems = (
    <>
      {item(IconBox, t(boxOn ? 'volume3d.box.off' : 'volume3d.box.on'), (at) => scene.toggleBox(at))}
      {item(IconRestore, t('volume3d.box.reset'), (at) => scene.resetBox(at), box === null)}
      {item(IconSlice, t(plane === null ? 'volume3d.plane.on' : 'volume3d.plane.off'), (at) => scene.togglePlane(at))}
    </>
  );
  const projectionItems = (
    <>
      {(['parallel', 'perspective'] as const).map((name) => (
        <Choice key={name} chosen={projection === name} label={t(`volume3d.projection.${name}`)} onChoose={(at) => scene.setProjection(name, at)} />
      ))}
      <Menu.Divider />
      {item(IconArrowsMinimize, t('volume3d.action.angles'), openAngles)}
    </>
  );
  const panelItems = (['orientation', 'presets', 'transfer'] as const).map((name) => (
    <Menu.CheckboxItem key={name} checked={panels.open[name]} closeMenuOnClick={false} onChange={() => panels.toggle(name)}>
      {t(`volume3d.panel.${name}`)}
    </Menu.CheckboxItem>
  ));
  const overlayItems = (
    <>
      {(['full', 'anonymous', 'off'] as OverlayLevel[]).map((level) => (
        <Choice key={level} chosen={overlay === level} label={t(`overlay.${level}`)} onChoose={() => viewer.store.set({ overlay: level })} />
      ))}
      <Menu.Divider />
      <Menu.Label>{t('volume3d.panel.title')}</Menu.Label>
      {panelItems}
    </>
  );
  const outputItems = (
    <>
      {item(IconStack2, t('volume3d.turnSeries.open'), openTurnSeries)}
      {item(IconCube3dSphere, t('volume3d.surface.open'), openSurface)}
    </>
  );
  const polygon = family('polygon', POLYGONS);
  const object = family('object', OBJECTS);
  const sphere = family('sphere', SPHERES);
  const ruler = family('ruler', RULERS);
  const families: Family[] = [
    { name: 'polygon', splits: true, label: t('volume3d.family.polygon'), ...polygon },
    { name: 'object', label: t('volume3d.family.object'), ...object },
    { name: 'sphere', label: t('volume3d.family.sphere'), ...sphere },
    {
      name: 'table',
      label: t('volume3d.action.removeTable'),
      tools: act(IconWand, t('volume3d.action.removeTable'), removeTable),
      items: item(IconWand, t('volume3d.action.removeTable'), removeTable),
    },
    {
      name: 'undo',
      label: t('volume3d.action.undo'),
      tools: (
        <>
          {act(IconArrowBackUp, t('volume3d.action.undo'), (at) => scene.undo(at), { disabled: cuts.past.length === 0, shortcut: 'Control+Z' })}
          {act(IconArrowForwardUp, t('volume3d.action.redo'), (at) => scene.redo(at), { disabled: cuts.future.length === 0, shortcut: 'Control+Y' })}
          <FamilyMenu label={t('volume3d.family.undo')}>{item(IconRestore, t('volume3d.action.restoreAll'), (at) => scene.restoreAll(at), nothingCut)}</FamilyMenu>
        </>
      ),
      items: (
        <>
          {item(IconArrowBackUp, t('volume3d.action.undo'), (at) => scene.undo(at), cuts.past.length === 0)}
          {item(IconArrowForwardUp, t('volume3d.action.redo'), (at) => scene.redo(at), cuts.future.length === 0)}
          {item(IconRestore, t('volume3d.action.restoreAll'), (at) => scene.restoreAll(at), nothingCut)}
        </>
      ),
    },
    {
      name: 'box',
      splits: true,
      label: t('volume3d.box.title'),
      tools: (
        <>
          <UnstyledButton className={classes.named} data-tool="" data-pressed={boxOn || undefined} aria-pressed={boxOn} onClick={(event) => scene.toggleBox(event.timeStamp)}>
            <IconBox size={19} stroke={1.7} aria-hidden />
            <span>{t('volume3d.box.title')}</span>
          </UnstyledButton>
          <FamilyMenu label={t('volume3d.family.box')}>{boxItems}</FamilyMenu>
        </>
      ),
      items: boxItems,
    },
    { name: 'ruler', splits: true, label: t('volume3d.family.ruler'), ...ruler },
    { name: 'marker', label: t('volume3d.tool.marker'), tools: tool('marker'), items: toolItem('marker') },
    { name: 'select', label: t('volume3d.tool.select'), tools: tool('select'), items: toolItem('select') },
    {
      name: 'play',
      splits: true,
      label: t('action.play'),
      tools: (
        <>
          {act(playing ? IconPlayerPause : IconPlayerPlay, playing ? t('play.stop') : t('volume3d.action.play'), () => scene.togglePlay(), { pressed: playing, shortcut: 'Space' })}
          <TurnSettings />
        </>
      ),
      items: item(playing ? IconPlayerPause : IconPlayerPlay, playing ? t('play.stop') : t('volume3d.action.play'), () => scene.togglePlay()),
    },
    {
      name: 'projection',
      splits: true,
      label: t('volume3d.projection.title'),
      tools: (
        <>
          {act(IconPerspective, `${t('volume3d.projection.title')}: ${t(`volume3d.projection.${projection}`)}`, (at) => scene.setProjection(projection === 'perspective' ? 'parallel' : 'perspective', at), { pressed: projection === 'perspective' })}
          <FamilyMenu label={t('volume3d.projection.title')}>{projectionItems}</FamilyMenu>
        </>
      ),
      items: projectionItems,
    },
    {
      name: 'transfer',
      label: t('volume3d.transfer'),
      tools: act(IconPalette, t('volume3d.transfer'), () => panels.toggle('transfer'), { pressed: panels.open.transfer }),
      items: item(IconPalette, t('volume3d.transfer'), () => panels.toggle('transfer')),
    },
    {
      name: 'overlays',
      label: t('action.overlays'),
      tools: (
        <>
          {act(overlay === 'off' ? IconEyeOff : IconEye, `${t('action.overlays')}: ${t(`overlay.${overlay}`)}`, () => viewer.nextOverlay(), { pressed: overlay !== 'full', shortcut: 'O' })}
          <FamilyMenu label={t('action.overlays')}>{overlayItems}</FamilyMenu>
        </>
      ),
      items: overlayItems,
    },
    {
      name: 'record',
      label: t('volume3d.record.start'),
      tools: act(recording ? IconVideoOff : IconVideo, Recorder.kind() === null ? t('volume3d.record.none') : t(recording ? 'volume3d.record.stop' : 'volume3d.record.start'), record, { pressed: recording, disabled: Recorder.kind() === null }),
      items: item(recording ? IconVideoOff : IconVideo, t(recording ? 'volume3d.record.stop' : 'volume3d.record.start'), record, Recorder.kind() === null),
    },
    {
      name: 'output',
      atEnd: true,
      label: t('family.output'),
      tools: (
        <>
          {act(IconPhotoDown, t('action.exportPicture'), exportPicture, { shortcut: 'Control+S' })}
          <FamilyMenu label={t('family.output')}>{outputItems}</FamilyMenu>
          {act(FullScreenIcon, t('action.fullScreen'), toggleFullScreen)}
        </>
      ),
      items: (
        <>
          {item(IconPhotoDown, t('action.exportPicture'), exportPicture)}
          {outputItems}
          {item(FullScreenIcon, t('action.fullScreen'), toggleFullScreen)}
        </>
      ),
    },
    {
      name: 'keys',
      label: t('action.keys'),
      tools: act(IconKeyboard, t('action.keys'), openKeys, { shortcut: '?' }),
      items: item(IconKeyboard, t('action.keys'), openKeys),
    },
  ];
  const shown = useFolding(element, families.length);

  return (
    <div ref={element} className={bar.bar} role="toolbar" aria-label={t('toolbar')} data-zone="tools">
      <span className={bar.family} data-essential="">
        <BarStart stripOpen={stripOpen} onStrip={() => panels.toggle('strip')} seriesId={seriesId} detail={detail} />
        {tool('rotate')}
        {tool('pan')}
        {tool('zoom')}
        {tool('window')}
        {tool('center')}
        {act(IconRestore, t('volume3d.action.resetPosition'), (at) => scene.resetPosition(at), { shortcut: '0' })}
      </span>
      <ToolFamilies families={families} shown={shown} moreWidth={280} />
    </div>
  );
}
