import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { didYouMean, fail, formatDiagnostic } from '../diagnostic.ts';
import { ProjectPaths } from '../paths.ts';
import { displayPath } from '../recipe/files.ts';
import { NAME } from '../recipe/schema.ts';
import { type Imported, importLinuxkit } from '../service/linuxkit.ts';
import type { Context } from './context.ts';
import { openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

interface Options {
  board?: string;
  registry?: string;
}

/** Brings a description of another tool into the project: as a new board, or printed for one that there is. */
export async function run(context: Context, call: Call<Options>): Promise<number> {
  const [format = '', file = ''] = call.arguments;
  if (format !== 'linuxkit') {
    const hint = didYouMean(format, ['linuxkit']);
    throw fail('import/unknown', `pibuild cannot import '${format}'`, hint);
  }
  const path = resolve(context.cwd, file);
  const { board: name, registry } = call.options;
  const imported = importLinuxkit(
    read(path),
    displayPath(path, context.cwd),
    registry === undefined ? {} : { registry },
  );
  const text = await yamlOf(imported, name);
  if (name === undefined) context.stdout.write(text);
  else writeBoard(context, name, text);
  for (const each of imported.left) tell(context, formatDiagnostic(each));
  if (name !== undefined) tell(context, `pibuild lock ${name}    # then: pibuild make ${name}`);
  return exitCodes.ok;
}

function read(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fail('import/unreadable', `cannot read '${path}': ${(error as Error).message}`);
  }
}

/** The keys in the order of boards; a board of its own says what it is made of. */
async function yamlOf({ board }: Imported, name: string | undefined): Promise<string> {
  const { stringify } = await import('yaml');
  const head = name === undefined ? {} : { board: name, extends: 'rpi3' };
  if (Object.keys(board).length === 0 && name === undefined) return '{}\n';
  return stringify({ ...head, ...board }, { lineWidth: 110 });
}

function writeBoard(context: Context, name: string, text: string): void {
  if (!NAME.test(name)) throw fail('import/name', `'${name}' is no name of a board`);
  const project = openProject(context);
  const folder = join(new ProjectPaths(project.root).boards, name);
  const path = join(folder, 'board.yaml');
  if (existsSync(path)) {
    const hint = 'without --board it is printed, for putting it there by hand';
    throw fail('import/exists', `there is a board '${name}' already`, hint);
  }
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    throw fail('import/not-written', `cannot write '${path}': ${(error as Error).message}`);
  }
  tell(context, `wrote ${displayPath(path, context.cwd)}`);
}

function tell({ stderr, options }: Context, line: string): void {
  if (!options.quiet) stderr.write(`${line}\n`);
}
