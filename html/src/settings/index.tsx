import { NativeSelect } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { useAbout } from '../shared/api/about';
import { Logo, iconStroke } from '../shared/icons';
import { languageNames, languages, registerNamespace, toLanguage, useTranslation } from '../shared/i18n';
import { usePreferences } from '../shared/session/preferences';
import { toScheme } from '../shared/theme/preference';
import { interfaceSizes, toInterfaceSize } from '../shared/theme/scale';
import en from './i18n/en.json';
import pt from './i18n/pt.json';
import classes from './settings.module.css';

registerNamespace('settings', { en, pt });

/** What a user can set for himself. */
export function SettingsPage() {
  const { t } = useTranslation('settings');
  const { language, setLanguage, theme, setTheme, interfaceSize, setInterfaceSize } = usePreferences();
  return (
    <main className={classes.page}>
      <h1>{t('title')}</h1>
      <section className={classes.card}>
        <h2>{t('appearance')}</h2>
        <NativeSelect
          label={t('common:language')}
          description={t('languageHint')}
          value={language}
          data={languages.map((value) => ({ value, label: languageNames[value] }))}
          onChange={(event) => setLanguage(toLanguage(event.currentTarget.value) ?? 'en')}
        />
        <NativeSelect
          label={t('common:theme')}
          description={t('themeHint')}
          value={theme}
          data={[
            { value: 'light', label: t('common:themeLight') },
            { value: 'dark', label: t('common:themeDark') },
          ]}
          onChange={(event) => setTheme(toScheme(event.currentTarget.value) ?? 'dark')}
        />
        <NativeSelect
          className={classes.wideOnly ?? ''}
          label={t('interfaceSize')}
          description={t('interfaceSizeHint')}
          value={interfaceSize}
          data={interfaceSizes.map((value) => ({ value, label: value === 'automatic' ? t('interfaceSizeAutomatic') : t('interfaceSizePercent', { percent: value }) }))}
          onChange={(event) => setInterfaceSize(toInterfaceSize(event.currentTarget.value) ?? 'automatic')}
        />
        <p className={classes.dim}>{t('kept')}</p>
        <p className={`${classes.dim} ${classes.wideOnly}`}>{t('tableHint')}</p>
      </section>
    </main>
  );
}

/** Version, licence, and for whom this is. */
export function AboutPage() {
  const { t } = useTranslation('settings');
  const about = useAbout();
  return (
    <main className={classes.page}>
      <h1>{t('about.title')}</h1>
      <section className={classes.card}>
        <div className={classes.product}>
          <Logo size={48} />
          <div>
            <h2>{t('common:product')}</h2>
            <p className={classes.dim}>{about === null ? '' : t('common:version', { version: about.version })}</p>
          </div>
        </div>
        <p>{t('about.text')}</p>
        <div className={classes.note}>
          <IconInfoCircle size={18} stroke={iconStroke} aria-hidden />
          <div>
            <strong>{t('about.specialistsTitle')}</strong>
            <p>{t('common:specialists')}</p>
          </div>
        </div>
        <h2>{t('about.contactTitle')}</h2>
        <p className={classes.dim}>{t('about.contact')}</p>
        <h2>{t('about.licenceTitle')}</h2>
        <p className={classes.dim}>{t('about.licence')}</p>
      </section>
    </main>
  );
}
