import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Diagnostic, Failure, fail, type SourceLocation, textPlaces } from '../diagnostic.ts';
import { decode } from './document.ts';
import type { Overlay, OverlayEntry, Variables } from './model.ts';
import { recipeProblem } from './problem.ts';
import type { Reading } from './read.ts';
import { renderTemplate } from './template.ts';

/** What reading an overlay needs besides its folder. */
export interface OverlayContext {
  /** The line of the board that names it. */
  readonly at: SourceLocation;
  readonly variables: Variables;
  readonly reading: Reading;
}

const TEMPLATE = '.hbs';
/** Stands in an empty folder so that git keeps it; is not copied. */
const KEEP = '.gitkeep';

/** Reads the tree of an overlay, with its templates rendered. Throws a `Failure` with all that is wrong in it. */
export function readOverlay(name: string, folder: string, context: OverlayContext): Overlay {
  const problems: Diagnostic[] = [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name !== KEEP)
    .flatMap((entry): OverlayEntry[] => {
      const file = join(entry.parentPath, entry.name);
      const path = relative(folder, file);
      if (entry.isDirectory()) return [{ path, type: 'folder' }];
      if (entry.isSymbolicLink()) return [{ path, type: 'link', target: readlinkSync(file) }];
      if (entry.isFile()) return [fileEntry(file, path, context, problems)];
      problems.push({
        severity: 'error',
        code: 'recipe/overlay',
        message: `'${context.reading.display(file)}' is no file, folder or link`,
      });
      return [];
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  problems.push(...twice(entries, name, context.at));
  if (problems.length > 0) throw new Failure(...problems);
  return { name, folder, at: context.at, entries };
}

function fileEntry(file: string, path: string, context: OverlayContext, problems: Diagnostic[]): OverlayEntry {
  const executable = (statSync(file).mode & 0o100) !== 0;
  if (!path.endsWith(TEMPLATE)) return { path, type: 'file', executable };
  const target = path.slice(0, -TEMPLATE.length);
  try {
    return { path: target, type: 'template', executable, text: renderFile(file, context), file };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    problems.push(...error.diagnostics);
    return { path: target, type: 'file', executable };
  }
}

function renderFile(file: string, { variables, reading }: OverlayContext): string {
  const name = reading.display(file);
  const text = decode(readFileSync(file));
  if (text === undefined) throw fail('recipe/encoding', `'${name}' is not UTF-8 text`);
  return renderTemplate(text, variables, textPlaces(name, text), reading.memo);
}

/** A file and a template that end up as one path. */
function twice(entries: readonly OverlayEntry[], name: string, at: SourceLocation): Diagnostic[] {
  return entries
    .filter((entry, index) => entry.path === entries[index + 1]?.path)
    .map(({ path }) => recipeProblem('overlay', `overlay '${name}' has both '${path}' and '${path}${TEMPLATE}'`, at));
}
