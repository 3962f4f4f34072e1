import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openMemo } from '../../../src/commands/memo-file.ts';
import { loadProject } from '../../../src/recipe/load.ts';
import type { Memo } from '../../../src/recipe/memo.ts';
import { complaint, fixtures, folderOf, kinds } from '../../helpers/recipes.ts';

/** A memo that counts what it is asked for in vain. */
function counting(inner: Memo): Memo & { missed: number } {
  const memo = {
    missed: 0,
    get: (key: string) => {
      const value = inner.get(key);
      if (value === undefined) memo.missed++;
      return value;
    },
    set: inner.set,
  };
  return memo;
}

/** What is kept is written when the loading has come to its end. */
const loaded = () => Promise.resolve();

const store = () => join(folderOf({ 'store/cas/x': '' }), 'store/recipes/project.json');

describe('what parsing gave is remembered', () => {
  test('from one start to the next, with every place', async () => {
    const file = store();
    const folder = folderOf({ 'pibuild.yaml': 'project: mine\n' });
    const load = (memo: Memo) => loadProject({ folder, installation: fixtures, kinds, memo }).board('lean');
    const [first, second] = [counting(openMemo(file)), counting(openMemo(file))];
    const parsed = load(first);
    await loaded();
    expect([first.missed > 5, second.missed]).toEqual([true, 0]);
    const again = counting(openMemo(file));
    const remembered = load(again);
    expect(again.missed).toBe(0);
    expect(JSON.stringify(remembered)).toBe(JSON.stringify(parsed));
    expect(remembered.at('kernel', 'cmdline', 2)).toEqual(parsed.at('kernel', 'cmdline', 2));
    expect(remembered.written('kernel', 'package')).toBeUndefined();
  });

  test('and mistakes beyond the syntax are told as the first time', async () => {
    const file = store();
    const files = {
      'boards/mine/board.yaml': "board: mine\nextends: base\nconfig: ['{{bord}}']\npackages: [bsybox]\n",
    };
    const folder = folderOf(files);
    const load = () =>
      complaint(() => loadProject({ folder, installation: fixtures, kinds, memo: openMemo(file) }).board('mine'));
    const first = load();
    await loaded();
    expect(load()).toBe(first);
    expect(first).toContain("unknown variable 'bord'");
  });

  test('by the text: a recipe that changed is parsed', async () => {
    const file = store();
    const folder = folderOf({ 'boards/mine/board.yaml': 'board: mine\nsummary: one\n' });
    const load = () => loadProject({ folder, installation: fixtures, kinds, memo: openMemo(file) }).board('mine');
    expect(load().summary).toBe('one');
    await loaded();
    writeFileSync(join(folder, 'boards/mine/board.yaml'), 'board: mine\nsummary: two\n');
    expect(load().summary).toBe('two');
  });

  test('unless the file is damaged', async () => {
    const file = store();
    openMemo(file).set('key', 'value');
    await loaded();
    expect(openMemo(file).get('key')).toBe('value');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"value"', '"other"'));
    expect(openMemo(file).get('key')).toBeUndefined();
  });

  test('and a store that is not there is not made', async () => {
    const folder = folderOf({});
    openMemo(join(folder, 'store/recipes/project.json')).set('key', 'value');
    await loaded();
    expect(() => readFileSync(join(folder, 'store/recipes/project.json'))).toThrow('ENOENT');
  });
});
