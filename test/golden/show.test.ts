import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatSourced } from '../../src/commands/origins.ts';
import { boardView, packageView } from '../../src/commands/show.ts';
import { taskView } from '../../src/commands/show-task.ts';
import { artifact, commandTask } from '../../src/kinds/command.ts';
import { loadProject } from '../../src/recipe/load.ts';
import { fixtures, kinds } from '../helpers/recipes.ts';

/** What `pibuild show` prints. `vitest -u` writes the expected files anew. */

const project = loadProject({ folder: fixtures, installation: fixtures, kinds });
const display = (path: string) => relative(fixtures, path);
const expected = (name: string) => join(import.meta.dirname, 'show', `${name}.expected`);

describe('show prints what is resolved, and the line that says it', () => {
  test.each(['base', 'lean'])('of the board %s', async (name) => {
    await expect(formatSourced(boardView(project.board(name), display))).toMatchFileSnapshot(expected(`board-${name}`));
  });

  test.each(['busybox', 'tools/ssh'])('of the package %s', async (name) => {
    const text = formatSourced(packageView(project.package(name), display));
    await expect(text).toMatchFileSnapshot(expected(`package-${name.replace('/', '-')}`));
  });

  test('of a task', async () => {
    const task = commandTask({
      id: 'busybox:build',
      title: 'compile busybox',
      tools: artifact('tools/build:unpack', 'tree'),
      inputs: {
        source: artifact('busybox:unpack', 'source'),
        config: { from: 'project', path: 'packages/busybox/busybox.config' },
        'files/hello': { from: 'text', text: 'one\ntwo\n' },
      },
      outputs: { layer: 'file', dev: 'tree' },
      pool: 'compile',
      script: 'make\n\nmake install\n',
      env: { ARCH: 'arm64' },
    });
    await expect(
      formatSourced(taskView(task, project.epoch, 'not known before its inputs are built')),
    ).toMatchFileSnapshot(expected('task'));
  });
});
