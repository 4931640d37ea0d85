import { useLayoutEffect } from 'react';
import type { VolumePageProps } from '../ViewerTab';
import { Banner } from '../ui/Banner';
import { useViewer } from '../ui/context';
import classes from '../ViewerTab.module.css';

/** A volume in three dimensions. */
export function VolumePage({ seriesId }: VolumePageProps) {
  const { viewer } = useViewer();
  useLayoutEffect(() => {
    viewer.setMode('volume');
    viewer.volumeCell(0).open(seriesId, 0);
    return () => viewer.volumeCell(0).close();
  }, [viewer, seriesId]);
  return (
    <div className={classes.viewer}>
      <Banner />
    </div>
  );
}
