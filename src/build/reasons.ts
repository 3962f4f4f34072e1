import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SourceLocation } from '../diagnostic.ts';
import type { Input, Task } from '../graph/task.ts';
import { describeLine, lineChanges } from '../inside/line-changes.ts';
import { displayPath } from '../recipe/files.ts';
import { describeChange, type RecipeChange, recipeChanges } from '../recipe/values.ts';
import { firstDifference } from './compare.ts';
import type { Note, Reason } from './event.ts';
import { type Change, changesBetween, phrase, type TaskRecord } from './history.ts';
import type { BuildOptions } from './options.ts';
import { storeFailure } from './store.ts';
import { projectDirectories } from './tree.ts';
import { type PathChange, type ReadDirectory, treeChanges } from './tree-changes.ts';

/** Why a task runs, down to the file and the line, as far as what it was made of the last time is still in the store. */

/** What explanations are drawn from. */
export interface Evidence {
  readonly options: Pick<BuildOptions, 'store' | 'kinds' | 'recipes' | 'folder'>;
  /** The tasks of the graph by id, to look into what downloads will give. */
  readonly taskOf: (id: string) => Task | undefined;
}

/** Why a task runs that was made of `before` (undefined: of nothing yet) and is made of `now`. */
export async function reasonsOf(
  task: Task,
  before: TaskRecord | undefined,
  now: TaskRecord,
  evidence: Evidence,
): Promise<Reason[]> {
  if (!before) return [{ message: 'never built here', notes: [] }];
  const changes = changesBetween(before, now);
  if (changes.length === 0) return [{ message: 'its result is not in the store', notes: [] }];
  const said = recipesThen(before, task, evidence);
  return Promise.all(changes.map((change) => reasonOf(task, change, said, evidence)));
}

/** Notes what a task is made of, with what the recipes say, for the next time. Without room for it, less is known then. */
export function remember({ history, store, recipes }: BuildOptions, task: Task, record: TaskRecord): void {
  history.set(task, record, () => {
    try {
      return recipes?.(task.id).map(({ values }) => store.putBytes(Buffer.from(JSON.stringify(values))).hash);
    } catch (error) {
      if (storeFailure(error)) return undefined;
      throw error;
    }
  });
}

/** What a change is made of: notes for people, and the texts by which the recipe's part in it is recognised. */
interface Detail {
  readonly notes: readonly Note[];
  readonly gone: readonly string[];
  readonly come: readonly string[];
}

const nothing: Detail = { notes: [], gone: [], come: [] };

/** So many notes are given of one change. */
const MOST_NOTES = 5;
/** Texts up to so many bytes are compared line by line. */
const MOST_BYTES = 1 << 20;

async function reasonOf(
  task: Task,
  change: Change,
  said: readonly RecipeChange[],
  evidence: Evidence,
): Promise<Reason> {
  const detail = await detailOf(task, change, evidence);
  const causes = causesIn(detail, said).map((cause) => ({ message: describeChange(cause), at: placeOf(cause.at) }));
  const notes = [...causes, ...detail.notes];
  const more = notes.length - MOST_NOTES;
  return {
    message: `${phrase(change)}${whose(task, change, evidence)}`,
    notes: more > 1 ? [...notes.slice(0, MOST_NOTES), { message: `and ${more} more` }] : notes,
  };
}

/** The file that an input is, or the task that makes it. */
function whose(task: Task, { what, name }: Change, { options }: Evidence): string {
  if (what === 'tools' && task.tools) return ` (made by ${task.tools.task})`;
  const input = name === undefined ? undefined : task.inputs[name];
  if (input?.from === 'task') return ` (made by ${input.task})`;
  if (input?.from === 'text')
    return input.origin === undefined ? '' : ` (${displayPath(input.origin, folderOf(options))})`;
  if (input?.from !== 'project') return '';
  const asked = input.origin === undefined ? '' : `, asked for at ${input.origin}`;
  return ` (${displayPath(input.path, folderOf(options))}${asked})`;
}

async function detailOf(task: Task, change: Change, evidence: Evidence): Promise<Detail> {
  const { what, name, before, now } = change;
  if (what === 'kind' || what === 'epoch') return { ...nothing, notes: [{ message: `${before} -> ${now}` }] };
  if (before === undefined || now === undefined) return nothing;
  if (what === 'tools') return task.tools ? madeDetail(task.tools, before, now, evidence) : nothing;
  if (what !== 'input') return textDetail(before, now, (line) => ({ message: `line ${line}` }));
  const input = name === undefined ? undefined : task.inputs[name];
  if (input?.from === 'task') return madeDetail(input, before, now, evidence);
  if (input?.from === 'text') return blobDetail(before, Buffer.from(input.text), undefined, evidence);
  return input ? projectDetail(input.path, before, now, evidence) : nothing;
}

