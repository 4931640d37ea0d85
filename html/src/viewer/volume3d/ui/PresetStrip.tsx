import { ActionIcon, Menu, Popover, UnstyledButton } from '@mantine/core';
import { IconBookmark, IconCube, IconDots, IconTrash } from '@tabler/icons-react';
import { type CSSProperties, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { Look, Preset } from '../../../shared/protocol/messages';
import { useTranslation } from '../../../shared/i18n';
import { useInterfaceScale } from '../../../shared/theme/InterfaceScale';
import { useSelected } from '../../control/store';
import { keepFocus } from '../../ui/ToolButton';
import toolbar from '../../ui/Toolbar.module.css';
import type { LookName } from '../control/sceneState';
import { keyOfLook } from '../control/thumbnails';
import { inGroups, inOrder } from '../model/presets';
import { useVolume } from './context';
import classes from './Panels.module.css';
import { usePresetName } from './names';
import { useOwnLooks } from './useOwnLooks';

/** A card with the gap behind it. */
const CARD_PX = 112;
const MOST = 9;
/** So many of the doctor's own looks stand in the strip, the ones that were saved last. */
const MOST_OWN = 3;
/** At the sides stand the cube and the words on the picture; More is in it too. */
const BESIDE_PX = 400;

/** Presets with their pictures at the foot of the window; all of them by group under More. */
export function PresetStrip() {
  const { t } = useTranslation('viewer');
  const { scene, thumbnails } = useVolume();
  const facts = useSelected(scene.cell.store, (state) => state.facts);
  const { looks } = useOwnLooks();
  const scale = useInterfaceScale();
  const strip = useRef<HTMLDivElement>(null);
  const [count, setCount] = useState(MOST);
  useLayoutEffect(() => {
    const stage = strip.current?.parentElement;
    if (stage === null || stage === undefined) return;
    const measure = (): void => setCount(Math.max(2, Math.min(MOST, Math.floor((stage.clientWidth / scale - BESIDE_PX) / CARD_PX))));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(stage);
    return () => observer.disconnect();
  }, [facts, scale]);
  const own = useMemo(() => looks.slice(-Math.min(MOST_OWN, count - 1)).reverse(), [looks, count]);
  useEffect(() => thumbnails.setVisible(count - own.length, own.map(({ look }) => look)), [thumbnails, own, count]);
  if (facts === null) return null;
  const shown = inOrder(facts.presets, facts.default_preset).slice(0, count - own.length);
  return (
    <div ref={strip} className={classes.presets} data-chrome="" role="group" aria-label={t('volume3d.presets')} data-zone="presets">
      {shown.map((preset) => (
        <PresetCard key={preset.preset_id} preset={preset} />
      ))}
      {own.map(({ name, look }) => (
        <LookCard key={`own/${name}`} look={look} name={{ kind: 'own', name }} picture={keyOfLook(look)} label={name} />
      ))}
      <span className={classes.upright} aria-hidden />
      <Popover position="top-end" width={476} offset={10} trapFocus returnFocus>
        <Popover.Target>
          <UnstyledButton className={classes.presetsMore} onMouseDown={keepFocus}>
            <IconDots size={18} stroke={1.7} aria-hidden />
            <span>{t('phone.more')}</span>
          </UnstyledButton>
        </Popover.Target>
        <Popover.Dropdown className={toolbar.menu ?? ''} aria-label={t('volume3d.presets')} data-chrome="">
          <AllPresets />
        </Popover.Dropdown>
      </Popover>
    </div>
  );
}

/** Every preset by its group, and the doctor's own looks. */
export function AllPresets() {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const facts = useSelected(scene.cell.store, (state) => state.facts);
  const name = useSelected(scene.store, (state) => state.name);
  const { looks, remove } = useOwnLooks();
  if (facts === null) return null;
  return (
    <>
      {looks.length > 0 && (
        <section className={classes.group}>
          <h3>{t('volume3d.group.own')}</h3>
          {looks.map((own) => (
            <div key={own.name} className={classes.own} data-pressed={(name?.kind === 'own' && name.name === own.name) || undefined}>
              <UnstyledButton className={classes.ownName} aria-pressed={name?.kind === 'own' && name.name === own.name} onClick={(event) => scene.setLook(own.look, event.timeStamp, { kind: 'own', name: own.name })}>
                <IconBookmark size={16} stroke={1.7} aria-hidden />
                <span>{own.name}</span>
              </UnstyledButton>
              <ActionIcon className={classes.bin ?? ''} variant="subtle" color="gray" aria-label={t('volume3d.look.delete', { name: own.name })} onClick={() => remove(own)}>
                <IconTrash size={16} stroke={1.7} aria-hidden />
              </ActionIcon>
            </div>
          ))}
        </section>
      )}
      {/* Small groups share a row. */}
      <div className={classes.groups}>
        {inGroups(facts.presets).map(([group, presets]) => (
          <section key={group} className={classes.group} style={{ '--cards': Math.min(presets.length, 4) } as CSSProperties}>
            <h3>{t(`volume3d.group.${group}`, { defaultValue: group })}</h3>
            <div className={classes.cards}>
              {presets.map((preset) => (
                <PresetCard key={preset.preset_id} preset={preset} />
              ))}
            </div>
          </section>
        ))}
      </div>
    </>
  );
}

function PresetCard({ preset }: { preset: Preset }) {
  const label = usePresetName()(preset.preset_id);
  return <LookCard look={preset.look} name={{ kind: 'preset', name: preset.preset_id }} picture={preset.preset_id} label={label} />;
}

/** A look by its picture and name; grey until the picture comes, a cube where none can be made. */
function LookCard({ look, name, picture: key, label }: { look: Look; name: LookName; picture: string; label: string }) {
  const { scene, thumbnails } = useVolume();
  const chosen = useSelected(scene.store, (state) => state.name?.kind === name.kind && state.name.name === name.name);
  const picture = useSelected(thumbnails.store, ({ pictures }) => pictures.get(key) ?? null);
  const failed = useSelected(thumbnails.store, (state) => state.failed.has(key));
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (picture !== null && canvas.current !== null) canvas.current.getContext('2d')?.drawImage(picture, 0, 0);
  }, [picture]);
  return (
    <UnstyledButton className={classes.card} data-preset={name.kind === 'preset' ? name.name : undefined} data-chosen={chosen || undefined} data-pictured={picture !== null || undefined} aria-pressed={chosen} onMouseDown={keepFocus} onClick={(event) => scene.setLook(look, event.timeStamp, name)}>
      {picture !== null ? (
        <canvas ref={canvas} className={classes.picture} width={picture.width} height={picture.height} aria-hidden />
      ) : (
        <span className={classes.picture} data-waiting={!failed || undefined} aria-hidden>
          {failed && <IconCube size={22} stroke={1.4} />}
        </span>
      )}
      <span className={classes.label} title={label}>
        {label}
      </span>
    </UnstyledButton>
  );
}

/** Presets as entries of a tool bar's menu. */
export function PresetItems() {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const nameOf = usePresetName();
  const facts = useSelected(scene.cell.store, (state) => state.facts);
  return inGroups(facts?.presets ?? []).flatMap(([group, presets]) => [
    <Menu.Label key={group}>{t(`volume3d.group.${group}`, { defaultValue: group })}</Menu.Label>,
    ...presets.map(({ preset_id }) => (
      <Menu.Item key={preset_id} onClick={(event) => scene.choosePreset(preset_id, event.timeStamp)}>
        {nameOf(preset_id)}
      </Menu.Item>
    )),
  ]);
}
