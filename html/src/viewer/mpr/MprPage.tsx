import { useLayoutEffect } from 'react';
import type { VolumePageProps } from '../control/environment';
import { Banner } from '../ui/Banner';
import { useViewer } from '../ui/context';
import classes from '../ViewerTab.module.css';

/** Three planes through a volume, and the volume itself. */
export function MprPage({ seriesId }: VolumePageProps) {
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
