import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { captureScript } from '../../src/hat/dump.ts';
import { type Installed, install, onGuest, type Running } from '../helpers/boot.ts';
import { folderOf } from '../helpers/recipes.ts';

/** HATs without the hardware, on boards that are on. */

let pibuild: Installed;

beforeAll(async () => {
  pibuild = await install();
});
afterAll(() => pibuild.remove());

/** Beside the Enviro pHAT one that QEMU answers for in part, and whose thermometer has its driver from the start. */
const bench = `package: bench
kind: hat
chips:
  oven: {address: 0x4c, model: tmp105, engine: qemu, driver: true, values: {temperature: 20}}
  rom: {address: 0x50, model: at24, engine: qemu, size: 256}
  clock: {address: 0x68, model: ds1338, engine: qemu}
  air: {address: 0x76, model: bmp280}
  odd: {address: 0x21, registers: {0x10: 0x2a}}
gpio:
  button: {line: 22, direction: in, initial: 1}
  door: {line: 23, direction: in}
checks:
  - name: lines have their levels at the start
    run: gpioget --numeric -c gpiochip0 22 23 4
    matches: '^1 0 0$'
  - name: lines are pulled for a check
    set: {bench.button: low, bench.door: high}
    run: gpioget --numeric button door
    matches: '^0 1$'
  - name: chips of both engines are on one bus
    run: i2cdetect -y 1 | sed -n 's/^[0-7]0://p' | tr -s ' ' '\\n' | grep -x '[0-9a-fU][0-9a-fU]' | tr '\\n' ' '
    matches: ^1d 21 29 49 UU 50 68 76 77 $
  - name: a driver measures what QEMU was told at first
    run: cat /sys/class/hwmon/hwmon*/temp1_input
    matches: ^20000$
  - name: and what it is told while it runs, as does a program that reads the other engine
    set: {bench.oven.temperature: 98.6 °F, bench.air.temperature: 40, enviro-phat.ads1015.a0: 1024 mV}
    run: |-
      cat /sys/class/hwmon/hwmon*/temp1_input
      i2cset -y 1 0x49 1 0x83c5 w && sleep 1 && i2cget -y 1 0x49 0 w
    matches: '^37000\\s+0x0040$'
  - name: a register of a chip that no model knows is what is set, and of one that has a model
    set: {bench.odd.0x10: 0x2b, bench.air.0xd0: 0x60}
    run: i2cget -y 1 0x21 0x10; i2cget -y 1 0x76 0xd0
    matches: '^0x2b\\s+0x60$'
  - name: then all is as it was
    run: |-
      cat /sys/class/hwmon/hwmon*/temp1_input; i2cset -y 1 0x49 1 0x83c5 w && sleep 1 && i2cget -y 1 0x49 0 w
      i2cget -y 1 0x21 0x10; i2cget -y 1 0x76 0xd0
    matches: '^20000\\s+0x0000\\s+0x2a\\s+0x58$'
  - name: a memory that QEMU has keeps what is written
    run: i2cset -y 1 0x50 0x10 0x2a && sleep 1 && i2cget -y 1 0x50 0x10
    matches: ^0x2a$
  - name: a program retries a transfer that fails
    fault: {bench.air: nack times 2}
    run: i2cget -y 1 0x76 0xd0 || i2cget -y 1 0x76 0xd0 || i2cget -y 1 0x76 0xd0
    matches: 'failed[\\s\\S]*failed\\s+0x58$'
  - name: a chip that holds the bus lets nobody through, until it lets go
    fault: {bench.air: stuck}
    run: i2cget -y 1 0x76 0xd0; i2cget -y 1 0x77 0xd0
    exit: 2
  - name: wrong data comes from these registers only
    fault: {bench.air: wrong-data 0x0f 0xd0}
    run: i2cget -y 1 0x76 0xd0; i2cget -y 1 0x77 0xd0
    matches: '^0x57\\s+0x58$'
`;

function board(name: string, packages: string, more = ''): string {
  return `board: ${name}\nextends: rpi3-minimal\npackages: [i2c-stub, i2c-twin, gpiod, ${packages}]\noverlays: [hats]\n${more}`;
}

