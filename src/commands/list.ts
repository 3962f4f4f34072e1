import { didYouMean, Failure, fail } from '../diagnostic.ts';
import type { Project } from '../recipe/model.ts';
import { table } from '../report/format.ts';
import type { Context } from './context.ts';
import { openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

const SORTS = ['boards', 'packages', 'overlays'] as const;
type Sort = (typeof SORTS)[number];

/** What is known of a recipe by its name; `problem` is why it cannot be used. */
interface Row {
  readonly name: string;
  readonly kind?: string;
  readonly version?: string;
  readonly summary?: string;
  /** A board that others extend, and that is none by itself. */
  readonly abstract?: boolean;
  readonly folder?: string;
  readonly problem?: string;
}

/** Lists the boards, packages and overlays there are. A broken recipe is listed with what is wrong with it. */
export async function run(context: Context, call: Call): Promise<number> {
  const [asked] = call.arguments;
  const project = openProject(context);
  const sorts = asked === undefined ? SORTS : [sortOf(asked)];
  for (const sort of sorts) {
    const rows = project.names(sort).map((name) => describe(project, sort, name));
    const lines = context.options.json
      ? rows.map((row) => JSON.stringify({ type: sort.slice(0, -1), ...row }))
      : section(sort, rows, sorts.length > 1);
    for (const line of lines) context.stdout.write(`${line}\n`);
  }
  return exitCodes.ok;
}

function sortOf(word: string): Sort {
  const sort = SORTS.find((each) => each === word || each === `${word}s`);
  if (sort !== undefined) return sort;
  throw fail('cli/usage', `'${word}' cannot be listed`, didYouMean(word, SORTS));
}

function describe(project: Project, sort: Sort, name: string): Row {
  try {
    if (sort === 'overlays') return { name };
    if (sort === 'boards') {
      const { abstract, version, summary, folders } = project.board(name);
      return {
        name,
        version,
        summary,
        ...(abstract && { abstract }),
        ...(folders[0] !== undefined && { folder: folders[0] }),
      };
    }
    const { kind, version, summary, folder } = project.package(name);
    return { name, kind, version, summary, folder };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { at, message } = error.diagnostics[0] ?? { message: error.message };
    return { name, problem: at === undefined ? message : `${at.file}:${at.line}: ${message}` };
  }
}

function section(sort: Sort, rows: readonly Row[], headed: boolean): string[] {
  const lines = table(rows.map((row) => columns(sort, row)));
  const content = lines.length > 0 ? lines : [`no ${sort}`];
  return headed ? [sort, ...content.map((line) => `  ${line}`)] : content;
}

function columns(sort: Sort, row: Row): string[] {
  const { name, kind = '', version = '', summary = '', problem } = row;
  const last =
    problem === undefined ? `${summary}${row.abstract ? ' (for others to extend)' : ''}` : `broken: ${problem}`;
  if (sort === 'packages') return [name, kind, version, last];
  return sort === 'boards' ? [name, version, last] : [name];
}
