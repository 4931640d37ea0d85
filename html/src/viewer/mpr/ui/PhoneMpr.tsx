import { Drawer, Menu, UnstyledButton } from '@mantine/core';
import { IconChevronLeft, IconContrast, IconDotsVertical, IconEye, IconFlipHorizontal, IconPhotoDown, IconPlayerPause, IconPlayerPlay, IconPlus, IconRestore, IconRotateClockwise2, IconStack3, IconTools } from '@tabler/icons-react';
import { type KeyboardEvent, type ReactNode, useState } from 'react';
import { personName } from '../../../shared/format/person';
import { useTranslation } from '../../../shared/i18n';
import { useSelected, useStore } from '../../control/store';
import { MeasureList } from '../../measure/ui/MeasureList';
import { measureTools } from '../../model/tools';
import { useViewer } from '../../ui/context';
import { toolIcons } from '../../ui/icons';
import { ModeSwitch } from '../../ui/ModeSwitch';
import { Big } from '../../ui/Phone';
import phone from '../../ui/Phone.module.css';
import type { Icon } from '../../ui/ToolButton';
import toolbar from '../../ui/Toolbar.module.css';
import { type MprTool, type WindowKind, windowKinds } from '../model/state';
import { useMpr } from './context';
import { PlaneColourItems, InterpolationItems, OrientItems, StepItems, VolumeItems, WindowItems } from './menus';
import classes from './mpr.module.css';
import { mprIcons } from './MprToolbar';
import { SlabTools } from './SlabTools';
import { useMprMeasure } from './useMprMeasure';

/** The phone's own bar: back, who, and the rest. */
export function MprPhoneTop({ onBack }: { onBack: () => void }) {
  const { t } = useTranslation('viewer');
  const { study, lying } = useViewer();
  const { mpr, exportPicture } = useMpr();
  const { overlay } = useStore(mpr.store);
  const name = study === null ? '' : personName(study.patient_name) || t('common:noName');
  return (
    <header className={phone.top} data-lying={lying || undefined} data-zone="tools">
      <UnstyledButton className={phone.touch} aria-label={t('phone.back')} onClick={onBack}>
        <IconChevronLeft size={24} stroke={1.7} aria-hidden />
      </UnstyledButton>
      <div className={phone.who} hidden={lying}>
        <div className={phone.name}>{name}</div>
        <div className={phone.study}>{[study?.patient_id, t('mode.mpr')].filter((part) => part !== undefined && part !== '').join(' · ')}</div>
      </div>
      <Menu position="bottom-end" width={260}>
        <Menu.Target>
          <UnstyledButton className={phone.touch} aria-label={t('phone.more')}>
            <IconDotsVertical size={22} stroke={1.7} aria-hidden />
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown className={toolbar.menu ?? ''}>
          <VolumeItems />
          <Menu.Item leftSection={<IconEye size={18} />} closeMenuOnClick={false} onClick={() => mpr.nextOverlay()}>
            {`${t('action.overlays')}: ${t(`overlay.${overlay}`)}`}
          </Menu.Item>
          <Menu.Item leftSection={<IconPhotoDown size={18} />} onClick={exportPicture}>
            {t('action.exportPicture')}
          </Menu.Item>
          <Menu.Divider />
          <InterpolationItems />
          <StepItems />
        </Menu.Dropdown>
      </Menu>
    </header>
  );
}

/** Whether there is no volume: then nothing can be done with it. */
function useNoVolume(): boolean {
  const { mpr } = useMpr();
  return useSelected(mpr.cell('axial').store, ({ fault }) => fault?.opening === true);
}

/** Which of the windows is shown. */
export function PlaneTabs() {
  const { t } = useTranslation('viewer');
  const { mpr } = useMpr();
  const { active } = useStore(mpr.store);
  const off = useNoVolume();
  const onKey = (event: KeyboardEvent<HTMLElement>): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = windowKinds[(windowKinds.indexOf(active) + step + windowKinds.length) % windowKinds.length] as WindowKind;
    mpr.showAlone(next);
    document.getElementById(`mpr-tab-${next}`)?.focus();
  };
  return (
    <div className={classes.tabs} inert={off} role="tablist" aria-label={t('mpr.phone.planes')} onKeyDown={onKey}>
      {windowKinds.map((kind) => (
        <UnstyledButton
          key={kind}
          id={`mpr-tab-${kind}`}
          role="tab"
          className={classes.tab}
          data-plane={kind}
          aria-selected={kind === active}
          aria-controls="mpr-windows"
          tabIndex={kind === active ? 0 : -1}
          onClick={() => mpr.showAlone(kind)}
        >
          {t(`mpr.${kind}`)}
        </UnstyledButton>
      ))}
    </div>
  );
}

type Sheet = 'slab' | 'tools';
/** As high as what stands in it. */
const SLAB_SHEET_PX = 220;

