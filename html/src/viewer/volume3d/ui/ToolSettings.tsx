import { Popover, Radio, Slider, UnstyledButton } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { type ReactNode, useRef } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import { formatNumber, formatTenths } from '../../model/numbers';
import { useViewer } from '../../ui/context';
import bar from '../../ui/Toolbar.module.css';
import { axes, type Axis } from '../control/turntable';
import { depthMm } from '../model/clipBox';
import { useVolume } from './context';
import { NumberField } from './TransferPanel';
import classes from './VolumeToolbar.module.css';

/** Settings under the arrow of a tool: sliders and fields are no entries of a menu. */
function Settings({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Popover position="bottom-start" width={260} offset={4} trapFocus returnFocus>
      <Popover.Target>
        <UnstyledButton className={bar.arrow ?? ''} data-tool="" aria-label={label}>
          <IconChevronDown size={12} stroke={2} aria-hidden />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown className={bar.menu ?? ''} aria-label={label}>
        <div className={classes.settings}>{children}</div>
      </Popover.Dropdown>
    </Popover>
  );
}

function Labelled({ label, value, children }: { label: string; value: string; children: ReactNode }) {
  return (
    <div>
      <div className={bar.speedLine}>
        <span>{label}</span>
        <span>{value}</span>
      </div>
      {children}
    </div>
  );
}

/** Settings of the tool in the hand and of the clipping plane, over the picture: the bar of tools keeps still. */
export function ToolChips() {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const tool = useSelected(scene.store, ({ bindings }) => bindings.left);
  const plane = useSelected(scene.store, ({ cuts }) => cuts.present.plane);
  const grid = useSelected(scene.cell.store, (state) => state.grid);
  return (
    <>
      {plane !== null && grid !== null && (
        <div className={classes.chip} role="group" aria-label={t('volume3d.plane.title')} data-chrome="">
          <PlaneDepth depth={plane.depth} mm={depthMm(grid, plane)} />
        </div>
      )}
      {(tool === 'removeSphere' || tool === 'restoreSphere') && (
        <div className={classes.chip} role="group" aria-label={t('volume3d.family.sphere')} data-chrome="">
          <SphereRadius />
        </div>
      )}
      {(tool === 'cutObject' || tool === 'keepObject') && (
        <div className={classes.chip} role="group" aria-label={t('volume3d.object.threshold')} data-chrome="">
          <ObjectThreshold />
        </div>
      )}
    </>
  );
}

/** How large the round brush is. */
function SphereRadius() {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { scene } = useVolume();
  const radius = useSelected(scene.store, (state) => state.radiusMm);
  return (
    <Labelled label={t('volume3d.sphere.radius')} value={t('volume3d.measure.mm', { value: formatNumber(radius, locale) })}>
      <Slider size="sm" min={1} max={60} step={1} label={null} thumbLabel={t('volume3d.sphere.radius')} value={radius} onChange={(value) => scene.store.set({ radiusMm: value })} />
    </Labelled>
  );
}

/** Between which values a piece hangs together; what shows, unless the doctor says otherwise. */
function ObjectThreshold() {
  const { t } = useTranslation('viewer');
  const { scene, hands } = useVolume();
  useSelected(scene.store, (state) => state.look);
  const own = useSelected(scene.store, (state) => state.threshold);
  const unit = useSelected(scene.cell.store, ({ facts }) => facts?.unit ?? '');
  const { low, high } = hands.threshold;
  return (
    <>
      <div className={classes.chipTitle}>{t('volume3d.object.threshold')}</div>
      <p className={classes.help}>{t('volume3d.object.help')}</p>
      <div className={classes.pair}>
        <div>
          <span className={classes.pairLabel} aria-hidden>
            {t('volume3d.object.from')}
          </span>
          <NumberField label={t('volume3d.object.from')} value={low} suffix={unit} onCommit={(value) => scene.store.set({ threshold: { low: Math.min(value, high), high } })} />
        </div>
        <div>
          <span className={classes.pairLabel} aria-hidden>
            {t('volume3d.object.to')}
          </span>
          <NumberField label={t('volume3d.object.to')} value={high} suffix={unit} onCommit={(value) => scene.store.set({ threshold: { low, high: Math.max(value, low) } })} />
        </div>
      </div>
      <UnstyledButton className={classes.link} disabled={own === null} onClick={() => scene.store.set({ threshold: null })}>
        {t('volume3d.object.shown')}
      </UnstyledButton>
    </>
  );
}

/** How deep the clipping plane cuts. */
function PlaneDepth({ depth, mm }: { depth: number; mm: number }) {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { scene } = useVolume();
  const begun = useRef(false);
  return (
    <Labelled label={t('volume3d.plane.depth')} value={t('volume3d.measure.mm', { value: formatTenths(mm, locale) })}>
      <Slider
        size="sm"
        min={0}
        max={1}
        step={0.002}
        label={null}
        thumbLabel={t('volume3d.plane.depth')}
        value={depth}
        onChange={(value) => {
          const { plane } = scene.state.cuts.present;
          if (plane === null) return;
          const now = performance.now();
          if (!begun.current) scene.setCuts({}, now);
          begun.current = true;
          scene.dragCuts({ plane: { ...plane, depth: value } }, now);
        }}
        onChangeEnd={() => {
          begun.current = false;
        }}
      />
    </Labelled>
  );
}

/** Speed and axis under the arrow of the play button. */
export function TurnSettings() {
  const { t } = useTranslation('viewer');
  return (
    <Settings label={t('volume3d.turntable.settings')}>
      <TurnChoices />
    </Settings>
  );
}

/** How fast the model turns by itself, and about which axis. */
export function TurnChoices() {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { scene } = useVolume();
  const speed = useSelected(scene.store, (state) => state.speed);
  const axis = useSelected(scene.store, (state) => state.axis);
  return (
    <>
      <Labelled label={t('play.speed')} value={t('volume3d.turntable.speed', { speed: formatNumber(speed, locale) })}>
        <Slider size="sm" min={5} max={180} step={5} label={null} thumbLabel={t('play.speed')} value={speed} onChange={(value) => scene.store.set({ speed: value })} />
      </Labelled>
      <Radio.Group value={axis} onChange={(value) => scene.store.set({ axis: value as Axis })} aria-label={t('volume3d.turntable.axis')}>
        {axes.map((one) => (
          <Radio key={one} value={one} label={t(`volume3d.turntable.${one}`)} size="xs" mt={8} />
        ))}
      </Radio.Group>
    </>
  );
}
