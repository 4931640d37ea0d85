import { useMantineColorScheme } from '@mantine/core';
import { createContext, type ReactNode, useContext } from 'react';

interface RootScheme {
  colorScheme: string;
  setColorScheme: (scheme: 'light' | 'dark') => void;
}

const Context = createContext<RootScheme | null>(null);

/**
 * Keeps hold of the page's own scheme: inside a DarkScope Mantine only knows the forced dark one, but a theme switch in
 * there is still about the page.
 */
export function RootSchemeProvider({ children }: { children: ReactNode }) {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return <Context.Provider value={{ colorScheme, setColorScheme }}>{children}</Context.Provider>;
}

export function useRootScheme(): RootScheme {
  const scheme = useContext(Context);
  if (scheme === null) throw new Error('useRootScheme needs a RootSchemeProvider above it.');
  return scheme;
}
