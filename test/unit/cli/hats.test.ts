import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createContext } from '../../../src/commands/context.ts';
import type { ReadyBoard } from '../../../src/commands/emulate.ts';
import { openHatDesk } from '../../../src/commands/hat-desk.ts';
import { pibuild } from '../../../src/commands/program.ts';
import type { EmulatedBoard } from '../../../src/device/emulator.ts';
import { rememberRunning } from '../../../src/device/running.ts';
import { packageKinds } from '../../../src/kinds/index.ts';
import { ProjectPaths } from '../../../src/paths.ts';
import { planBoard } from '../../../src/plan.ts';
import { loadProject } from '../../../src/recipe/load.ts';
import { folderOf } from '../../helpers/recipes.ts';
import { checkout } from '../../helpers/tools.ts';

/** set, fault and capture as they are typed, with and without a board that is on. */

const files = {
  'pibuild.yaml': '',
  'boards/mine/board.yaml':
    'board: mine\nkernel: {fragments: [base.config]}\npackages: [i2c-twin, weather]\noverlays: [hats]\nemulator: {machine: raspi3b}\n',
  'packages/weather/package.yaml':
    'package: weather\nkind: hat\nchips:\n  oven: {address: 0x48, model: tmp105, engine: qemu}\n  air: {address: 0x76, model: bmp280}\n',
  'overlays/hats/etc/hats': '',
  'oven.csv': 'time,weather.oven.temperature\n0,30\n0.05,40\n',
};

const globals = {
  json: false,
  verbose: false,
  quiet: false,
  explain: false,
  color: false,
  keepGoing: false,
  offline: true,
  frozen: false,
};

function desk() {
  const cwd = folderOf(files);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const { signal } = new AbortController();
  const host = { cwd, env: { PIBUILD_STORE: cwd }, stdin: new PassThrough(), stdout, stderr, signal };
  const call = async (...words: string[]) => {
    const code = await pibuild(words, host);
    return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
  };
  return { cwd, call, context: createContext(host, globals) };
}

/** The same with a board on, of which only what QEMU is told is real. */
async function deskOfRunning() {
  const { cwd, call, context } = desk();
  const project = loadProject({ folder: cwd, installation: checkout, kinds: packageKinds });
  const { board, hats, checks } = planBoard(project, 'mine');
  const paths = new ProjectPaths(cwd);
  const output = paths.output('mine');
  mkdirSync(output, { recursive: true });
  const told: string[] = [];
  const control = {
    execute: async (command: string, words?: object) =>
      void told.push([command, ...Object.values(words ?? {})].join(' ')),
    onEvent: () => () => {},
  };
  const ready = { board, hats, checks, paths, tools: {} } as unknown as ReadyBoard;
  const emulated = { control, forwards: [] } as unknown as EmulatedBoard;
  const problems: string[] = [];
  const { close } = await openHatDesk(context, ready, hats, emulated, (message) => problems.push(message));
  const forget = rememberRunning(output, []);
  onTestFinished(() => {
    close();
    forget();
  });
  return { cwd, call, told, problems, close };
}

describe('without a board that is on', () => {
  test('the values that it starts with are listed, and the chips that can fail', async () => {
    const { call } = desk();
    const { code, out, err } = await call('set', '--board', 'mine');
    expect(code).toBe(0);
    expect(out).toMatchInlineSnapshot(`
      "weather.oven.temperature  21 °C        -55 to 125 °C    temperature
      weather.air.temperature   21 °C        -40 to 85 °C     air temperature
      weather.air.pressure      1013.25 hPa  300 to 1100 hPa  air pressure
      "
    `);
    expect(err).toBe("board 'mine' is not on: these are the values that it starts with\n");
    expect((await call('fault', '--board', 'mine')).out).toBe('weather.air: none\n');
  });

  test('for programs each is an object with its range', async () => {
    const { out } = await desk().call('set', '--board', 'mine', '--json');
    expect(JSON.parse(out.split('\n')[0] ?? '')).toMatchObject({
      type: 'quantity',
      path: 'weather.oven.temperature',
      value: 21,
      unit: '°C',
      min: -55,
      on: false,
    });
  });

  test.each([
    [['set', 'weather.oven.temperature=200'], 2, '200 °C is out of what the chip can measure'],
    [['set', 'weather.oven.temperature=20'], 1, "board 'mine' is not on"],
    [['fault', 'weather.air', 'nak'], 2, "did you mean 'nack'?"],
    [['fault', 'weather.oven', 'nack'], 2, 'which cannot fail'],
    [['fault', 'weather.air', 'nack'], 1, "board 'mine' is not on"],
  ])('%j ends with %i', async (words, code, said) => {
    const result = await desk().call(...words, '--board', 'mine');
    expect(result.err).toContain(said);
    expect(result.code).toBe(code);
  });

  test.each([
    [['--set', 'weather.oven.temprature=20'], "did you mean 'temperature'?"],
    [['--set', 'warm'], 'expected HAT.CHIP.QUANTITY=VALUE'],
    [['--timeline', 'nowhere.yaml'], "there is no file 'nowhere.yaml'"],
  ])('run %j is refused before anything is built', async (words, said) => {
    const { code, err } = await desk().call('run', 'mine', ...words);
    expect(err).toContain(said);
    expect(code).toBe(2);
  });

  test('a script for a real one is printed', async () => {
    const { call } = desk();
    expect((await call('capture', '--bus', '0', '--words', '0x48')).out).toMatch(
      /i2cdetect -y -r 0.*\n.*\n.*48\) size=w/,
    );
    expect(await call('capture', '--bus', 'one')).toMatchObject({ code: 2 });
    expect((await call('capture', '--words', '0x99')).err).toContain('they are 0x03 to 0x77');
  });
});

describe('with a board that is on', () => {
  test('a value is set, told, and what is listed then', async () => {
    const { call, told } = await deskOfRunning();
    expect(await call('set', '--board', 'mine', 'weather.oven.temperature=86 °F')).toEqual({
      code: 0,
      out: 'weather.oven.temperature is 30 °C\n',
      err: '',
    });
    expect(told).toEqual(['qom-set /machine/peripheral/hat.weather.oven temperature 30000']);
    const { out, err } = await call('set', '--board', 'mine');
    expect(out).toMatch(/^weather\.oven\.temperature +30 °C/m);
    expect(err).toBe('');
  });

  test('a timeline is gone through', async () => {
    const { cwd, call, told } = await deskOfRunning();
    const { code, out } = await call('set', '--board', 'mine', '--timeline', join(cwd, 'oven.csv'));
    expect(code).toBe(0);
    expect(out).toMatch(/^ {3}0\.\d s {2}weather\.oven\.temperature is [34]0 °C\n/);
    expect(told.at(-1)).toBe('qom-set /machine/peripheral/hat.weather.oven temperature 40000');
  });

  test('what cannot be set changes nothing, and a board without a network is told', async () => {
    const { call, told } = await deskOfRunning();
    const wrong = await call('set', '--board', 'mine', 'weather.oven.temperature=30', 'weather.air.pressure=5000');
    expect(wrong).toMatchObject({ code: 2, out: '' });
    expect(wrong.err).toContain('it measures 300 hPa to 1100 hPa');
    expect(told).toEqual([]);
    const { code, err } = await call('fault', '--board', 'mine', 'weather.air', 'stuck');
    expect(err).toContain("no port leads to the SSH of the emulated 'mine'");
    expect(code).toBe(1);
    expect((await call('fault', '--board', 'mine')).out).toBe('weather.air: none\n');
  });
});
