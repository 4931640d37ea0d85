import { createContext, useContext } from 'react';
import type { SeriesDetail } from '../../model/series';
import type { MprController } from '../control/mpr';

export interface MprEnvironment {
  mpr: MprController;
  seriesId: number;
  detail: SeriesDetail | null;
  exportPicture: () => void;
  openWindowDialog: () => void;
  /** Thickness of the slab and whether planes stay perpendicular. */
  openSlabDialog: () => void;
  openKeys: () => void;
  /** Asks for a new series of planes. */
  openReslice: () => void;
}

export const MprContext = createContext<MprEnvironment | null>(null);

export function useMpr(): MprEnvironment {
  const environment = useContext(MprContext);
  if (environment === null) throw new Error('A part of MPR is drawn outside of it.');
  return environment;
}
