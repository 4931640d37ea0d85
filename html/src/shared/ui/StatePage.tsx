import type { ReactNode } from 'react';
import { Logo } from '../icons';
import { useTranslation } from '../i18n';
import { LanguageMenu, ThemeSwitch } from './Controls';
import classes from './StatePage.module.css';

interface StatePageProps {
  icon: ReactNode;
  title: string;
  text: string;
  children?: ReactNode;
}

/** A full page that says one thing and what to do next: session ended, server away. */
export function StatePage({ icon, title, text, children }: StatePageProps) {
  const { t } = useTranslation();
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <Logo size={23} />
        <span>{t('product')}</span>
      </header>
      <main className={classes.main}>
        <div className={classes.icon} aria-hidden>
          {icon}
        </div>
        <h1 className={classes.title}>{title}</h1>
        <p className={classes.text} role="status">
          {text}
        </p>
        <div className={classes.actions}>{children}</div>
      </main>
      <footer className={classes.foot}>
        <LanguageMenu />
        <ThemeSwitch />
      </footer>
    </div>
  );
}
