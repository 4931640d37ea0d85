import { Menu } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import { useStore } from '../control/store';
import { type Layout, MAX_COLUMNS, MAX_ROWS } from '../control/viewer';
import { useViewer } from './context';
import { PlayModeItems, PlaySettings } from './playMenus';
import classes from './Toolbar.module.css';

const SPEEDS = [1, 2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60] as const;

/** Speed and way of playing the active window. */
export function FilmSettings() {
  const { viewer } = useViewer();
  const { fps, playMode } = useStore(viewer.store);
  return <PlaySettings speeds={SPEEDS} fps={fps} onFps={(speed) => viewer.store.set({ fps: speed })} playMode={playMode} onMode={(mode) => viewer.setPlayMode(mode)} />;
}

export function FilmModeItems() {
  const { viewer } = useViewer();
  const { playMode } = useStore(viewer.store);
  return <PlayModeItems playMode={playMode} onMode={(mode) => viewer.setPlayMode(mode)} />;
}

/** Layouts as a board: the squares up to the one pointed at are the windows. On a phone only what can still be read. */
export function LayoutItems({ phone = false }: { phone?: boolean }) {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const { layout } = useStore(viewer.store);
  const [at, setAt] = useState<Layout>(layout);
  const rows = phone ? 2 : MAX_ROWS;
  const columns = phone ? 2 : MAX_COLUMNS;
  const all = Array.from({ length: rows * columns }, (_, index) => ({ rows: Math.floor(index / columns) + 1, columns: (index % columns) + 1 }));
  return (
    <div role="group" aria-label={t('layout.title')}>
      <div className={classes.layouts} style={{ gridTemplateColumns: `repeat(${columns}, 1fr)` }} onPointerLeave={() => setAt(layout)}>
        {all.map((one) => (
          <Menu.RadioItem
            key={`${one.rows}x${one.columns}`}
            value=""
            closeMenuOnClick
            checked={one.rows === layout.rows && one.columns === layout.columns}
            checkIcon={<></>}
            aria-label={t('layout.name', { rows: one.rows, columns: one.columns })}
            className={classes.layout ?? ''}
            data-covered={(one.rows <= at.rows && one.columns <= at.columns) || undefined}
            onPointerEnter={() => setAt(one)}
            onFocus={() => setAt(one)}
            onChange={() => viewer.setLayout(one)}
          />
        ))}
      </div>
      <div className={classes.layoutName} aria-hidden>{`${at.rows} × ${at.columns}`}</div>
    </div>
  );
}
