// Files as a visitor picks or drops them, with their paths in what was picked or dropped. Nothing of them is read here.
import { PlaygroundError } from '../../base/errors.ts';
import type { PickedFile } from '../../worker/protocol.ts';

/** A folder with more is hardly a model's. */
const MOST_FILES = 1000;

/** Of a file input: of a folder the paths begin with its name. Throws bad-checkpoint for too many files. */
export function pickedFiles(list: FileList): PickedFile[] {
  const files = Array.from(list, (file) => ({ path: file.webkitRelativePath || file.name, file }));
  requireFew(files);
  return files;
}

/** Of a drop: zips, files and whole folders. Rejects with bad-checkpoint for too many files, or for one that cannot be read. */
export async function droppedFiles({ items, files }: DataTransfer): Promise<PickedFile[]> {
  // The entries are there only while the event is being told.
  const entries = Array.from(items, (item) => (item.kind === 'file' ? item.webkitGetAsEntry() : null));
  if (!entries.some((entry) => entry)) return pickedFiles(files);
  const found: PickedFile[] = [];
  try {
    for (const entry of entries) if (entry) await gather(entry, found);
  } catch (cause) {
    if (cause instanceof PlaygroundError) throw cause;
    throw new PlaygroundError('bad-checkpoint', 'what was dropped must be files that can be read, but one cannot', { cause }); // prettier-ignore
  }
  return found;
}

async function gather(entry: FileSystemEntry, found: PickedFile[]): Promise<void> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    found.push({ path: entry.fullPath.replace(/^\//, ''), file });
    requireFew(found);
  } else if (isFolder(entry)) {
    const reader = entry.createReader();
    for (;;) {
      // A hundred at a time, in Chrome.
      const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (batch.length === 0) break;
      for (const inner of batch) await gather(inner, found);
    }
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

function requireFew({ length }: readonly PickedFile[]): void {
  if (length > MOST_FILES) {
    const message = `a model's folder must hold at most ${MOST_FILES} files, but this one holds more: choose the folder with config.json`;
    throw new PlaygroundError('bad-checkpoint', message);
  }
}
