import { rem } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { i18n } from '../i18n';

/** The last net: a page that breaks says so, and offers to load again. */
export class PageBoundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    if (!this.state.broken) return this.props.children;
    return (
      <main role="alert" style={{ minHeight: '100dvh', display: 'grid', placeContent: 'center', gap: rem(12), textAlign: 'center', padding: rem(24) }}>
        <h1 style={{ fontSize: rem(24), lineHeight: rem(32), fontWeight: 600, margin: 0 }}>{i18n.t('page.brokenTitle')}</h1>
        <p style={{ margin: 0, color: 'var(--wv-dim)' }}>{i18n.t('page.brokenText')}</p>
        <div>
          <button type="button" onClick={() => globalThis.location.reload()}>
            {i18n.t('page.reload')}
          </button>
        </div>
      </main>
    );
  }
}
