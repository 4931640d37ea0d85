import { useEffect, useRef, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import { useViewer } from '../../ui/context';
import { saidOf } from '../control/said';
import { useVolume } from './context';
import { orientationText } from './corners';
import { measurementText } from './DrawOverlay';
import { useLookName } from './names';

const REST_MS = 900;

/** Says aloud what is seen and from where, only when nothing moves. */
export function VolumeLive() {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { scene } = useVolume();
  const nameOf = useLookName();
  const moving = useSelected(scene.cell.store, ({ navigation, shown }) => navigation.moving || shown === null);
  const playing = useSelected(scene.store, (state) => state.playing);
  const camera = useSelected(scene.store, (state) => (moving ? null : state.camera));
  const name = useSelected(scene.store, (state) => state.name);
  const letters = useSelected(scene.cell.store, ({ opened }) => opened?.letters !== false);
  const text = camera === null ? '' : [nameOf(name), letters ? orientationText({ camera }, locale, t as (key: string) => string) : ''].filter((part) => part !== '').join('. ');
  const [said, say] = useState('');
  useEffect(() => {
    if (moving || playing) return;
    const timer = window.setTimeout(() => say(text), REST_MS);
    return () => window.clearTimeout(timer);
  }, [text, moving, playing]);
  return (
    <div className="wv-hidden" aria-live="polite" role="status">
      {said}
    </div>
  );
}

const DONE_MS = 700;

/** Says aloud what was cut, undone or measured. */
export function DoneLive() {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { scene } = useVolume();
  const cuts = useSelected(scene.store, (state) => state.cuts);
  const chosen = useSelected(scene.store, ({ measurements, selected }) => measurements.find(({ id }) => id === selected) ?? null);
  // What comes with a volume, as what was left of it, is not done now.
  const ready = useSelected(scene.store, ({ camera }) => camera !== null);
  const [said, say] = useState('');
  const last = useRef({ ready, cuts, chosen });
  const timer = useRef(0);
  useEffect(() => {
    const before = last.current;
    last.current = { ready, cuts, chosen };
    if (!ready || !before.ready) return;
    const done = saidOf(before.cuts, cuts);
    let words = '';
    if (done !== null) words = t(`volume3d.said.${done.key}`, { what: done.what === null ? '' : t(`volume3d.${done.what}`) });
    else if (chosen !== null && chosen !== before.chosen) words = t('measure.said', { tool: t(`volume3d.tool.${chosen.kind}`), text: measurementText(chosen, locale, t as (key: string) => string) });
    else return;
    window.clearTimeout(timer.current);
    // The same words again are said again: a region that does not change is silent.
    timer.current = window.setTimeout(() => say((now) => (now === words ? `${words}\u00a0` : words)), DONE_MS);
  }, [ready, cuts, chosen, t, locale]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  return (
    <div className="wv-hidden" aria-live="polite" role="status">
      {said}
    </div>
  );
}
