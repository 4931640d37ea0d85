import { useTranslation } from '../../../shared/i18n';
import { useStore } from '../../control/store';
import type { MeasureToolsProps } from '../../measure/ui/MeasureTools';
import { movedTo } from '../../model/crossing';
import { frameOf, planeKinds } from '../../model/plane';
import { dot } from '../../model/vector';
import { useViewer } from '../../ui/context';
import type { Translate } from '../../ui/corners';
import { useMpr } from './context';
import { surfaceOf } from './surface';
import { positionText } from './texts';

/** What the measuring part of the bar needs to know of the planes. */
export function useMprMeasure(): MeasureToolsProps {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { mpr, seriesId } = useMpr();
  const { bindings, planes } = useStore(mpr.store);
  return {
    bindings,
    bind: (button, tool) => mpr.bind(button, tool),
    place: () => surfaceOf(mpr, mpr.activePlane).place,
    seriesId,
    whereOf: (place) => {
      if (place.kind === 'image') return { text: t('mode.image'), order: -1 };
      const frame = frameOf(place.right, place.down);
      // The window whose plane lies most like it names it.
      const like = planeKinds.map((kind) => (planes === null ? 0 : Math.abs(dot(planes.frames[kind].normal, frame.normal))));
      const index = like.indexOf(Math.max(...like));
      const kind = planeKinds[index] ?? 'axial';
      const position = positionText({ kind, point: place.origin, frame }, locale, t as Translate, mpr.cell('axial').state.opened?.letters);
      return { text: t('mpr.measure.onPlane', { plane: t(`mpr.${kind}`), position }), order: index };
    },
    goTo: ({ place }) => {
      if (place.kind === 'plane') mpr.act((before, grid) => movedTo(before, grid, place.origin), performance.now(), false);
    },
  };
}