/** Five tools; the slab and all tools come as sheets from below. */
export function MprPhoneBottom() {
  const { t } = useTranslation('viewer');
  const { lying } = useViewer();
  const { mpr } = useMpr();
  const { bindings, slab } = useStore(mpr.store);
  const off = useNoVolume();
  const [sheet, setSheet] = useState<Sheet | null>(null);
  const close = (): void => setSheet(null);
  const drawer = (name: Sheet, title: string, children: ReactNode) => (
    <Drawer opened={sheet === name} onClose={close} position="bottom" size={name === 'slab' ? SLAB_SHEET_PX : 'auto'} title={title} overlayProps={{ backgroundOpacity: 0.2 }} closeButtonProps={{ 'aria-label': t('common:close') }} classNames={{ content: phone.drawer ?? '', header: phone.drawer ?? '' }}>
      {children}
    </Drawer>
  );
  const first: readonly MprTool[] = ['scroll', 'window', 'crossing'];
  return (
    <>
      <div className={phone.bottom} data-lying={lying || undefined} role="toolbar" aria-orientation={lying ? 'vertical' : 'horizontal'} aria-label={t('toolbar')} data-zone="tools">
        <span className={classes.phoneTools} inert={off}>
          <Big icon={toolIcons.scroll} label={t('short.scroll')} pressed={bindings.left === 'scroll'} onPress={() => mpr.bind('left', 'scroll')} />
          <Big icon={toolIcons.window} label={t('short.window')} pressed={bindings.left === 'window'} onPress={() => mpr.bind('left', 'window')} />
          <Big icon={mprIcons.crossing} label={t('mpr.phone.crossing')} pressed={bindings.left === 'crossing'} onPress={() => mpr.bind('left', 'crossing')} />
          <Big icon={IconStack3} label={t('mpr.phone.slab')} pressed={slab !== 'plane'} onPress={() => setSheet('slab')} />
        </span>
        <Big icon={IconTools} label={t(lying ? 'phone.more' : 'short.tools')} pressed={!first.includes(bindings.left)} onPress={() => setSheet('tools')} />
      </div>
      {drawer('slab', t('mpr.phone.slab'), <SlabTools sheet />)}
      {drawer('tools', t('short.tools'), <Tools onDone={close} />)}
    </>
  );
}

function Tools({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation('viewer');
  const { mpr, seriesId, detail } = useMpr();
  const { bindings, invert, lines, playing } = useStore(mpr.store);
  const measuring = useMprMeasure();
  const act = (icon: Icon, label: string, run: (at: number) => void, pressed?: boolean) => (
    <Big
      key={label}
      icon={icon}
      label={label}
      {...(pressed === undefined ? {} : { pressed })}
      onPress={(at) => {
        run(at);
        onDone();
      }}
    />
  );
  const held = (['crossing', 'cursor', 'scroll', 'window', 'zoom', 'pan', 'rotate'] as const).map((name) =>
    act(mprIcons[name], name === 'crossing' || name === 'cursor' ? t(`mpr.tool.${name}`) : t(`tool.${name}`), () => mpr.bind('left', name), bindings.left === name),
  );
  const menu = (title: string, children: ReactNode) => (
    <section className={phone.section}>
      <h2>{title}</h2>
      <Menu opened withinPortal={false} transitionProps={{ duration: 0 }} trapFocus={false} closeOnClickOutside={false}>
        <div className={`${toolbar.menu} ${phone.windows}`} role="menu" onClick={onDone}>
          {children}
        </div>
      </Menu>
    </section>
  );
  return (
    <>
      <ModeSwitch seriesId={seriesId} detail={detail} phone />
      <div className={phone.grid}>
        {held}
        {measureTools.map((name) => act(toolIcons[name], t(`tool.${name}`), () => mpr.bind('left', name), bindings.left === name))}
        {act(IconContrast, t('action.invert'), (at) => mpr.invert(at), invert)}
        {act(IconPlus, t('mpr.action.lines'), () => mpr.toggleLines(), lines)}
        {act(IconFlipHorizontal, t('action.flipHorizontal'), (at) => mpr.flip('horizontal', at))}
        {act(IconRotateClockwise2, t('action.turnRight'), (at) => mpr.turnPicture(90, at))}
        {act(IconRestore, t('mpr.action.resetPosition'), (at) => mpr.resetPosition(at))}
        {act(IconRestore, t('mpr.action.resetAll'), (at) => mpr.resetAll(at))}
        {act(playing === null ? IconPlayerPlay : IconPlayerPause, t(playing === null ? 'action.play' : 'play.stop'), () => mpr.togglePlay(), playing !== null)}
      </div>
      <section className={phone.section}>
        <h2>{t('measure.title')}</h2>
        <MeasureList
          {...measuring}
          goTo={(one) => {
            measuring.goTo(one);
            onDone();
          }}
        />
      </section>
      {menu(t('window.list'), <WindowItems />)}
      {menu(t('mpr.action.orient'), <OrientItems />)}
      {menu(t('mpr.colours.title'), <PlaneColourItems />)}
    </>
  );
}
