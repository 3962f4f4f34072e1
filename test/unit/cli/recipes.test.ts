import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { pibuild } from '../../../src/commands/program.ts';
import { folderOf } from '../../helpers/recipes.ts';

/** The verbs that only read recipes, as they are typed. */

const files = {
  'boards/mine/board.yaml': 'board: mine\nsummary: My own\nversion: 2.10\n',
  'boards/broken/board.yaml': 'board: broken\npackages: [nothing]\n',
  'packages/first/package.yaml': 'package: first\nkind: tools\nsummary: Something\ndebs: [bash]\n',
  'packages/second/package.yaml': 'package: second\nkind: tols\n',
  'overlays/mine/etc/motd': 'hello\n',
};

async function call(...words: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const cwd = folderOf(files);
  const signal = new AbortController().signal;
  const code = await pibuild(words, {
    cwd,
    env: { PIBUILD_STORE: cwd },
    stdin: new PassThrough(),
    stdout,
    stderr,
    signal,
  });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

describe('list', () => {
  test('has a line for every board, also for a broken one', async () => {
    const { code, out } = await call('list', 'boards');
    expect(code).toBe(0);
    expect(out).toMatch(/^broken +broken: boards\/broken\/board.yaml:2: there is no package 'nothing'$/m);
    expect(out).toMatch(/^mine +2\.10 +My own$/m);
  });

  test('has the packages with their kinds', async () => {
    const { out } = await call('list', 'packages');
    expect(out).toMatch(/^first +tools +Something$/m);
    expect(out).toMatch(/^second +broken: packages\/second\/package.yaml:2: unknown kind of package 'tols'$/m);
    expect(out).toMatch(/^linux +kernel /m);
  });

  test('has a heading for each sort when all are asked for', async () => {
    const { out } = await call('list');
    expect(out.match(/^\S+$/gm)).toEqual(['boards', 'packages', 'overlays']);
    expect(out).toMatch(/^ {2}mine$/m);
  });

  test('is one object a line for programs', async () => {
    const { out } = await call('list', 'board', '--json');
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows).toContainEqual(
      expect.objectContaining({ type: 'board', name: 'mine', version: '2.10', summary: 'My own' }),
    );
  });

  test('says what can be listed', async () => {
    expect(await call('list', 'overlaps')).toMatchObject({
      code: 2,
      err: expect.stringContaining("did you mean 'overlays'?"),
    });
  });
});

describe('show', () => {
  test('prints a board with the place of each value', async () => {
    const { code, out } = await call('show', 'mine');
    expect(code).toBe(0);
    expect(out).toMatch(/^version: "2.10" +# boards\/mine\/board.yaml:3$/m);
    expect(out).toMatch(/^hostname: mine +# default$/m);
  });

  test('prints a package as data for programs', async () => {
    const { out } = await call('show', 'first', '--json');
    expect(JSON.parse(out)).toMatchObject({
      package: 'first',
      kind: 'tools',
      debs: ['bash'],
      folder: 'packages/first',
    });
  });

  test('prints a task of a tools tree without a board', async () => {
    const { code, out } = await call('show', 'tools/bootstrap:unpack');
    expect(code).toBe(0);
    expect(out).toMatch(/^task: tools\/bootstrap:unpack$/m);
    expect(out).toMatch(/^ {2}debs: files of tools\/bootstrap:fetch$/m);
  });

  test('says what is near to a name that is not there', async () => {
    expect(await call('show', 'mien')).toMatchObject({ code: 2, err: expect.stringContaining("did you mean 'mine'?") });
  });

  test('explains a broken recipe', async () => {
    const { code, err } = await call('show', 'second');
    expect(code).toBe(2);
    expect(err).toContain("hint: did you mean 'tools'?");
  });
});

describe('schema', () => {
  test('prints the schema of one kind of package', async () => {
    const { code, out } = await call('schema', 'package', '--kind', 'tools');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ properties: { kind: { const: 'tools' } }, additionalProperties: false });
  });

  test('knows which recipes there are', async () => {
    expect(await call('schema', 'bord')).toMatchObject({
      code: 2,
      err: expect.stringContaining("did you mean 'board'?"),
    });
    expect(await call('schema', 'board', '--kind', 'tools')).toMatchObject({ code: 2 });
    expect(await call('schema', 'package', '--kind', 'tols')).toMatchObject({ code: 2 });
  });
});
