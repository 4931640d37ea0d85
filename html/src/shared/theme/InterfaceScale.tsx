import { createContext, type ReactNode, useCallback, useContext, useEffect, useInsertionEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { type InterfaceSize, onSizeElsewhere, rememberedSize, rememberSize, scaleOf } from './scale';

interface InterfaceScale {
  /** CSS pixels per pixel of the interface. */
  scale: number;
  size: InterfaceSize;
  setSize: (size: InterfaceSize) => void;
}

const Context = createContext<InterfaceScale>({ scale: 1, size: 'automatic', setSize: () => undefined });

function onResize(run: () => void): () => void {
  window.addEventListener('resize', run);
  return () => window.removeEventListener('resize', run);
}

/** Sets the root font size, which all style sheets measure with (`rem`), and tells parts that measure for themselves. */
export function InterfaceScaleProvider({ children }: { children: ReactNode }) {
  const [size, setOwnSize] = useState(rememberedSize);
  const scale = useSyncExternalStore(onResize, () => scaleOf(size, { width: window.innerWidth, height: window.innerHeight }));
  const setSize = useCallback((chosen: InterfaceSize) => {
    rememberSize(chosen);
    setOwnSize(chosen);
  }, []);
  useEffect(() => onSizeElsewhere(setOwnSize), []);
  // Before the layout effects, in which parts of the page measure themselves.
  useInsertionEffect(() => {
    document.documentElement.style.setProperty('--wv-scale', String(scale));
  }, [scale]);
  const value = useMemo(() => ({ scale, size, setSize }), [scale, size, setSize]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useInterfaceSize(): Omit<InterfaceScale, 'scale'> {
  return useContext(Context);
}

/** CSS pixels per pixel of the interface: for what is measured in the page or drawn in pixels. */
export function useInterfaceScale(): number {
  return useContext(Context).scale;
}
