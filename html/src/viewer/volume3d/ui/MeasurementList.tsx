import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import { useViewer } from '../../ui/context';
import { useVolume } from './context';
import { measurementText } from './DrawOverlay';

type Translate = (key: string, values?: Record<string, unknown>) => string;

/** Measurements for who cannot see them on the model: each can be removed here. */
export function MeasurementList() {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { scene } = useVolume();
  const measurements = useSelected(scene.store, (state) => state.measurements);
  if (measurements.length === 0) return null;
  return (
    <ul className="wv-hidden" aria-label={t('volume3d.measure.list')}>
      {measurements.map((one) => {
        const text = `${t(`volume3d.tool.${one.kind}`)} ${measurementText(one, locale, t as Translate)}`;
        return (
          <li key={one.id}>
            {text}
            <button type="button" onClick={() => scene.removeMeasurement(one.id)}>
              {t('volume3d.measure.remove', { name: text })}
            </button>
          </li>
        );
      })}
    </ul>
  );
}
