import { Drawer, Menu, UnstyledButton } from '@mantine/core';
import { IconChevronLeft, IconContrast, IconDotsVertical, IconEye, IconFocusCentered, IconLayoutGrid, IconPhotoDown, IconPlayerPause, IconPlayerPlay, IconRestore, IconStackFront, IconTools } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { personName } from '../../shared/format/person';
import { useTranslation } from '../../shared/i18n';
import { useStore } from '../control/store';
import { type ActionName, runAction } from '../input/actions';
import { MeasureList } from '../measure/ui/MeasureList';
import { useImageMeasureProps } from '../measure/ui/useImageMeasureProps';
import { isMeasureTool, measureTools, type HeldTool } from '../model/tools';
import { graphicsOf } from '../model/graphics';
import { isColour, frameAt } from '../model/series';
import { useViewer } from './context';
import { fitIcons, toolIcons, turnIcons } from './icons';
import { LayoutItems } from './menus';
import { ModeSwitch } from './ModeSwitch';
import classes from './Phone.module.css';
import type { Icon } from './ToolButton';
import toolbar from './Toolbar.module.css';
import { WindowItems } from './WindowMenu';

/** The phone's own bar: back, who, which study, and the rest. */
export function PhoneTop({ onBack }: { onBack: () => void }) {
  const { t } = useTranslation('viewer');
  const environment = useViewer();
  const { study, viewer, lying } = environment;
  const { overlay } = useStore(viewer.store);
  const name = study === null ? '' : personName(study.patient_name) || t('common:noName');
  return (
    <header className={classes.top} data-lying={lying || undefined} data-zone="tools">
      <UnstyledButton className={classes.touch} aria-label={t('phone.back')} onClick={onBack}>
        <IconChevronLeft size={24} stroke={1.7} aria-hidden />
      </UnstyledButton>
      {/* Held across, the corners of the window name the patient. */}
      <div className={classes.who} hidden={lying}>
        <div className={classes.name}>{name}</div>
        <div className={classes.study}>{[study?.patient_id, study?.study_description].filter((part) => part !== undefined && part !== '').join(' · ')}</div>
      </div>
      <Menu position="bottom-end" width={176}>
        <Menu.Target>
          <UnstyledButton className={classes.touch} aria-label={t('layout.title')}>
            <IconLayoutGrid size={22} stroke={1.7} aria-hidden />
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown className={toolbar.menu}>
          <LayoutItems phone />
        </Menu.Dropdown>
      </Menu>
      <Menu position="bottom-end" width={240}>
        <Menu.Target>
          <UnstyledButton className={classes.touch} aria-label={t('phone.more')}>
            <IconDotsVertical size={22} stroke={1.7} aria-hidden />
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown className={toolbar.menu}>
          <Menu.Item leftSection={<IconEye size={18} />} closeMenuOnClick={false} onClick={() => viewer.nextOverlay()}>
            {`${t('action.overlays')}: ${t(`overlay.${overlay}`)}`}
          </Menu.Item>
          <Menu.Item leftSection={<IconPhotoDown size={18} />} onClick={environment.exportPicture}>
            {t('action.exportPicture')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </header>
  );
}

/** Five tools; the fifth opens the drawer with all. */
export function PhoneBottom() {
  const { t } = useTranslation('viewer');
  const { viewer, lying } = useViewer();
  const { bindings } = useStore(viewer.store);
  const [drawer, setDrawer] = useState(false);
  const tool = (name: HeldTool) => (
    <Big key={name} icon={toolIcons[name]} label={t(`short.${name}`)} pressed={bindings.left === name} onPress={() => viewer.bind('left', name)} />
  );
  return (
    <>
      <div className={classes.bottom} data-lying={lying || undefined} role="toolbar" aria-orientation={lying ? 'vertical' : 'horizontal'} aria-label={t('toolbar')} data-zone="tools">
        {tool('scroll')}
        {tool('window')}
        {tool('zoom')}
        <Big icon={IconRestore} label={t('short.reset')} onPress={(at) => viewer.activeCell.reset('all', at)} />
        {/* Held across, the bar is 54 px wide: the Portuguese word for tools is not. */}
        <Big icon={IconTools} label={t(lying ? 'phone.more' : 'short.tools')} pressed={bindings.left === 'pan' || bindings.left === 'rotate' || isMeasureTool(bindings.left)} onPress={() => setDrawer(true)} />
      </div>
      <ToolDrawer opened={drawer} onClose={() => setDrawer(false)} />
    </>
  );
}

/** One tool of a phone. */
export function Big({ icon: IconOf, label, pressed, onPress }: { icon: Icon; label: string; pressed?: boolean; onPress: (at: number) => void }) {
  return (
    <UnstyledButton className={classes.big} data-pressed={pressed || undefined} aria-pressed={pressed} onClick={(event) => onPress(event.timeStamp)}>
      <IconOf size={22} stroke={1.7} />
      <span>{label}</span>
    </UnstyledButton>
  );
}

function ToolDrawer({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const environment = useViewer();
  const { viewer } = environment;
  const { bindings, playing, active } = useStore(viewer.store);
  const { detail, reference, data } = useStore(viewer.cell(active).store);
  const frame = frameAt(detail, reference.image);
  const measuring = useImageMeasureProps();
  const action = (name: ActionName, icon: Icon, pressed?: boolean, label?: string) => (
    <Big
      key={name}
      icon={icon}
      label={label ?? t(`action.${name}`)}
      {...(pressed === undefined ? {} : { pressed })}
      onPress={(at) => {
        runAction(name, environment, at);
        onClose();
      }}
    />
  );
  return (
    <Drawer opened={opened} onClose={onClose} position="bottom" size="auto" title={t('short.tools')} closeButtonProps={{ 'aria-label': t('common:close') }} classNames={{ content: classes.drawer ?? '', header: classes.drawer ?? '' }}>
      <ModeSwitch seriesId={reference.seriesId} detail={detail} phone />
      <div className={classes.grid}>
        {(['scroll', 'window', 'zoom', 'pan', 'rotate', ...measureTools] as const).map((name) => (
          <Big
            key={name}
            icon={toolIcons[name]}
            label={t(`tool.${name}`)}
            pressed={bindings.left === name}
            onPress={() => {
              viewer.bind('left', name);
              onClose();
            }}
          />
        ))}
        {(Object.keys(fitIcons) as (keyof typeof fitIcons)[]).map((name) => action(name, fitIcons[name]))}
        {(Object.keys(turnIcons) as (keyof typeof turnIcons)[]).map((name) => action(name, turnIcons[name]))}
        {action('invert', IconContrast, data.invert)}
        {graphicsOf(detail).overlays && (
          <Big icon={IconStackFront} label={t('graphics.overlays')} pressed={data.overlays} onPress={(at) => viewer.cell(active).change({ data: { overlays: !data.overlays } }, at, false)} />
        )}
        {graphicsOf(detail).shutters && (
          <Big icon={IconFocusCentered} label={t('graphics.shutters')} pressed={data.shutters} onPress={(at) => viewer.cell(active).change({ data: { shutters: !data.shutters } }, at, false)} />
        )}
        {(detail?.frames.length ?? 0) > 1 &&
          action('play', playing === null ? IconPlayerPlay : IconPlayerPause, playing !== null, playing === null ? t('action.play') : t('play.stop'))}
      </div>
      <Section title={t('measure.title')}>
        <MeasureList
          {...measuring}
          goTo={(one) => {
            measuring.goTo(one);
            onClose();
          }}
        />
      </Section>
      {(frame === null || !isColour(frame)) && (
        <Section title={t('window.list')}>
          <Menu opened onClose={onClose} withinPortal={false} transitionProps={{ duration: 0 }} trapFocus={false} closeOnClickOutside={false}>
            <div className={`${toolbar.menu} ${classes.windows}`} role="menu" onClick={onClose}>
              <WindowItems />
            </div>
          </Menu>
        </Section>
      )}
    </Drawer>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes.section}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}
