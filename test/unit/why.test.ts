import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { Builder, type BuildOptions } from '../../src/build/builder.ts';
import { explain } from '../../src/build/explain.ts';
import { unwrap } from '../../src/diagnostic.ts';
import { createGraph, inOrder } from '../../src/graph/graph.ts';
import { digestOf } from '../../src/graph/reapi.ts';
import type { Task, TaskId } from '../../src/graph/task.ts';
import { recipeValues } from '../../src/recipe/values.ts';
import { reasonLines } from '../../src/report/lines.ts';
import { createBench, task } from '../helpers/builder.ts';

/** A bench whose tasks copy their inputs, and what `why` says of a graph as things are now. */
function createWhyBench() {
  const bench = createBench();
  bench.define('join', async (workspace) => {
    const texts = Object.keys(workspace.task.inputs).map((name) => readFileSync(workspace.input(name), 'utf8'));
    writeFileSync(workspace.output('out'), texts.join(''));
  });
  bench.define('text', async (workspace, params: never) => {
    writeFileSync(workspace.output('out'), JSON.stringify(params));
  });
  bench.define('tree', async (workspace, params: never) => {
    for (const [path, text] of Object.entries(params)) {
      mkdirSync(dirname(join(workspace.output('out'), path)), { recursive: true });
      writeFileSync(join(workspace.output('out'), path), text as string);
    }
  });
  const write = (path: string, text: string): string => {
    mkdirSync(dirname(join(bench.folder, path)), { recursive: true });
    writeFileSync(join(bench.folder, path), text);
    return join(bench.folder, path);
  };
  const why = async (tasks: readonly Task[], target: string, more: Partial<BuildOptions> = {}): Promise<string[]> => {
    const graph = unwrap(createGraph(tasks, [target as TaskId]));
    const options = { ...bench.options(), folder: bench.folder, dry: true, ...more };
    const builder = new Builder(graph, options);
    const said = await explain(inOrder(graph, graph.targets), builder, options);
    return said.flatMap(({ task: id, state, reasons, after }) => [
      `${id} ${state} ${after.join(' ')}`.trimEnd(),
      ...reasonLines(reasons).map((line) => `  ${line}`),
    ]);
  };
  return { ...bench, write, why };
}

/** The recipe of the package `a` as in a file where each key is on a line of its own. */
function recipe(values: Readonly<Record<string, unknown>>): Pick<BuildOptions, 'recipes'> {
  const keys = Object.keys(values);
  const read = recipeValues(values, (key = '', index = 0) => ({
    file: 'packages/a/package.yaml',
    line: keys.indexOf(String(key)) + 3 + Number(index),
    column: 1,
  }));
  return { recipes: () => [read] };
}

test('a task that was never built says so, and what is after it waits', async () => {
  const bench = createWhyBench();
  const tasks = [task('a:a', 'text'), task('b:b', 'join', { a: 'a:a/out' })];
  expect(await bench.why(tasks, 'b:b')).toEqual(['a:a runs', '  never built here', 'b:b waits a:a']);
  await bench.build(tasks, 'b:b');
  expect(await bench.why(tasks, 'b:b')).toEqual(['a:a stored', 'b:b stored']);
});

test('a changed file of the project is named with the line, and what it was', async () => {
  const bench = createWhyBench();
  const path = bench.write('boards/a/kernel.config', 'CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n');
  const tasks = [task('a:a', 'join', { fragment: { from: 'project', path, origin: 'boards/a/board.yaml:7' } })];
  await bench.build(tasks, 'a:a');
  bench.write('boards/a/kernel.config', 'CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=y\nCONFIG_D=y\n');
  expect(await bench.why(tasks, 'a:a')).toEqual([
    'a:a runs',
    "  input 'fragment' changed (boards/a/kernel.config, asked for at boards/a/board.yaml:7)",
    '    boards/a/kernel.config:2: CONFIG_B=y -> CONFIG_B=m',
    '    boards/a/kernel.config:4: CONFIG_D=y is new',
  ]);
});

