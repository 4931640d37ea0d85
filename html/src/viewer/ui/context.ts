import { createContext, useContext } from 'react';
import type { ViewerEnvironment } from '../control/environment';

export const ViewerContext = createContext<ViewerEnvironment | null>(null);

export function useViewer(): ViewerEnvironment {
  const environment = useContext(ViewerContext);
  if (environment === null) throw new Error('A part of the viewer is drawn outside of it.');
  return environment;
}
