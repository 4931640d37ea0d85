import { notifications } from '@mantine/notifications';
import { i18n } from '../../shared/i18n';

/** Copies a text. On plain http the browser has no clipboard; the old way through a hidden field still works there. */
export async function copyText(text: string): Promise<void> {
  let done: boolean;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    field.setAttribute('readonly', '');
    field.style.position = 'fixed';
    field.style.opacity = '0';
    document.body.append(field);
    field.select();
    done = document.execCommand('copy');
    field.remove();
  }
  notifications.show(
    done ? { message: i18n.t('copied'), autoClose: 2000 } : { message: i18n.t('studies:copyFailed'), color: 'red', autoClose: false },
  );
}
