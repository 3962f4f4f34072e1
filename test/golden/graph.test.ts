import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatGraph } from '../../src/commands/graph.ts';
import { Failure, unwrap } from '../../src/diagnostic.ts';
import { createGraph } from '../../src/graph/graph.ts';
import type { Task, TaskId } from '../../src/graph/task.ts';
import { artifact, commandTask } from '../../src/kinds/command.ts';

/** What `pibuild graph` prints in every format. `vitest -u` writes the expected files anew. */

const tools: Task = {
  id: 'tools:unpack' as TaskId,
  kind: 'unpack-debs',
  title: 'unpack tools',
  params: {},
  inputs: {},
  outputs: { tree: 'tree' },
};

function task(id: string, title: string, needs: readonly string[]): Task {
  const inputs = Object.fromEntries(needs.map((need) => [need, artifact(need, 'file')]));
  const tree = artifact(tools.id, 'tree');
  return commandTask({ id, title, tools: tree, inputs, outputs: { file: 'file' }, pool: 'compile', script: 'true\n' });
}

const tasks = [
  tools,
  task('linux:source', 'fetch "linux"', []),
  task('linux:build', 'compile linux', ['linux:source']),
  task('driver:build', 'compile the driver', ['linux:build']),
  task('mine:root', 'merge the layers', ['linux:build', 'driver:build']),
  task('mine:disk', 'make the card image', ['mine:root', 'linux:build']),
  task('mine:notes', 'write the notes', ['mine:root']),
  task('unused:build', 'compile what nobody needs', []),
];
const targets = ['mine:disk', 'mine:notes'] as TaskId[];
const graph = unwrap(createGraph(tasks, targets));

test.each(['text', 'dot', 'mermaid', 'json'])('a graph as %s', async (format) => {
  const file = join(import.meta.dirname, 'graph', `${format}.expected`);
  await expect(formatGraph(graph, targets, format)).toMatchFileSnapshot(file);
});

test('one task with what it needs', () => {
  expect(formatGraph(graph, ['linux:build' as TaskId], 'text')).toBe(
    [
      'linux:build  compile linux',
      '├─ linux:source  fetch "linux"',
      '│  └─ tools:unpack  unpack tools',
      '└─ tools:unpack  unpack tools',
      '',
      '3 tasks; ^ is drawn in full above',
      '',
    ].join('\n'),
  );
});

test('a format that is not known is an error that names the known ones', () => {
  expect(() => formatGraph(graph, targets, 'svg')).toThrow(Failure);
});
