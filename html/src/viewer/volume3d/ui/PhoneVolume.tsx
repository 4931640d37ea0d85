import { Button, Drawer, Menu, UnstyledButton } from '@mantine/core';
import { IconArrowBackUp, IconArrowForwardUp, IconBox, IconChevronLeft, IconColorSwatch, IconCube3dSphere, IconDotsVertical, IconEye, IconPalette, IconPerspective, IconPhotoDown, IconPlayerPause, IconPlayerPlay, IconRestore, IconSlice, IconStack2, IconTools, IconVideo, IconVideoOff, IconWand } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { personName } from '../../../shared/format/person';
import { useTranslation } from '../../../shared/i18n';
import { useSelected, useStore } from '../../control/store';
import type { SeriesDetail } from '../../model/series';
import { useViewer } from '../../ui/context';
import { ModeSwitch } from '../../ui/ModeSwitch';
import phone from '../../ui/Phone.module.css';
import type { Icon } from '../../ui/ToolButton';
import bar from '../../ui/Toolbar.module.css';
import { Recorder } from '../control/recorder';
import type { Tool } from '../control/sceneState';
import { obliqueAngles, type Orientation, standardFrame } from '../model/orientations';
import { useVolume } from './context';
import { toolIcons } from './icons';
import { LABELS, named } from './OrientationPanel';
import classes from './Phone3d.module.css';
import { AllPresets } from './PresetStrip';
import { TransferBody } from './TransferPanel';
import { TurnChoices } from './ToolSettings';

