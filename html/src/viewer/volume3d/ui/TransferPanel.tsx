import { ActionIcon, Button, Menu, NativeSelect, Slider, Switch, TextInput, Tooltip, UnstyledButton } from '@mantine/core';
import { IconArrowBackUp, IconArrowForwardUp, IconBookmark, IconCheck, IconDotsVertical, IconEye, IconEyeOff, IconRestore, IconX } from '@tabler/icons-react';
import { useEffect, useId, useRef, useState } from 'react';
import type { Lighting, Look } from '../../../shared/protocol/messages';
import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import { formatNumber, parseNumber } from '../../model/numbers';
import { useViewer } from '../../ui/context';
import toolbar from '../../ui/Toolbar.module.css';
import { addTissue, colourAt, fromHex, isProjection, modes, movePoint, removeTissue, sameLook, setColour, setIsoValue, setLighting, setTissueOn, startLighting, tissueColour, toHex, type VolumeMode } from '../model/look';
import { useVolume } from './context';
import { ColourBar, CurveEditor, pointOf, useDomain } from './CurveEditor';
import { useTissueName } from './names';
import classes from './Transfer.module.css';
import { isJustSaved } from './useOwnLooks';

const NEW_COLOUR = [0.42, 0.66, 1] as const;

/** How values look, at the right: curve, colours, tissues, light and mode. */
export function TransferPanel({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const look = useSelected(scene.store, (state) => state.look);
  const undoes = useSelected(scene.store, ({ looks }) => looks.past.length > 0);
  const redoes = useSelected(scene.store, ({ looks }) => looks.future.length > 0);
  return (
    <section className={classes.panel} data-chrome="" data-zone="transfer" aria-label={t('volume3d.transfer')}>
      <header className={classes.head}>
        <h2>{t('volume3d.transfer')}</h2>
        <Icon label={t('volume3d.look.undo')} disabled={!undoes} onClick={(at) => scene.undoLook(at)}>
          <IconArrowBackUp size={16} stroke={1.7} aria-hidden />
        </Icon>
        <Icon label={t('volume3d.look.redo')} disabled={!redoes} onClick={(at) => scene.redoLook(at)}>
          <IconArrowForwardUp size={16} stroke={1.7} aria-hidden />
        </Icon>
        <Icon label={t('volume3d.fold')} onClick={onClose}>
          <IconX size={16} stroke={1.7} aria-hidden />
        </Icon>
      </header>
      {look === null ? <p className={classes.waiting}>{t('opening')}</p> : <TransferBody look={look} />}
    </section>
  );
}

function Icon({ label, disabled = false, onClick, children }: { label: string; disabled?: boolean; onClick: (at: number) => void; children: React.ReactNode }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" size={28} aria-label={label} aria-disabled={disabled || undefined} className={disabled ? (classes.off ?? '') : ''} onClick={(event) => !disabled && onClick(event.timeStamp)}>
        {children}
      </ActionIcon>
    </Tooltip>
  );
}

/** The same in a sheet on phones. */
export function TransferBody({ look }: { look: Look }) {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const [chosen, setChosen] = useState({ tissue: 0, point: 0 });
  const tissue = Math.min(chosen.tissue, look.tissues.length - 1);
  const point = Math.min(chosen.point, (look.tissues[tissue]?.opacity.length ?? 1) - 1);
  const baseLook = useSelected(scene.store, (state) => state.baseLook);
  return (
    <div className={classes.body}>
      <ModeChoice look={look} />
      <CurveEditor look={look} at={tissue} point={point} onPoint={(index) => setChosen({ tissue, point: index })} />
      {!isProjection(look.mode) && (
        <ColourBar
          look={look}
          at={tissue}
          onColour={(value) => {
            const own = look.tissues[tissue];
            if (own !== undefined) scene.setLook(setColour(look, tissue, value, colourAt(own, value)), performance.now());
          }}
        />
      )}
      <Ends />
      <PointFields look={look} tissue={tissue} point={point} />
      {!isProjection(look.mode) && (
        <>
          <hr />
          <Tissues look={look} chosen={tissue} onChoose={(index) => setChosen({ tissue: index, point: 0 })} />
          <hr />
          <Light look={look} />
        </>
      )}
      <div className={classes.foot}>
        <Button variant="default" leftSection={<IconRestore size={16} aria-hidden />} disabled={baseLook === null || sameLook(look, baseLook)} onClick={(event) => scene.resetLook(event.timeStamp)}>
          {t('volume3d.look.reset')}
        </Button>
        <SaveButton />
      </div>
    </div>
  );
}

