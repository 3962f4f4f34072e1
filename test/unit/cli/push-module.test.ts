import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pushScript } from '../../../src/commands/push-module.ts';
import { folderOf } from '../../helpers/recipes.ts';

const facts = { vermagic: '6.12.1 SMP', license: 'GPL', size: 1, path: '', bytes: Buffer.alloc(0) };
const built = {
  name: 'mine',
  license: '',
  modules: [
    { ...facts, name: 'my-bus', depends: ['configfs'] },
    { ...facts, name: 'my-chip', depends: ['my_bus'] },
  ],
};

/** What the board is asked to do, with programs that only say what they are called with. Paths of a board are in the folder. */
function done(parameters: readonly string[], { options = '', release = '6.12.1', loaded = [] as string[] } = {}) {
  const folder = folderOf({ 'modprobe.d/pibuild.conf': options });
  const programs = {
    uname: `echo ${release}`,
    dmesg: 'cat "$KMSG"; echo "[1.0] my_chip: hello"',
    tar: 'true',
    insmod: 'printf "did insmod"; printf " <%s>" "$@"; echo',
    rmmod: 'echo "did rmmod $*"',
    modprobe: 'echo "did modprobe $*"',
  };
  mkdirSync(join(folder, 'bin'));
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, 'bin', name), 0o755);
  }
  for (const module of loaded) mkdirSync(join(folder, 'sys', module), { recursive: true });
  for (const module of loaded) writeFileSync(join(folder, 'sys', module, 'initstate'), 'live\n');
  const script = pushScript(built, parameters)
    .replaceAll('/run/pibuild', `${folder}/run`)
    .replaceAll('/dev/kmsg', `${folder}/kmsg`)
    .replaceAll('/sys/module', `${folder}/sys`)
    .replaceAll('/etc/modprobe.d', `${folder}/modprobe.d`);
  const env = { PATH: `${folder}/bin:${process.env.PATH}`, KMSG: `${folder}/kmsg` };
  const said = execFileSync('sh', ['-c', script, 'sh'], { env, input: '', stdio: ['pipe', 'pipe', 'pipe'] }).toString();
  return { said: said.split('\n').filter((line) => line !== ''), kmsg: readFileSync(join(folder, 'kmsg'), 'utf8') };
}

test('what is loaded comes out, the last first, and goes in again in order, with what it needs', () => {
  expect(done([], { loaded: ['my_bus', 'my_chip'] }).said).toEqual([
    'rmmod my_chip',
    'did rmmod my_chip',
    'rmmod my_bus',
    'did rmmod my_bus',
    'did modprobe configfs',
    'insmod my-bus.ko ',
    'did insmod <my-bus.ko>',
    'insmod my-chip.ko ',
    'did insmod <my-chip.ko>',
    '  [1.0] my_chip: hello',
  ]);
});

test('the board’s parameters hold, unless others are given', () => {
  const options = 'options my_chip number=7 label="two words" cost=$HOME`id`\noptions my_bus speed=1\n';
  const inserts = (parameters: string[]) =>
    done(parameters, { options }).said.filter((line) => line.startsWith('did insmod'));
  expect(inserts([])).toEqual([
    'did insmod <my-bus.ko> <speed=1>',
    'did insmod <my-chip.ko> <number=7> <label=two words> <cost=$HOME`id`>',
  ]);
  expect(inserts(['number=9', 'loud', "x=it's"])).toEqual([
    'did insmod <my-bus.ko> <speed=1>',
    "did insmod <my-chip.ko> <label=two words> <cost=$HOME`id`> <number=9> <loud> <x=it's>",
  ]);
});

test('modules for another kernel than the one that runs are not tried', () => {
  expect(() => done([], { release: '6.12.2' })).toThrow(
    /the board runs Linux 6\.12\.2, and the modules are for 6\.12\.1/,
  );
});
