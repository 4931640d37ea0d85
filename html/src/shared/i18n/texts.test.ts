import { describe, expect, it } from 'vitest';

type Texts = { [key: string]: string | Texts };

const files = import.meta.glob<Texts>(['../../*/i18n/*.json', './*.json'], { eager: true, import: 'default' });

function flat(texts: Texts, prefix = ''): Map<string, string> {
  const out = new Map<string, string>();
  for (const [key, value] of Object.entries(texts)) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (typeof value === 'string') out.set(path, value);
    else for (const [inner, text] of flat(value, path)) out.set(inner, text);
  }
  return out;
}

const placeholders = (text: string): string[] => [...text.matchAll(/\{\{\s*(\w+)[^}]*\}\}/g)].map((found) => found[1] ?? '').sort();

const folders = [...new Set(Object.keys(files).map((path) => path.replace(/[^/]+\.json$/, '')))];

describe('texts', () => {
  it('are found for the shell, the sign-in, the studies, the settings and the console', () => {
    const names = folders.join(' ');
    for (const feature of ['app', 'signin', 'studies', 'settings', 'admin']) expect(names).toContain(`/${feature}/i18n/`);
  });

  it.each(folders)('in %s have the same keys and placeholders in English and Portuguese', (folder) => {
    const en = flat(files[`${folder}en.json`] ?? {});
    const pt = flat(files[`${folder}pt.json`] ?? {});
    expect(en.size).toBeGreaterThan(0);
    expect([...pt.keys()].sort()).toEqual([...en.keys()].sort());
    for (const [key, text] of en) expect({ key, names: placeholders(pt.get(key) ?? '') }).toEqual({ key, names: placeholders(text) });
  });

  it.each(folders)('in %s are never empty', (folder) => {
    for (const language of ['en', 'pt']) {
      for (const [key, text] of flat(files[`${folder}${language}.json`] ?? {})) expect(`${key}=${text.trim()}`).not.toBe(`${key}=`);
    }
  });
});
