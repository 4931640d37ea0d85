import { Menu, rem, UnstyledButton } from '@mantine/core';
import { IconCheck, IconChevronUp, IconLanguage, IconMoon, IconSun } from '@tabler/icons-react';
import { iconStroke } from '../icons';
import { languageNames, languages, localeOf, useTranslation } from '../i18n';
import { usePreferences } from '../session/preferences';
import classes from './Controls.module.css';

/** The language button of the lower left corner. `compact` is its form in the rail: the short name, or a row of the drawer. */
export function LanguageMenu({ compact }: { compact?: 'narrow' | 'wide' }) {
  const { t } = useTranslation();
  const { language, setLanguage } = usePreferences();
  return (
    <Menu position="top-start" width={200}>
      <Menu.Target>
        <UnstyledButton className={compact === undefined ? classes.language : classes.compact} data-wide={compact === 'wide' || undefined} aria-label={`${t('language')}: ${compact === 'narrow' ? `${language.toUpperCase()}, ` : ''}${languageNames[language]}`}>
          <IconLanguage size={compact === undefined ? 16 : compact === 'wide' ? 20 : 18} stroke={iconStroke} aria-hidden />
          <span>{compact === 'narrow' ? language.toUpperCase() : languageNames[language]}</span>
          {compact === undefined && <IconChevronUp size={14} stroke={iconStroke} aria-hidden />}
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        {languages.map((one) => (
          <Menu.Item
            key={one}
            lang={localeOf[one]}
            aria-current={one === language ? 'true' : undefined}
            leftSection={one === language ? <IconCheck size={16} aria-hidden /> : <span style={{ width: rem(16) }} />}
            onClick={() => setLanguage(one)}
          >
            {languageNames[one]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** Light and dark beside each other. */
export function ThemeSwitch() {
  const { t } = useTranslation();
  const { theme, setTheme } = usePreferences();
  const one = (name: 'light' | 'dark', label: string, Icon: typeof IconSun) => (
    <UnstyledButton
      className={classes.theme}
      role="radio"
      aria-checked={theme === name}
      aria-label={label}
      tabIndex={theme === name ? 0 : -1}
      onClick={() => setTheme(name)}
      onKeyDown={(event) => {
        if (!event.key.startsWith('Arrow')) return;
        event.preventDefault();
        setTheme(name === 'light' ? 'dark' : 'light');
        const other = event.currentTarget.parentElement?.querySelector<HTMLElement>('[aria-checked="false"]');
        other?.focus();
      }}
    >
      <Icon size={16} stroke={iconStroke} aria-hidden />
    </UnstyledButton>
  );
  return (
    <div className={classes.themes} role="radiogroup" aria-label={t('theme')}>
      {one('light', t('themeLight'), IconSun)}
      {one('dark', t('themeDark'), IconMoon)}
    </div>
  );
}

/** One button that turns the theme over, for the rail. */
export function ThemeToggle({ wide = false }: { wide?: boolean }) {
  const { t } = useTranslation();
  const { theme, setTheme } = usePreferences();
  const Icon = theme === 'dark' ? IconMoon : IconSun;
  const label = t(theme === 'dark' ? 'switchToLight' : 'switchToDark');
  return (
    <UnstyledButton
      className={classes.compact}
      data-wide={wide || undefined}
      aria-label={label}
      onClick={() => setTheme(theme === 'dark' ? 'light' : 'dark')}
    >
      <Icon size={wide ? 20 : 18} stroke={iconStroke} aria-hidden />
      {wide && <span>{label}</span>}
    </UnstyledButton>
  );
}
