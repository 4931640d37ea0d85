import { Menu } from '@mantine/core';
import { useCallback, useLayoutEffect, useRef, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import type { Point } from '../../model/geometry';
import type { SeriesDetail } from '../../model/series';
import { useViewer } from '../../ui/context';
import bar from '../../ui/Toolbar.module.css';
import { useCellCanvas } from '../../ui/useCellCanvas';
import { isHeld, type Tool } from '../control/sceneState';
import { ClipOverlay } from './ClipOverlay';
import { useVolume } from './context';
import { Corners } from './Corners';
import { Cube } from './Cube';
import { DrawOverlay } from './DrawOverlay';
import { toolIcons } from './icons';
import { Hint, Notice, Recording, VolumeChoice, VolumeMessage, VolumeProgress, Warnings } from './Messages';
import { ChosenMeasurement, MeasurementList } from './MeasurementList';
import { OrientationPanel } from './OrientationPanel';
import { PresetStrip } from './PresetStrip';
import classes from './Stage.module.css';
import { ToolChips } from './ToolSettings';
import { TransferPanel } from './TransferPanel';
import type { Panels } from './usePanels';
import { useVolumeInput } from './useVolumeInput';

/** Of the strip of presets, with the gap below it. */
const PRESETS_CSS = 116;

/** The window: the picture, what is drawn over it, and the panels around it. */
export function Stage({ seriesId, detail, panels }: { seriesId: number; detail: SeriesDetail | null; panels: Panels }) {
  const { t } = useTranslation('viewer');
  const { viewer, phone } = useViewer();
  const { scene, hands } = useVolume();
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const tool = useSelected(scene.store, ({ bindings }) => bindings.left);
  const [menuAt, setMenuAt] = useState<Point | null>(null);
  useCellCanvas(scene.cell, element, canvas);
  const deleted = useSelected(viewer.store, (state) => state.deleted);
  const refused = useSelected(scene.cell.store, ({ fault }) => fault?.opening === true);
  const foot = !phone && panels.open.presets ? PRESETS_CSS : 0;
  useLayoutEffect(() => scene.setFoot(foot), [scene, foot]);
  useVolumeInput(element, scene, hands, viewer.clock, useCallback((at: Point) => setMenuAt(at), []));
  const series = detail === null ? '' : [detail.series_number === null ? detail.modality : t('name.series', { number: detail.series_number }), detail.series_description].filter((part) => part !== '').join(', ');
  return (
    <div className={classes.around} data-low={phone || !panels.open.presets || undefined}>
      <div
        ref={setElement}
        className={classes.stage}
        inert={deleted}
        role="group"
        tabIndex={0}
        data-zone="window"
        data-cell={scene.cell.number}
        data-tool={tool}
        data-clicks={!isHeld(tool) || undefined}
        aria-label={series === '' ? t('volume3d.name') : t('volume3d.nameOf', { series })}
      >
        <canvas ref={canvas} className={classes.canvas} aria-hidden />
        <DrawOverlay />
        <ClipOverlay />
        <VolumeMessage seriesId={seriesId} />
        <Corners detail={detail} />
        <Cube />
        <span className={classes.frame} aria-hidden />
        <ToolMenu at={menuAt} onClose={() => setMenuAt(null)} />
      </div>
      <div className={classes.top}>
        <Recording />
        <Warnings />
        <VolumeChoice />
      </div>
      {!phone && !refused && panels.open.orientation && <OrientationPanel />}
      {!phone && panels.open.presets && <PresetStrip />}
      {!phone && !refused && panels.open.transfer && <TransferPanel onClose={() => panels.toggle('transfer')} />}
      {!phone && <ChosenMeasurement />}
      <MeasurementList />
      <div className={classes.foot}>
        <Notice />
        <VolumeProgress />
        {phone && <ChosenMeasurement />}
        {!refused && <ToolChips />}
        {!refused && <Hint />}
      </div>
    </div>
  );
}

const MENU_TOOLS: readonly Tool[] = ['rotate', 'pan', 'zoom', 'window', 'center', 'cutInside', 'line', 'angle', 'marker', 'select'];

/** Tools under a right click or a long press. */
function ToolMenu({ at, onClose }: { at: Point | null; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { scene, hands } = useVolume();
  const bindings = useSelected(scene.store, (state) => state.bindings);
  const measured = useSelected(scene.store, (state) => state.measurements.length > 0);
  return (
    <Menu opened={at !== null} onClose={onClose} position="bottom-start" width={220} offset={0}>
      <Menu.Target>
        <span data-chrome="" style={{ position: 'fixed', left: at?.x ?? 0, top: at?.y ?? 0, width: 1, height: 1 }} aria-hidden />
      </Menu.Target>
      <Menu.Dropdown className={bar.menu ?? ''} data-chrome="">
        {MENU_TOOLS.map((tool) => {
          const IconOf = toolIcons[tool];
          return (
            <Menu.Item
              key={tool}
              leftSection={<IconOf size={16} />}
              data-chosen={bindings.left === tool || undefined}
              onClick={() => {
                hands.escape();
                scene.bind('left', tool);
              }}
            >
              {t(`volume3d.tool.${tool}`)}
            </Menu.Item>
          );
        })}
        <Menu.Divider />
        <Menu.Item onClick={(event) => scene.resetPosition(event.timeStamp)}>{t('volume3d.action.resetPosition')}</Menu.Item>
        <Menu.Item disabled={!measured} onClick={() => scene.store.set({ measurements: [], selected: null })}>
          {t('volume3d.action.removeMeasurements')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
