import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type Diagnostic, Failure } from '../diagnostic.ts';
import { fatNeed, fatOf } from '../image/fat.ts';
import { formatBytes, formatSizes, largest } from '../image/largest.ts';
import type { TaskKind, Workspace } from './kind.ts';

export interface BootFilesParams {
  /** Trees and texts in order: who brings it, the input that has it, and of a text its name on the partition. */
  readonly parts: readonly { readonly name: string; readonly input: string; readonly file?: string }[];
  /** Bytes of the partition. */
  readonly size: number;
}

/**
 * Puts together what lies on the boot partition: the artifact `files`, a tree. Two packages may not bring one name
 * (FAT knows no upper and lower case) with different bytes, and all must fit. Done by Node.
 */
export const bootFilesKind: TaskKind<BootFilesParams> = {
  kind: 'boot-files',
  revision: 1,
  run: gather,
};

interface BootFile {
  readonly path: string;
  readonly source: string;
  readonly name: string;
  readonly bytes: number;
}

async function gather(workspace: Workspace, { parts, size }: BootFilesParams): Promise<void> {
  const faults: Diagnostic[] = [];
  const files = new Map<string, BootFile>();
  for (const part of parts) {
    for (const file of filesOf(workspace, part, faults)) {
      const present = files.get(file.path.toLowerCase());
      if (present === undefined) files.set(file.path.toLowerCase(), file);
      else if (!same(present, file)) faults.push(conflict(present, file));
    }
  }
  if (faults.length > 0) throw new Failure(...faults);
  const sorted = [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  checkFit(sorted, size);
  const target = workspace.output('files');
  for (const { path, source } of sorted) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    copyFileSync(source, join(target, path));
  }
  workspace.log(`${sorted.length} files, ${formatBytes(sorted.reduce((sum, { bytes }) => sum + bytes, 0))} bytes`);
}

function filesOf(workspace: Workspace, part: BootFilesParams['parts'][number], faults: Diagnostic[]): BootFile[] {
  const { name, input, file } = part;
  const source = workspace.input(input);
  if (file !== undefined) return [{ path: file, source, name, bytes: statSync(source).size }];
  return readdirSync(source, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const place = join(entry.parentPath, entry.name);
    const path = relative(source, place);
    const fault = unfit(entry.name) ?? (entry.isFile() || entry.isDirectory() ? undefined : 'is no plain file');
    if (fault !== undefined) faults.push(badFile(name, path, fault));
    return fault === undefined && entry.isFile() ? [{ path, source: place, name, bytes: statSync(place).size }] : [];
  });
}

/** Why FAT cannot hold a name. */
function unfit(name: string): string | undefined {
  if (/["*/:<>?\\|\u0000-\u001f]/.test(name)) return 'has a character that FAT does not allow';
  return /[. ]$/.test(name) ? 'ends in a dot or space, which FAT drops' : undefined;
}

function same(a: BootFile, b: BootFile): boolean {
  return a.bytes === b.bytes && readFileSync(a.source).equals(readFileSync(b.source));
}

function conflict(a: BootFile, b: BootFile): Diagnostic {
  const names = a.path === b.path ? `'${a.path}'` : `'${a.path}' ('${b.path}')`;
  return {
    severity: 'error',
    code: 'image/boot-conflict',
    message: `'${a.name}' and '${b.name}' both bring ${names} to the boot partition with different content`,
    hint: 'take it out of one of them',
    notes: [a, b].map(({ name, bytes }) => ({ message: `'${name}': ${formatBytes(bytes)} bytes` })),
  };
}

function badFile(name: string, path: string, fault: string): Diagnostic {
  const message = `'${path}' of the boot files of '${name}' ${fault}`;
  return { severity: 'error', code: 'image/boot-file', message };
}

function checkFit(files: readonly BootFile[], size: number): void {
  const fat = fatOf(size);
  const need = fatNeed(fat, files);
  if (need <= fat.room) return;
  const lines = formatSizes(largest(files, 10));
  throw new Failure({
    severity: 'error',
    code: 'image/too-large',
    message: `the boot files do not fit their partition of ${formatBytes(size)} bytes: ${formatBytes(need - fat.room)} bytes too many`,
    hint: "give the board's image.partitions.boot a larger size, or leave something out",
    notes: [{ message: 'the largest:' }, ...lines.map((message) => ({ message }))],
  });
}
