/** From a drop or a file dialog to a flat list of files, folders walked to the bottom. */

export interface PickedFile {
  file: File;
  /** Name with the folders above it, as the summary shows it. */
  path: string;
}

/** What systems put into folders by themselves; nobody wants to read about them. */
const litter = new Set(['.ds_store', 'desktop.ini']);

export function isLitter(path: string): boolean {
  const name = path.split('/').at(-1) ?? '';
  return litter.has(name.toLowerCase()) || path.startsWith('__MACOSX/');
}

export function fromFileList(files: Iterable<File>): PickedFile[] {
  return [...files]
    .map((file) => ({ file, path: file.webkitRelativePath || file.name }))
    .filter(({ path }) => !isLitter(path));
}

/** A directory gives its entries in portions (100 in Chromium), until an empty one. */
function readPortion(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

async function walk(entry: FileSystemEntry, path: string, out: PickedFile[]): Promise<void> {
  const here = path === '' ? entry.name : `${path}/${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    if (!isLitter(here)) out.push({ file, path: here });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const portion = await readPortion(reader);
    if (portion.length === 0) return;
    for (const child of portion) await walk(child, here, out);
  }
}

/** Files and folders dropped on the page. The list of a drop dies with its event, so the entries are taken before the first wait. */
export async function fromDrop(transfer: DataTransfer): Promise<PickedFile[]> {
  const entries = [...transfer.items].filter((item) => item.kind === 'file').map((item) => item.webkitGetAsEntry());
  const plain = fromFileList(transfer.files);
  if (entries.some((entry) => entry === null)) return plain;
  const out: PickedFile[] = [];
  for (const entry of entries) await walk(entry as FileSystemEntry, '', out);
  return out;
}
