import { Button } from '@mantine/core';
import { IconClock, IconPlugConnectedX } from '@tabler/icons-react';
import { iconStroke } from '../shared/icons';
import { useTranslation } from '../shared/i18n';
import { session, useSession } from '../shared/session/store';
import { StatePage } from '../shared/ui/StatePage';

export function ServerAway({ onTryAgain }: { onTryAgain: () => void }) {
  const { t } = useTranslation('app');
  return (
    <StatePage icon={<IconPlugConnectedX size={30} stroke={iconStroke} />} title={t('serverAway')} text={t('serverAwayText')}>
      <Button size="md" onClick={onTryAgain}>
        {t('common:tryAgain')}
      </Button>
    </StatePage>
  );
}

export function SessionEnded() {
  const { t, i18n } = useTranslation('app');
  const { endReason } = useSession();
  const known = endReason !== null && i18n.exists(`app:ended.${endReason}`);
  return (
    <StatePage icon={<IconClock size={30} stroke={iconStroke} />} title={t('ended.title')} text={`${t(known ? `ended.${endReason}` : 'ended.unknown')} ${t('ended.comeBack')}`}>
      <Button size="md" autoFocus onClick={() => session.signOut()}>
        {t('common:signInAgain')}
      </Button>
    </StatePage>
  );
}
