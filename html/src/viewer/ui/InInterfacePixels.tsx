import type { ReactNode } from 'react';
import { useInterfaceScale } from '../../shared/theme/InterfaceScale';

/** Vectors over a picture, in pixels of the interface: sizes in their style sheets are `Px`, which the build leaves alone. */
export function InInterfacePixels({ children }: { children: ReactNode }) {
  const scale = useInterfaceScale();
  return <g transform={scale === 1 ? undefined : `scale(${scale})`}>{children}</g>;
}