/** Of an artifact that another task made, or will: which files of the tree, which member of the archive. */
async function madeDetail(
  input: Extract<Input, { from: 'task' }>,
  before: string,
  now: string,
  evidence: Evidence,
): Promise<Detail> {
  const { options, taskOf } = evidence;
  const { store, kinds } = options;
  const maker = taskOf(input.task);
  const known = maker && kinds.get(maker.kind)?.known?.(maker.params as never);
  const hashes = { gone: [before], come: [now] };
  if (maker?.outputs[input.artifact] === 'tree') {
    const stored: ReadDirectory = (hash) => store.bytes({ hash, size: 0 });
    const changes = treeChanges(before, now, stored, (hash) => stored(hash) ?? known?.directories.get(hash));
    const files = changes?.flatMap((each) => (each.before && each.now ? [each] : [])) ?? [];
    return {
      notes: (changes ?? []).map(({ path, what }) => ({ message: `${path} ${what}` })),
      gone: [before, ...files.map((each) => each.before ?? '')],
      come: [now, ...files.map((each) => each.now ?? '')],
    };
  }
  const [one, two] = [store.peek(before), store.peek(now)];
  if (one === undefined || two === undefined) return { notes: [], ...hashes };
  const lines = lstatSync(two).size > MOST_BYTES ? nothing : blobDetail(before, readFileSync(two), undefined, evidence);
  if (lines.notes.length > 0) return { notes: lines.notes, ...hashes };
  return { notes: [{ message: await firstDifference(one, two, { gone: 'is gone', come: 'is new' }) }], ...hashes };
}

async function projectDetail(path: string, before: string, now: string, evidence: Evidence): Promise<Detail> {
  const { options } = evidence;
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return blobDetail(before, readFileSync(path), path, evidence);
  }
  const current = await projectDirectories(path);
  const changes = treeChanges(
    before,
    now,
    (hash) => options.store.bytes({ hash, size: 0 }),
    (hash) => current.get(hash),
  );
  const details = (changes ?? []).slice(0, MOST_NOTES).map((change) => pathDetail(path, change, evidence));
  const rest = (changes ?? []).slice(MOST_NOTES).map(({ path: inner, what }) => ({ message: `${inner} ${what}` }));
  return {
    notes: [...details.flatMap(({ notes }) => notes), ...rest],
    gone: details.flatMap(({ gone }) => gone),
    come: details.flatMap(({ come }) => come),
  };
}

/** Of a file in a folder of the project. */
function pathDetail(folder: string, { path, what, before }: PathChange, evidence: Evidence): Detail {
  const file = join(folder, path);
  const shown = displayPath(file, folderOf(evidence.options));
  const detail = before === undefined ? nothing : blobDetail(before, readFileSync(file), file, evidence);
  return detail.notes.length > 0 ? detail : { ...detail, notes: [{ message: `${shown} ${what}` }] };
}

/** Of a file whose old bytes may be in the store. `path` is where it is in the project. */
function blobDetail(before: string, now: Buffer, path: string | undefined, { options }: Evidence): Detail {
  const old = options.store.peek(before);
  if (old === undefined || now.length > MOST_BYTES || lstatSync(old).size > MOST_BYTES) return nothing;
  const bytes = readFileSync(old);
  if (bytes.includes(0) || now.includes(0)) return nothing;
  const file = path === undefined ? undefined : displayPath(path, folderOf(options));
  return textDetail(bytes.toString(), now.toString(), (line) =>
    file === undefined ? { message: `line ${line}` } : { message: '', at: { file, line } },
  );
}

/** Of a text. `place` says where a line of it is: at a place of a file, or in words that stand before the change. */
function textDetail(before: string, now: string, place: (line: number) => Note): Detail {
  const changes = lineChanges(before, now);
  const notes = changes.map((change) => {
    const { message, at } = place(change.line);
    return {
      message: message === '' ? describeLine(change) : `${message}: ${describeLine(change)}`,
      ...(at && { at }),
    };
  });
  return {
    notes,
    gone: changes.flatMap((change) => change.before ?? []),
    come: changes.flatMap((change) => change.now ?? []),
  };
}

/** What the recipes said when the task was last made, held against what they say now. */
function recipesThen(before: TaskRecord, task: Task, { options }: Evidence): RecipeChange[] {
  const recipes = options.recipes?.(task.id) ?? [];
  return recipes.flatMap((recipe, index) => {
    const hash = before.recipes?.[index];
    const bytes = hash === undefined ? undefined : options.store.bytes({ hash, size: 0 });
    return bytes ? recipeChanges(JSON.parse(Buffer.from(bytes).toString()), recipe) : [];
  });
}

/** The changes of recipes whose old value stood in what is gone, or whose new one stands in what came. */
function causesIn({ gone, come }: Detail, said: readonly RecipeChange[]): RecipeChange[] {
  return said.filter(({ before, now }) => holds(gone, before) || holds(come, now));
}

/** Whether a value stands in one of the texts, as a word of its own. */
function holds(texts: readonly string[], value: RecipeChange['now']): boolean {
  if (value === undefined || value === null || value === '') return false;
  const word = String(value).split('\n')[0]?.trim() ?? '';
  const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const alone = new RegExp(`(^|[^A-Za-z0-9])${escaped}($|[^A-Za-z0-9])`);
  return word !== '' && texts.some((text) => alone.test(text));
}

function placeOf({ file, line }: SourceLocation): { file: string; line: number } {
  return { file, line };
}

function folderOf({ folder }: Pick<BuildOptions, 'folder'>): string {
  return folder ?? process.cwd();
}
