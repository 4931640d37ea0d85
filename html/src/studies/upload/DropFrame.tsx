import { IconCloudUpload } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { iconStroke } from '../../shared/icons';
import { useTranslation } from '../../shared/i18n';
import { fromDrop } from './collect';
import classes from './DropFrame.module.css';
import { uploader } from './uploader';

const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;

/** Files may be dropped anywhere on the page; a frame shows that, while they are held over it. */
export function DropFrame({ onDropped }: { onDropped: () => void }) {
  const { t } = useTranslation('studies');
  const [over, setOver] = useState(false);
  useEffect(() => {
    let depth = 0; // enter and leave come for every element on the way
    const enter = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const leave = (): void => {
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const hold = (event: DragEvent): void => {
      if (!hasFiles(event) || event.dataTransfer === null) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'copy';
    };
    const drop = (event: DragEvent): void => {
      depth = 0;
      setOver(false);
      if (!hasFiles(event) || event.dataTransfer === null) return;
      event.preventDefault();
      void fromDrop(event.dataTransfer).then((files) => {
        uploader.add(files);
        if (files.length > 0) onDropped();
      });
    };
    window.addEventListener('dragenter', enter);
    window.addEventListener('dragleave', leave);
    window.addEventListener('dragover', hold);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragenter', enter);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('dragover', hold);
      window.removeEventListener('drop', drop);
    };
  }, [onDropped]);
  if (!over) return null;
  return (
    <div className={classes.frame}>
      <div className={classes.words}>
        <IconCloudUpload size={36} stroke={iconStroke} aria-hidden />
        {t('transfers.dropPage')}
      </div>
    </div>
  );
}
