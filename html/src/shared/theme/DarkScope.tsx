import { MantineProvider, mergeThemeOverrides } from '@mantine/core';
import { type ReactNode, useMemo, useState } from 'react';
import { cssVariablesResolver, theme } from './theme';

/** A part of the page that is dark in both themes (tab strip, viewer), with its menus and dialogs. */
export function DarkScope({ children, className = '' }: { children: ReactNode; className?: string }) {
  const [root, setRoot] = useState<HTMLElement | null>(null);
  const scoped = useMemo(
    () => mergeThemeOverrides(theme, { components: { Portal: { defaultProps: { target: root ?? undefined } } } }),
    [root],
  );
  return (
    <div ref={setRoot} className={`wv-dark ${className}`} data-mantine-color-scheme="dark">
      {root !== null && (
        <MantineProvider
          theme={scoped}
          forceColorScheme="dark"
          cssVariablesResolver={cssVariablesResolver}
          cssVariablesSelector=".wv-dark"
          deduplicateCssVariables={false}
          getRootElement={() => root}
          withGlobalClasses={false}
        >
          {children}
        </MantineProvider>
      )}
    </div>
  );
}
