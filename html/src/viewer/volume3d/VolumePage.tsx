import { useLayoutEffect } from 'react';
import { Banner } from '../ui/Banner';
import { useViewer } from '../ui/context';
import classes from '../ViewerTab.module.css';

/** The volume of a series in three dimensions. */
export function VolumePage({ seriesId }: { seriesId: number; active: boolean; onBack: () => void }) {
  const { viewer } = useViewer();
  useLayoutEffect(() => {
    viewer.volumeCell(0).open(seriesId, 0);
    return () => viewer.volumeCell(0).close();
  }, [viewer, seriesId]);
  return (
    <div className={classes.viewer}>
      <Banner />
    </div>
  );
}