function project(files: Readonly<Record<string, string>> = {}): string {
  return folderOf({
    'pibuild.yaml': '',
    'packages/bench/package.yaml': bench,
    'boards/mine/board.yaml': board('mine', 'enviro-phat, bench'),
    ...files,
  });
}

async function done(words: readonly string[], folder: string): Promise<{ code: number | null; said: string }> {
  const running = pibuild.start(words, folder);
  const code = await running.ended;
  return { code, said: running.output() };
}

async function started(words: readonly string[], folder: string): Promise<Running> {
  const guest = pibuild.start(['run', ...words, '--headless'], folder);
  await guest.until(/ssh -p \d+/);
  return guest;
}

test('both engines answer on one bus, and checks change what they measure and how they fail', async () => {
  const { code, said } = await done(['test', 'mine', '--filter', 'bench|stub'], project());
  expect(code, said).toBe(0);
  expect(said.match(/✓/g)?.length).toBeGreaterThanOrEqual(11);
});

const temperature = 'cat /sys/bus/i2c/devices/1-0077/iio:device*/in_temp_input';

test('GPIO lines are pulled from the host, seen by libgpiod, and read back', async () => {
  const folder = project();
  const guest = await started(['mine', '--set', 'bench.door=1'], folder);
  const set = (...words: string[]) => done(['set', '--board', 'mine', ...words], folder);
  expect(await onGuest(guest, 'gpioget --numeric button door')).toBe('1 1');
  await onGuest(
    guest,
    '(gpiomon -n 2 -F "%o %e" -c gpiochip0 22 > /tmp/edges 2>&1 &); (gpioset leds=1 > /dev/null 2>&1 &); sleep 2',
  );
  expect(await set('bench.button=0')).toEqual({ code: 0, said: 'bench.button is low\n' });
  await set('bench.button=1', 'bench.door=0');
  expect(await onGuest(guest, 'sleep 1; cat /tmp/edges; gpioget --numeric button door')).toBe('22 2\n22 1\n1 0');
  const listed = (await set()).said;
  expect(listed).toMatch(/^bench\.button +high +low or high +GPIO 22, which the Pi reads$/m);
  expect(listed).toMatch(/^enviro-phat\.leds +high +GPIO 4, which the Pi drives$/m);
  expect(await set('enviro-phat.leds=0')).toMatchObject({ code: 2 });
  guest.child.kill('SIGTERM');
  await guest.ended;
});

test('values are set at first, while it runs and over time, and are so again after a restart', async () => {
  const folder = project({
    'oven.yaml':
      'every: 100ms\nsteps:\n  - {at: 0s, set: {bench.oven.temperature: 25}}\n' +
      '  - {at: 0s, ramp: {bench.oven.temperature: 60, enviro-phat.bmp280.temperature: 40}, for: 1s}\n' +
      '  - {at: 1s, fault: {enviro-phat.tcs3472: nack}}\n',
  });
  const guest = await started(
    [
      'mine',
      '--set',
      'enviro-phat.bmp280.temperature=31.5',
      '--set',
      'bench.oven.temperature=50',
      '--set',
      'bench.odd.0x10=0x77',
    ],
    folder,
  );
  const bind = `modprobe bmp280-i2c && echo bmp280 0x77 > /sys/bus/i2c/devices/i2c-1/new_device && ${temperature}`;
  expect(await onGuest(guest, `${bind}; cat /sys/class/hwmon/hwmon*/temp1_input; i2cget -y 1 0x21 0x10`)).toBe(
    '31500.000000000\n50000\n0x77',
  );

  const set = (...words: string[]) => done(['set', '--board', 'mine', ...words], folder);
  expect(await set('enviro-phat.bmp280.temperature=18')).toEqual({
    code: 0,
    said: 'enviro-phat.bmp280.temperature is 18 °C\n',
  });
  expect(await onGuest(guest, temperature)).toBe('18000.000000000');
  expect((await set()).said).toMatch(/^enviro-phat\.bmp280\.temperature +18 °C +-40 to 85 °C +air temperature$/m);
  expect(await set('enviro-phat.bmp280.temperature=180')).toMatchObject({ code: 2 });

  const timeline = await set('--timeline', join(folder, 'oven.yaml'));
  expect(timeline.said).toMatch(
    / {3}1\.0 s {2}bench\.oven\.temperature is 60 °C\n[\s\S]*enviro-phat\.tcs3472: nack\n$/,
  );
  expect(await onGuest(guest, `cat /sys/class/hwmon/hwmon*/temp1_input; ${temperature}`)).toBe(
    '60000\n40000.000000000',
  );
  expect((await done(['fault', '--board', 'mine'], folder)).said).toContain('enviro-phat.tcs3472: nack\n');

  await onGuest(guest, 'reboot');
  await done(['fault', '--board', 'mine', 'bench.air', 'slow', '5ms'], folder);
  expect(await onGuest(guest, `${bind}; cat /sys/class/hwmon/hwmon*/temp1_input`)).toBe('40000.000000000\n60000');
  expect(await onGuest(guest, 'i2cget -y 1 0x29 0xb2 || i2cget -y 1 0x76 0xd0')).toMatch(/failed[\s\S]*0x58$/);

  guest.child.kill('SIGTERM');
  await guest.ended;
  expect((await set('bench.oven.temperature=1')).said).toContain("error: board 'mine' is not on");
  const off = await set();
  expect(off.said).toMatch(/^bench\.oven\.temperature +20 °C/m);
  expect(off.said).toContain("board 'mine' is not on: these are the values that it starts with");
});