/** The phone's own bar: back, who, and the rest. */
export function VolumePhoneTop({ onBack }: { onBack: () => void }) {
  const { t } = useTranslation('viewer');
  const { study, viewer, lying } = useViewer();
  const { exportPicture, openAngles, openTurnSeries, openSurface, recorder, record } = useVolume();
  const recording = useSelected(recorder.store, (state) => state.recording);
  const overlay = useSelected(viewer.store, (state) => state.overlay);
  const name = study === null ? '' : personName(study.patient_name) || t('common:noName');
  return (
    <header className={phone.top} data-lying={lying || undefined} data-zone="tools">
      <UnstyledButton className={phone.touch} aria-label={t('phone.back')} onClick={onBack}>
        <IconChevronLeft size={24} stroke={1.7} aria-hidden />
      </UnstyledButton>
      <div className={phone.who} hidden={lying}>
        <div className={phone.name}>{name}</div>
        <div className={phone.study}>{[study?.patient_id, study?.study_description].filter((part) => part !== undefined && part !== '').join(' · ')}</div>
      </div>
      <Menu position="bottom-end" width={240}>
        <Menu.Target>
          <UnstyledButton className={phone.touch} aria-label={t('phone.more')}>
            <IconDotsVertical size={22} stroke={1.7} aria-hidden />
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown className={bar.menu ?? ''}>
          <Menu.Item leftSection={<IconEye size={18} />} closeMenuOnClick={false} onClick={() => viewer.nextOverlay()}>
            {`${t('action.overlays')}: ${t(`overlay.${overlay}`)}`}
          </Menu.Item>
          <Menu.Item leftSection={<IconPerspective size={18} />} onClick={openAngles}>
            {t('volume3d.action.angles')}
          </Menu.Item>
          <Menu.Item leftSection={<IconPhotoDown size={18} />} onClick={exportPicture}>
            {t('action.exportPicture')}
          </Menu.Item>
          <Menu.Item leftSection={recording ? <IconVideoOff size={18} /> : <IconVideo size={18} />} disabled={Recorder.kind() === null} onClick={record}>
            {t(Recorder.kind() === null ? 'volume3d.record.none' : recording ? 'volume3d.record.stop' : 'volume3d.record.start')}
          </Menu.Item>
          <Menu.Item leftSection={<IconStack2 size={18} />} onClick={openTurnSeries}>
            {t('volume3d.turnSeries.open')}
          </Menu.Item>
          <Menu.Item leftSection={<IconCube3dSphere size={18} />} onClick={openSurface}>
            {t('volume3d.surface.open')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </header>
  );
}

type Sheet = 'presets' | 'transfer' | 'tools';

/** Five tools; presets, curve and all tools come as sheets from below. */
export function VolumePhoneBottom({ seriesId, detail }: { seriesId: number; detail: SeriesDetail | null }) {
  const { t } = useTranslation('viewer');
  const { lying } = useViewer();
  const { scene } = useVolume();
  const [sheet, setSheet] = useState<Sheet | null>(null);
  const bindings = useSelected(scene.store, (state) => state.bindings);
  const look = useSelected(scene.store, (state) => state.look);
  const close = (): void => setSheet(null);
  const drawer = (name: Sheet, title: string, children: ReactNode) => (
    <Drawer opened={sheet === name} onClose={close} position="bottom" size={name === 'tools' ? 'auto' : '62%'} title={title} overlayProps={{ backgroundOpacity: 0.2 }} closeButtonProps={{ 'aria-label': t('common:close'), size: 44, iconSize: 20 }} classNames={{ content: phone.drawer ?? '', header: phone.drawer ?? '' }}>
      {children}
    </Drawer>
  );
  return (
    <>
      <div className={phone.bottom} data-lying={lying || undefined} role="toolbar" aria-orientation={lying ? 'vertical' : 'horizontal'} aria-label={t('toolbar')} data-zone="tools">
        <Big icon={toolIcons.rotate} label={t('volume3d.short.rotate')} pressed={bindings.left === 'rotate'} onPress={() => scene.bind('left', 'rotate')} />
        <Big icon={toolIcons.window} label={t('short.window')} pressed={bindings.left === 'window'} onPress={() => scene.bind('left', 'window')} />
        <Big icon={IconColorSwatch} label={t('volume3d.short.presets')} onPress={() => setSheet('presets')} />
        <Big icon={IconPalette} label={t('volume3d.short.transfer')} onPress={() => setSheet('transfer')} />
        <Big icon={IconTools} label={t(lying ? 'phone.more' : 'short.tools')} pressed={bindings.left !== 'rotate' && bindings.left !== 'window'} onPress={() => setSheet('tools')} />
      </div>
      {drawer('presets', t('volume3d.presets'), <AllPresets />)}
      {drawer('transfer', t('volume3d.transfer'), look !== null && <TransferBody look={look} />)}
      {drawer('tools', t('short.tools'), <Tools seriesId={seriesId} detail={detail} onDone={close} />)}
    </>
  );
}

const TOOLS: readonly Tool[] = ['rotate', 'pan', 'zoom', 'window', 'center', 'select', 'cutInside', 'cutOutside', 'cutObject', 'keepObject', 'removeSphere', 'restoreSphere', 'line', 'polyline', 'angle', 'marker'];

function Tools({ seriesId, detail, onDone }: { seriesId: number; detail: SeriesDetail | null; onDone: () => void }) {
  const { t } = useTranslation('viewer');
  const { scene, hands, openAngles: openDialog } = useVolume();
  const turn = (name: Orientation, angle: number | undefined, at: number): void => {
    scene.orient(standardFrame(name, angle), at);
    onDone();
  };
  const openAngles = (): void => {
    onDone();
    openDialog();
  };
  const { bindings, cuts, playing, camera } = useStore(scene.store);
  const { plane, boxOn } = cuts.present;
  const letters = useSelected(scene.cell.store, ({ opened }) => opened?.letters !== false);
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
  return (
    <>
      <ModeSwitch seriesId={seriesId} detail={detail} phone />
      <div className={phone.grid}>
        {TOOLS.map((tool) =>
          act(
            toolIcons[tool],
            t(`volume3d.tool.${tool}`),
            () => {
              hands.escape();
              scene.bind('left', tool);
            },
            bindings.left === tool,
          ),
        )}
        {act(IconBox, t('volume3d.box.title'), (at) => scene.toggleBox(at), boxOn)}
        {act(IconSlice, t('volume3d.plane.title'), (at) => scene.togglePlane(at), plane !== null)}
        {act(IconWand, t('volume3d.action.removeTable'), (at) => void scene.cut({ kind: 'table' }, at))}
        {act(IconArrowBackUp, t('volume3d.action.undo'), (at) => scene.undo(at))}
        {act(IconArrowForwardUp, t('volume3d.action.redo'), (at) => scene.redo(at))}
        {act(IconRestore, t('volume3d.action.restoreAll'), (at) => scene.restoreAll(at))}
        {act(IconRestore, t('volume3d.action.resetPosition'), (at) => scene.resetPosition(at))}
        {act(IconPerspective, t('volume3d.projection.perspective'), (at) => scene.setProjection(camera?.projection === 'perspective' ? 'parallel' : 'perspective', at), camera?.projection === 'perspective')}
        {act(playing ? IconPlayerPause : IconPlayerPlay, playing ? t('play.stop') : t('volume3d.action.play'), () => scene.togglePlay(), playing)}
      </div>
      {letters && (
        <section className={phone.section}>
          <h2>{t('volume3d.orientation.title')}</h2>
          {/* Letters: words are longer than their place on a phone. */}
          <div className={classes.letters}>
            {(Object.keys(LABELS) as (keyof typeof LABELS)[]).map((name) => (
              <Big key={name} label={LABELS[name]} name={named(LABELS[name], t(`volume3d.orientation.${name}`))} onPress={(at) => turn(name, undefined, at)} />
            ))}
          </div>
        </section>
      )}
      {letters && (['LAO', 'RAO'] as const).map((name) => (
        <section key={name} className={phone.section}>
          <h2>{named(name, t(`volume3d.orientation.${name}`))}</h2>
          <div className={classes.angles}>
            {obliqueAngles.map((angle) => (
              <Big key={angle} label={`${angle}°`} name={`${name} ${angle}°`} onPress={(at) => turn(name, angle, at)} />
            ))}
          </div>
        </section>
      ))}
      <section className={phone.section}>
        <Button fullWidth variant="default" size="md" onClick={openAngles}>
          {t('volume3d.action.angles')}
        </Button>
      </section>
      {playing && <TurnChoices />}
    </>
  );
}

function Big({ icon: IconOf, label, name, pressed, onPress }: { icon?: Icon; label: string; name?: string; pressed?: boolean; onPress: (at: number) => void }) {
  return (
    <UnstyledButton className={phone.big} data-pressed={pressed || undefined} aria-pressed={pressed} aria-label={name} onClick={(event) => onPress(event.timeStamp)}>
      {IconOf !== undefined && <IconOf size={22} stroke={1.7} />}
      <span>{label}</span>
    </UnstyledButton>
  );
}
