import { Button, PasswordInput, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconEye, IconEyeOff, IconInfoCircle } from '@tabler/icons-react';
import { type FormEvent, type KeyboardEvent, useRef, useState } from 'react';
import { useAbout } from '../shared/api/about';
import { wordsFor } from '../shared/api/words';
import { registerNamespace, useTranslation } from '../shared/i18n';
import { iconStroke, Logo } from '../shared/icons';
import { LanguageMenu, ThemeSwitch } from '../shared/ui/Controls';
import en from './i18n/en.json';
import pt from './i18n/pt.json';
import classes from './SignInPage.module.css';
import { useSignIn } from './useSignIn';

registerNamespace('signin', { en, pt });

// The picture is drawn by our own renderer; the page stands without it too.
const pictures = import.meta.glob<string>('../assets/signin-ribcage.jpg', { eager: true, query: '?url', import: 'default' });
const picture = Object.values(pictures)[0];

/** One sign-in page for everybody: doctors at the root, the administrator at /admin. */
export function SignInPage() {
  const { t } = useTranslation('signin');
  const about = useAbout();
  return (
    <div className={classes.page}>
      <aside className={classes.picture}>
        {picture !== undefined && <img src={picture} alt="" className={classes.image} />}
        <div className={classes.brand}>
          <Logo size={28} />
          <span>{t('common:product')}</span>
        </div>
        <p className={classes.intro}>{t('intro')}</p>
      </aside>
      <div className={classes.side}>
        <header className={classes.phoneBrand}>
          <Logo size={28} />
          <span>{t('common:product')}</span>
        </header>
        <main className={classes.main}>
          <Form />
        </main>
        <footer className={classes.foot}>
          <LanguageMenu />
          <ThemeSwitch />
          <span className={classes.version}>{about === null ? '' : t('common:version', { version: about.version })}</span>
        </footer>
      </div>
    </div>
  );
}

function Form() {
  const { t } = useTranslation('signin');
  const { busy, refusal, waitS, signIn } = useSignIn();
  const [userName, setUserName] = useState('');
  const [password, setPassword] = useState('');
  const [capsLock, setCapsLock] = useState(false);
  const passwordField = useRef<HTMLInputElement>(null);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (busy || waitS > 0) return;
    if (!(await signIn(userName.trim(), password))) {
      passwordField.current?.focus();
      passwordField.current?.select();
    }
  }

  const watchCapsLock = (event: KeyboardEvent): void => setCapsLock(event.getModifierState?.('CapsLock') ?? false);
  let problem: string | null = null;
  if (refusal?.kind === 'wait') problem = t('refused.wait', { count: waitS });
  else if (refusal?.kind === 'failure') problem = wordsFor(refusal.error);
  else if (refusal?.kind === 'missing') problem = t('missing');
  else if (refusal !== null) problem = t(`refused.${refusal.kind}`);
  const marked = refusal !== null && refusal.kind !== 'failure';

  return (
    <form className={classes.form} onSubmit={(event) => void submit(event)} noValidate>
      <h1 className={classes.title}>{t('title')}</h1>
      <p className={classes.hint}>{t('hint')}</p>
      <TextInput
        classNames={{ label: classes.label, input: classes.input }}
        label={t('userName')}
        name="username"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={64}
        data-autofocus
        autoFocus
        value={userName}
        onChange={(event) => setUserName(event.currentTarget.value)}
      />
      <PasswordInput
        ref={passwordField}
        mt={22}
        classNames={{ label: classes.label, input: classes.input, innerInput: classes.innerInput }}
        label={t('password')}
        name="password"
        autoComplete="current-password"
        value={password}
        error={marked}
        aria-describedby="signin-problem"
        visibilityToggleIcon={({ reveal }) =>
          reveal ? <IconEye size={18} stroke={iconStroke} aria-hidden /> : <IconEyeOff size={18} stroke={iconStroke} aria-hidden />
        }
        visibilityToggleButtonProps={{ 'aria-label': t('reveal'), tabIndex: 0 }}
        onChange={(event) => setPassword(event.currentTarget.value)}
        onKeyUp={watchCapsLock}
        onKeyDown={watchCapsLock}
        onBlur={() => setCapsLock(false)}
      />
      {/* The room is always there, so the button does not move when there is something to say. */}
      <div id="signin-problem" className={classes.problem} role="alert" data-kind={problem === null ? 'hint' : 'problem'}>
        {(problem !== null || capsLock) && <IconAlertTriangle size={16} stroke={iconStroke} aria-hidden />}
        <span>{problem ?? (capsLock ? t('capsLock') : '')}</span>
      </div>
      <Button type="submit" fullWidth className={classes.submit} loading={busy} disabled={waitS > 0}>
        {waitS > 0 ? t('waitButton', { seconds: waitS }) : t('common:signIn')}
      </Button>
      <div className={classes.note}>
        <IconInfoCircle size={18} stroke={iconStroke} aria-hidden />
        <span>{t('common:specialists')}</span>
      </div>
    </form>
  );
}