test('what was captured on one board is a HAT on another, and plain i2c-stub takes the same dump', async () => {
  const folder = project();
  const script = (await done(['capture', '--bus', '1', '--words', '0x49'], folder)).said;
  expect(script).toBe(captureScript(1, [0x49]));
  writeFileSync(join(folder, 'capture.sh'), script);
  const first = await started(['mine', '--set', 'enviro-phat.bmp280.temperature=12'], folder);
  // Something has been measured before, as in the field.
  await onGuest(first, 'i2cset -y 1 0x77 0xf4 0x25 && sleep 1');
  const captured = await onGuest(first, 'sh', join(folder, 'capture.sh'));
  first.child.kill('SIGTERM');
  await first.ended;
  expect(captured.match(/^# chip 0x\w\w$/gm)).toEqual(
    ['1d', '21', '29', '49', '50', '68', '76', '77'].map((address) => `# chip 0x${address}`),
  );
  expect(captured).toMatch(/^d0: 58 /m);

  const again = folderOf({
    'pibuild.yaml': '',
    'boards/again/board.yaml': board('again', 'field'),
    'packages/field/package.yaml': `package: field
kind: hat
chips:
${['1d', '29'].map((address) => `  c${address}: {address: 0x${address}, dump: field.dump}`).join('\n')}
  air: {address: 0x77, model: bmp280, dump: field.dump}
  adc: {address: 0x49, model: ads1015, dump: field.dump}
`,
    'packages/field/field.dump': captured,
    'capture.sh': script,
  });
  const second = await started(['again'], again);
  const replayed = await onGuest(second, 'sh', join(again, 'capture.sh'));
  for (const address of ['1d', '29', '49', '77']) {
    expect(sectionOf(replayed, address), address).toBe(sectionOf(captured, address));
    expect(sectionOf(replayed, address).split('\n').length).toBeGreaterThan(17);
  }
  writeFileSync(join(again, 'one.dump'), sectionOf(captured, '77'));
  const stub = await onGuest(
    second,
    'cat > /tmp/one.dump && i2c-stub-from-dump -b 12 0x77 /tmp/one.dump && i2cdump -y 12 0x77 b',
    join(again, 'one.dump'),
  );
  expect(stub.replace(/^12\n/, '')).toBe(sectionOf(captured, '77').replace(/^# .*\n/, ''));
  // The model is the one that was captured, and measures what that did.
  const bind = 'modprobe bmp280-i2c && echo bmp280 0x77 > /sys/bus/i2c/devices/i2c-1/new_device';
  expect(Number(await onGuest(second, `${bind} && ${temperature}`))).toBe(12_000);
  second.child.kill('SIGTERM');
  await second.ended;
  expect(readFileSync(join(again, 'output/again/logs/run-serial.log'), 'utf8')).not.toContain('i2c-twin:');
});

/** What was captured of one chip. */
function sectionOf(captured: string, address: string): string {
  const [section = ''] = new RegExp(`^# chip 0x${address}\n(?:(?!# chip).*\n?)*`, 'm').exec(captured) ?? [];
  return section.trimEnd();
}
