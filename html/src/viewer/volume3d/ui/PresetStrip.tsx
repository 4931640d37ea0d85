import { ActionIcon, Menu, Popover, UnstyledButton } from '@mantine/core';
import { IconBookmark, IconDots, IconTrash } from '@tabler/icons-react';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { Preset } from '../../../shared/protocol/messages';
import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import { keepFocus } from '../../ui/ToolButton';
import toolbar from '../../ui/Toolbar.module.css';
import { HEIGHT_CSS, WIDTH_CSS } from '../control/thumbnails';
import { inGroups, inOrder } from '../model/presets';
import { useVolume } from './context';
import classes from './Panels.module.css';
import { usePresetName } from './names';
import { useOwnLooks } from './useOwnLooks';

/** A card with the gap behind it. */
const CARD_PX = 104;
const MOST = 9;
/** At the sides stand the cube and the words on the picture; More is in it too. */
const BESIDE_PX = 400;

/** Presets with their pictures at the foot of the window; all of them by group under More. */
export function PresetStrip() {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const facts = useSelected(scene.cell.store, (state) => state.facts);
  const strip = useRef<HTMLDivElement>(null);
  const [count, setCount] = useState(MOST);
  useLayoutEffect(() => {
    const stage = strip.current?.parentElement;
    if (stage === null || stage === undefined) return;
    const measure = (): void => setCount(Math.max(2, Math.min(MOST, Math.floor((stage.clientWidth - BESIDE_PX) / CARD_PX))));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(stage);
    return () => observer.disconnect();
  }, [facts]);
  if (facts === null) return null;
  const shown = inOrder(facts.presets, facts.default_preset).slice(0, count);
  return (
    <div ref={strip} className={classes.presets} data-chrome="" role="group" aria-label={t('volume3d.presets')} data-zone="presets">
      {shown.map((preset) => (
        <PresetCard key={preset.preset_id} preset={preset} />
      ))}
      <span className={classes.upright} aria-hidden />
      <Popover position="top-end" width={360} offset={10} trapFocus returnFocus>
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
              <ActionIcon variant="subtle" color="gray" aria-label={t('volume3d.look.delete', { name: own.name })} onClick={() => remove(own)}>
                <IconTrash size={16} stroke={1.7} aria-hidden />
              </ActionIcon>
            </div>
          ))}
        </section>
      )}
      {inGroups(facts.presets).map(([group, presets]) => (
        <section key={group} className={classes.group}>
          <h3>{t(`volume3d.group.${group}`, { defaultValue: group })}</h3>
          <div className={classes.cards}>
            {presets.map((preset) => (
              <PresetCard key={preset.preset_id} preset={preset} />
            ))}
          </div>
        </section>
      ))}
    </>
  );
}

function PresetCard({ preset }: { preset: Preset }) {
  const { scene, thumbnails } = useVolume();
  const label = usePresetName()(preset.preset_id);
  const chosen = useSelected(scene.store, ({ name }) => name?.kind === 'preset' && name.name === preset.preset_id);
  const picture = useSelected(thumbnails.store, ({ pictures }) => pictures.get(preset.preset_id) ?? null);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (picture !== null && canvas.current !== null) canvas.current.getContext('2d')?.drawImage(picture, 0, 0);
  }, [picture]);
  return (
    <UnstyledButton className={classes.card} data-preset={preset.preset_id} data-chosen={chosen || undefined} data-pictured={picture !== null || undefined} aria-pressed={chosen} onMouseDown={keepFocus} onClick={(event) => scene.choosePreset(preset.preset_id, event.timeStamp)}>
      <canvas ref={canvas} width={picture?.width ?? WIDTH_CSS * 2} height={picture?.height ?? HEIGHT_CSS * 2} aria-hidden />
      <span title={label}>{label}</span>
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
