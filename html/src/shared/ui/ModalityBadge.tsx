import { rem } from '@mantine/core';
import type { BadgeColour } from '../theme/tokens';

const colours: Record<string, BadgeColour> = {
  CT: 'cyan',
  MR: 'violet',
  PT: 'violet',
  CR: 'amber',
  DX: 'amber',
  MG: 'amber',
  US: 'green',
  XA: 'green',
};

/** "CT" on its colour; the letters carry the meaning. */
export function ModalityBadge({ modality }: { modality: string }) {
  const colour = colours[modality] ?? 'grey';
  return (
    <span
      style={{
        display: 'inline-block',
        minWidth: rem(28),
        padding: `0 ${rem(6)}`,
        borderRadius: rem(4),
        textAlign: 'center',
        fontSize: rem(12),
        lineHeight: rem(18),
        fontWeight: 600,
        background: `var(--wv-badge-${colour}-bg)`,
        color: `var(--wv-badge-${colour}-text)`,
      }}
    >
      {modality}
    </span>
  );
}
