import { useTranslation } from '../../../shared/i18n';
import { useSelected, useStore } from '../../control/store';
import { useViewer } from '../../ui/context';
import { indexOfImage } from '../../model/series';
import type { MeasureToolsProps } from './MeasureTools';
import { surfaceOfCell } from './useImageSurface';

/** What the measuring part of the bar needs to know of the image viewer. */
export function useImageMeasureProps(): MeasureToolsProps {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const { active, bindings } = useStore(viewer.store);
  const cell = viewer.cell(active);
  const detail = useSelected(cell.store, (state) => state.detail);
  const seriesId = useSelected(cell.store, ({ reference }) => reference.seriesId);
  return {
    bindings,
    bind: (button, tool) => viewer.bind(button, tool),
    place: () => surfaceOfCell(cell.number, cell.state).place,
    seriesId,
    whereOf: (place) => {
      if (place.kind === 'plane') return { text: t('measure.onPlane'), order: Number.MAX_SAFE_INTEGER };
      const index = detail === null ? 0 : indexOfImage(detail, place.image);
      return { text: t('measure.onImage', { number: index + 1 }), order: index };
    },
    goTo: ({ place }) => {
      if (place.kind === 'image' && detail !== null) cell.goTo(indexOfImage(detail, place.image), performance.now(), false);
    },
  };
}
