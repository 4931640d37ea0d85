import '@fontsource-variable/inter/wght.css';
import '@mantine/core/styles.css';
import '../shared/theme/global.css';

import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { address } from '../shared/api/base';
import { createQueryClient } from '../shared/api/queries';
import { startLanguage } from '../shared/i18n/preference';
import { InterfaceScaleProvider } from '../shared/theme/InterfaceScale';
import { schemeManager, startScheme } from '../shared/theme/preference';
import { RootSchemeProvider } from '../shared/theme/RootScheme';
import { cssVariablesResolver, theme } from '../shared/theme/theme';
import { PageBoundary } from '../shared/ui/PageBoundary';

/** Puts a page on the screen, in the user's language and theme. */
export async function start(page: ReactNode): Promise<void> {
  const root = document.getElementById('root');
  if (root === null) throw new Error('The page has no element "root".');
  document.documentElement.style.background = '';
  // The address in the page is relative, and the page's own address changes with every study that is opened.
  document.querySelector('link[rel="icon"]')?.setAttribute('href', address('assets/favicon.svg'));
  await startLanguage();
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        defaultColorScheme={startScheme()}
        colorSchemeManager={schemeManager()}
        cssVariablesResolver={cssVariablesResolver}
      >
        <QueryClientProvider client={createQueryClient()}>
          <RootSchemeProvider>
            <InterfaceScaleProvider>
              <PageBoundary>{page}</PageBoundary>
            </InterfaceScaleProvider>
          </RootSchemeProvider>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
