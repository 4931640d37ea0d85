import { Button, rem } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { i18n } from '../shared/i18n';

/** One study that breaks, or whose code cannot be loaded, leaves the others and the list as they are. */
export class PartBoundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    if (!this.state.broken) return this.props.children;
    return (
      <div role="alert" style={{ height: '100%', display: 'grid', placeContent: 'center', justifyItems: 'center', gap: rem(12), padding: rem(24), textAlign: 'center', color: '#E8ECEF' }}>
        <strong style={{ fontSize: rem(16) }}>{i18n.t('app:partMissing')}</strong>
        <span style={{ color: '#9FABB4', maxWidth: rem(420) }}>{i18n.t('app:partMissingText')}</span>
        <Button onClick={() => globalThis.location.reload()}>{i18n.t('page.reload')}</Button>
      </div>
    );
  }
}