const SAID_MS = 2000;

/** Opens the dialog of the name; done is said in the button. */
function SaveButton() {
  const { t } = useTranslation('viewer');
  const { scene, openSave } = useVolume();
  const name = useSelected(scene.store, (state) => state.name);
  const [said, say] = useState(false);
  const last = useRef(name);
  useEffect(() => {
    const { current: before } = last;
    last.current = name;
    // Choosing a look that was saved takes another look; saving names the one that is there.
    if (name === before || name === null || !isJustSaved(name)) return;
    say(true);
    const timer = window.setTimeout(() => say(false), SAID_MS);
    return () => {
      window.clearTimeout(timer);
      say(false);
    };
  }, [name]);
  return (
    <Button variant="default" leftSection={said ? <IconCheck size={16} aria-hidden /> : <IconBookmark size={16} aria-hidden />} onClick={openSave} aria-live="polite">
      {t(said ? 'volume3d.look.saved' : 'volume3d.look.save')}
    </Button>
  );
}

function ModeChoice({ look }: { look: Look }) {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const unit = useSelected(scene.cell.store, ({ facts }) => facts?.unit ?? '');
  return (
    <div className={classes.mode}>
      <NativeSelect
        aria-label={t('volume3d.mode.title')}
        value={look.mode}
        onChange={(event) => scene.setMode(event.currentTarget.value as VolumeMode, event.timeStamp)}
        data={modes.map((mode) => ({ value: mode, label: t(`volume3d.mode.${mode}`) }))}
      />
      {look.mode === 'isosurface' && <NumberField label={t('volume3d.mode.isoValue')} value={look.iso_value ?? 0} suffix={unit} onCommit={(value, at) => scene.setLook(setIsoValue(look, value), at)} />}
    </div>
  );
}

/** The values at the ends of the panel, and their unit. */
function Ends() {
  const { scene } = useVolume();
  const { locale } = useViewer();
  const unit = useSelected(scene.cell.store, ({ facts }) => facts?.unit ?? '');
  const { low, high } = useDomain();
  return (
    <div className={classes.ends} aria-hidden>
      <span>{formatNumber(low, locale)}</span>
      <span>{unit}</span>
      <span>{formatNumber(high, locale)}</span>
    </div>
  );
}

/** Value, opacity and colour of the chosen point. */
function PointFields({ look, tissue, point }: { look: Look; tissue: number; point: number }) {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const unit = useSelected(scene.cell.store, ({ facts }) => facts?.unit ?? '');
  const own = look.tissues[tissue];
  const now = pointOf(own, point);
  const id = useId();
  if (own === undefined || now === null) return null;
  const colour = toHex(colourAt(own, now.value));
  return (
    <div className={classes.fields}>
      <NumberField label={t('volume3d.curve.value')} value={now.value} suffix={unit} onCommit={(value, at) => scene.setLook(movePoint(look, tissue, point, value, now.opacity), at)} />
      <NumberField label={t('volume3d.curve.opacity')} value={now.opacity * 100} suffix="%" digits={1} onCommit={(value, at) => scene.setLook(movePoint(look, tissue, point, now.value, value / 100), at)} />
      {!isProjection(look.mode) && (
        <label className={classes.colour} htmlFor={id}>
          <input
            id={id}
            type="color"
            value={colour}
            onChange={(event) => {
              const next = fromHex(event.currentTarget.value);
              if (next !== null) scene.dragLook(setColour(look, tissue, now.value, next), event.timeStamp);
            }}
            onBlur={() => scene.keepLook()}
          />
          <span>{t('volume3d.curve.colour')}</span>
        </label>
      )}
    </div>
  );
}

/** A number that is taken with Enter or when the field is left. */
export function NumberField({ label, value, suffix, digits = 0, onCommit }: { label: string; value: number; suffix: string; digits?: number; onCommit: (value: number, at: number) => void }) {
  const { locale } = useViewer();
  const written = formatNumber(value, locale, Math.abs(value) < 10 && !Number.isInteger(value) ? Math.max(digits, 2) : digits);
  const [text, setText] = useState(written);
  useEffect(() => setText(written), [written]);
  const typed = parseNumber(text, locale);
  const commit = (at: number): void => {
    if (typed.value === null || text === written) setText(written);
    else onCommit(typed.value, at);
  };
  return (
    <TextInput
      aria-label={suffix === '' ? label : `${label} (${suffix})`}
      value={text}
      error={typed.fault !== null}
      rightSection={suffix === '' ? undefined : <span className={classes.suffix}>{suffix}</span>}
      rightSectionWidth={suffix.length * 7 + 16}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={(event) => commit(event.timeStamp)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit(event.timeStamp);
        else if (event.key === 'Escape') setText(written);
      }}
    />
  );
}

