import { IconLayoutSidebarLeftCollapse, IconLayoutSidebarLeftExpand } from '@tabler/icons-react';
import { useTranslation } from '../../shared/i18n';
import type { SeriesDetail } from '../model/series';
import { ModeSwitch } from './ModeSwitch';
import { ToolButton } from './ToolButton';
import { Split } from './ToolFamilies';

interface BarStartProps {
  stripOpen: boolean;
  onStrip: () => void;
  seriesId: number | null;
  detail: SeriesDetail | null;
}

/** How the bars of all pages begin: what is switched from page to page stays under the pointer. */
export function BarStart({ stripOpen, onStrip, seriesId, detail }: BarStartProps) {
  const { t } = useTranslation('viewer');
  return (
    <>
      <ToolButton icon={stripOpen ? IconLayoutSidebarLeftCollapse : IconLayoutSidebarLeftExpand} label={t(stripOpen ? 'strip.fold' : 'strip.unfold')} onPress={onStrip} />
      <ModeSwitch seriesId={seriesId} detail={detail} />
      <Split />
    </>
  );
}
