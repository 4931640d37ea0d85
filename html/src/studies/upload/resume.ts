/**
 * Which upload of the server belongs to which file, so that it goes on after the page was loaded again and the same
 * file is chosen once more. Files are known by a number made from name, size and date: no names are kept.
 */

const key = 'webviewer.uploads';
const kept = 20;

/** FNV-1a over the file's facts, two rounds of 32 bits: enough to tell a user's own files apart. */
export function fingerprint(userId: number, file: Pick<File, 'name' | 'size' | 'lastModified'>): string {
  const text = `${userId}|${file.name}|${file.size}|${file.lastModified}`;
  const round = (seed: number): string => {
    let hash = seed;
    for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    return (hash >>> 0).toString(16).padStart(8, '0');
  };
  return round(0x811c9dc5) + round(0x9e3779b9);
}

type Entries = [fingerprint: string, uploadId: string][];

function load(): Entries {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return Array.isArray(stored) ? (stored as Entries) : [];
  } catch {
    return [];
  }
}

function store(entries: Entries): void {
  try {
    localStorage.setItem(key, JSON.stringify(entries.slice(-kept)));
  } catch {
    // storage is blocked: uploads go on only while the page lives
  }
}

export function remembered(print: string): string | null {
  return load().find(([one]) => one === print)?.[1] ?? null;
}

export function remember(print: string, uploadId: string): void {
  store([...load().filter(([one]) => one !== print), [print, uploadId]]);
}

export function forget(print: string): void {
  store(load().filter(([one]) => one !== print));
}
