import { expect, test } from 'vitest';
import { complaint, projectOf } from '../../helpers/recipes.ts';

function boardWith(lines: string, more: Record<string, string> = {}) {
  return projectOf({ 'boards/mine/board.yaml': `board: mine\n${lines}`, ...more }).board('mine');
}

test('a module is loaded at start, unless the board says on demand', () => {
  const { modules } = boardWith('modules: [one, {name: two-x, load: demand}, {name: three}]');
  expect(modules.map(({ name, load }) => [name, load])).toEqual([
    ['one', 'boot'],
    ['two-x', 'demand'],
    ['three', 'boot'],
  ]);
  expect(modules[1]?.at).toMatchObject({ line: 2, column: 23 });
});

test('parameters are texts as modprobe wants them', () => {
  const parameters = '{addr: [0x48, 0x49], on: true, off: false, name: two words, n: 7}';
  const { modules } = boardWith(`modules: [{name: one, parameters: ${parameters}}]`);
  expect(modules[0]?.parameters).toEqual({ addr: '72,73', on: '1', off: '0', name: 'two words', n: '7' });
});

test('what is named again keeps its place, and the later word counts', () => {
  const base = 'board: base-of-mine\nmodules: [{name: i2c-stub, parameters: {a: 1}}, two]\n';
  const { modules } = boardWith('extends: base-of-mine\nmodules: [three, {name: i2c_stub, load: demand}]', {
    'boards/base-of-mine/board.yaml': base,
  });
  expect(modules.map(({ name, load }) => [name, load])).toEqual([
    ['i2c_stub', 'demand'],
    ['two', 'boot'],
    ['three', 'boot'],
  ]);
  expect(modules[0]?.parameters).toEqual({});
});

test('a board can take out a module that it inherits', () => {
  const base = 'board: base-of-mine\nmodules: [{name: one, load: demand}, two]\n';
  const { modules } = boardWith('extends: base-of-mine\nwithout: {modules: [one]}', {
    'boards/base-of-mine/board.yaml': base,
  });
  expect(modules.map(({ name }) => name)).toEqual(['two']);
});

test('every module has a check: that it is loaded, or that it can be', () => {
  const { checks } = boardWith('modules: [i2c-stub, {name: spidev, load: demand}]');
  expect(checks.map(({ name, run, owner }) => ({ name, run, owner }))).toEqual([
    { name: 'module i2c-stub is loaded', run: "lsmod | grep -w '^i2c_stub'", owner: 'mine' },
    { name: 'module spidev can be loaded', run: 'modprobe -D spidev', owner: 'mine' },
  ]);
});

test.each([
  ['modules: [one.ko]', "a module's name, without .ko"],
  ['modules: [{name: one, load: never}]', 'expected one of boot, demand'],
  ['modules: [{name: one, parameter: {a: 1}}]', "did you mean 'parameters'"],
  ['modules: [{name: one, parameters: {a: "x#y"}}]', 'text on one line, without " and #'],
  ['modules: [{parameters: {a: 1}}]', "'name' is missing"],
])('%s is told', (lines, told) => {
  expect(complaint(() => boardWith(lines))).toContain(told);
});