function Tissues({ look, chosen, onChoose }: { look: Look; chosen: number; onChoose: (index: number) => void }) {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const nameOf = useTissueName();
  return (
    <ul className={classes.tissues} aria-label={t('volume3d.tissues')}>
      {look.tissues.map((tissue, index) => {
        const name = nameOf(tissue.name);
        return (
          <li key={tissue.name} className={classes.tissue} data-chosen={index === chosen || undefined} data-off={!tissue.on || undefined}>
            <UnstyledButton className={classes.tissueName} aria-pressed={index === chosen} onClick={() => onChoose(index)}>
              <span className={classes.swatch} style={{ background: toHex(tissueColour(tissue)) }} aria-hidden />
              <span>{name}</span>
            </UnstyledButton>
            <UnstyledButton className={classes.eye} aria-pressed={tissue.on} aria-label={t('volume3d.tissueOn', { name })} onClick={(event) => scene.setLook(setTissueOn(look, index, !tissue.on), event.timeStamp)}>
              {tissue.on ? <IconEye size={16} stroke={1.7} aria-hidden /> : <IconEyeOff size={16} stroke={1.7} aria-hidden />}
            </UnstyledButton>
            {index === look.tissues.length - 1 && (
              <Menu position="bottom-end" width={200} returnFocus>
                <Menu.Target>
                  <UnstyledButton className={classes.eye} aria-label={t('volume3d.tissueMenu')}>
                    <IconDotsVertical size={16} stroke={1.7} aria-hidden />
                  </UnstyledButton>
                </Menu.Target>
                <Menu.Dropdown className={toolbar.menu ?? ''}>
                  <Menu.Item
                    onClick={(event) => {
                      scene.setLook(addTissue(look, t('volume3d.newTissue'), NEW_COLOUR), event.timeStamp);
                      onChoose(look.tissues.length);
                    }}
                  >
                    {t('volume3d.addTissue')}
                  </Menu.Item>
                  <Menu.Item
                    disabled={look.tissues.length < 2}
                    onClick={(event) => {
                      scene.setLook(removeTissue(look, chosen), event.timeStamp);
                      onChoose(0);
                    }}
                  >
                    {t('volume3d.removeTissue', { name: nameOf(look.tissues[chosen]?.name ?? '') })}
                  </Menu.Item>
                </Menu.Dropdown>
              </Menu>
            )}
          </li>
        );
      })}
    </ul>
  );
}

const PARTS = ['ambient', 'diffuse', 'specular'] as const;

function Light({ look }: { look: Look }) {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const { locale } = useViewer();
  const [last, setLast] = useState<Lighting>(startLighting);
  const { lighting } = look;
  const drag = (patch: Partial<Lighting>): void => {
    if (lighting !== null) scene.dragLook(setLighting(look, { ...lighting, ...patch }), performance.now());
  };
  const end = (): void => {
    scene.keepLook();
    scene.cell.endDrag(performance.now());
  };
  const slider = (name: string, value: number, max: number, step: number, digits: number, onChange: (value: number) => void) => (
    <div key={name} className={classes.slider}>
      <span aria-hidden>{name}</span>
      <Slider size="sm" min={step === 1 ? 1 : 0} max={max} step={step} label={null} thumbLabel={name} value={value} onChange={onChange} onChangeEnd={end} />
      <span className={classes.number} aria-hidden>
        {new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value)}
      </span>
    </div>
  );
  return (
    <div className={classes.light}>
      <Switch
        label={t('volume3d.light.title')}
        labelPosition="left"
        checked={lighting !== null}
        onChange={(event) => {
          if (lighting !== null) setLast(lighting);
          scene.setLook(setLighting(look, event.currentTarget.checked ? last : null), event.timeStamp);
        }}
      />
      {lighting !== null && (
        <>
          {PARTS.map((part) => slider(t(`volume3d.light.${part}`), lighting[part], 1, 0.01, 2, (value) => drag({ [part]: value })))}
          {slider(t('volume3d.light.shininess'), lighting.specular_power, 100, 1, 0, (value) => drag({ specular_power: value }))}
        </>
      )}
    </div>
  );
}