test('in a folder of the project the files that changed are named, and their lines', async () => {
  const bench = createWhyBench();
  bench.define('list', async (workspace) => writeFileSync(workspace.output('out'), workspace.input('tree')));
  bench.write('src/deep/main.c', 'int main(void)\n{\n}\n');
  bench.write('src/same', '');
  bench.write('src/old', 'x');
  const path = join(bench.folder, 'src');
  const tasks = [task('a:a', 'list', { tree: { from: 'project', path } })];
  await bench.build(tasks, 'a:a');
  bench.write('src/deep/main.c', 'int main(void)\n{ return 0;\n}\n');
  bench.write('src/bin', '\0\u0001');
  const said = await bench.why(tasks, 'a:a');
  expect(said).toEqual([
    'a:a runs',
    "  input 'tree' changed (src)",
    '    src/bin is new',
    '    src/deep/main.c:2: { -> { return 0;',
  ]);
});

test('a changed value of the recipe is named with its line, where it shows in what the task is made of', async () => {
  const bench = createWhyBench();
  const make = (script: string) => [task('a:a', 'text', {}, { params: { script } })];
  await bench.build(make('./configure --prefix=/usr\nmake'), 'a:a', recipe({ prefix: '/usr', summary: 'one' }));
  const now = recipe({ prefix: '/opt', summary: 'two' });
  expect(await bench.why(make('./configure --prefix=/opt\nmake'), 'a:a', now)).toEqual([
    'a:a runs',
    '  its script changed',
    '    packages/a/package.yaml:3: prefix: /usr -> /opt',
    '    line 1: ./configure --prefix=/usr -> ./configure --prefix=/opt',
  ]);
});

test('an item of a list of the recipe is named with its own line', async () => {
  const bench = createWhyBench();
  const make = (...words: string[]) => [task('a:a', 'text', {}, { params: { words } })];
  await bench.build(make('one', 'two'), 'a:a', recipe({ words: ['one', 'two'] }));
  expect(await bench.why(make('one', 'three', 'four'), 'a:a', recipe({ words: ['one', 'three', 'four'] }))).toEqual([
    'a:a runs',
    '  its parameters changed',
    '    packages/a/package.yaml:4: words: two -> three',
    '    packages/a/package.yaml:5: words: four is new',
    '    line 2: words.1: two -> words.1: three',
    '    line 3: words.2: four is new',
  ]);
});

test('of an artifact that another task made, the files in it that changed are named', async () => {
  const bench = createWhyBench();
  bench.define('list', async (workspace) => writeFileSync(workspace.output('out'), workspace.input('tree')));
  const make = (files: Record<string, string>) => [
    task('a:a', 'tree', {}, { params: files, outputs: { out: 'tree' } }),
    task('b:b', 'list', { tree: 'a:a/out' }),
  ];
  await bench.build(make({ 'lib/one': '1', 'lib/two': '2', gone: '' }), 'b:b');
  const now = make({ 'lib/one': '1', 'lib/two': 'II', new: '' });
  await bench.build(now, 'a:a');
  expect(await bench.why(now, 'b:b')).toEqual([
    'a:a stored',
    'b:b runs',
    "  input 'tree' changed (made by a:a)",
    '    gone is gone',
    '    lib/two changed',
    '    new is new',
  ]);
});

test('of many changes the first are told, and how many more there are', async () => {
  const bench = createWhyBench();
  const text = (suffix: string) => Array.from({ length: 20 }, (_, n) => `${n % 2 ? n : `${n}${suffix}`}`).join('\n');
  const make = (suffix: string) => [task('a:a', 'join', { in: { from: 'text', text: text(suffix) } })];
  await bench.build(make('a'), 'a:a');
  const said = await bench.why(make('b'), 'a:a');
  expect(said.slice(1, 4)).toEqual(["  input 'in' changed", '    line 1: 0a -> 0b', '    line 3: 2a -> 2b']);
  expect(said.at(-1)).toBe('    and 5 more');
});

test('with --explain each task says in detail why it runs before it does', async () => {
  const bench = createWhyBench();
  const make = (text: string) => [task('a:a', 'join', { in: { from: 'text', text } })];
  await bench.build(make('one'), 'a:a');
  await bench.build(make('two'), 'a:a', { explain: true });
  expect(bench.events.find((event) => event.type === 'task-started')).toMatchObject({
    reason: "input 'in' changed",
    because: [{ message: "input 'in' changed", notes: [{ message: 'line 1: one -> two' }] }],
  });
});

test('what is no longer in the store is explained as far as it can be', async () => {
  const bench = createWhyBench();
  const make = (text: string) => [task('a:a', 'join', { in: { from: 'text', text } })];
  await bench.build(make('one'), 'a:a');
  rmSync(bench.store().paths.blob(digestOf('one').hash));
  expect(await bench.why(make('two'), 'a:a')).toEqual(['a:a runs', "  input 'in' changed"]);
});
