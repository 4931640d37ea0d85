import { useEffect, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import { useViewer } from '../../ui/context';
import { useVolume } from './context';
import { orientationText } from './corners';
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
  const text = camera === null ? '' : [nameOf(name), orientationText({ camera }, locale, t as (key: string) => string)].filter((part) => part !== '').join('. ');
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
