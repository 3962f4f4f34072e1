import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectProcesses, type Installed, install, markedBoard, type Running } from '../helpers/boot.ts';
import { folderOf } from '../helpers/recipes.ts';

/** In how many first boots the power fails. Each costs two boots; more of them find rarer things. */
const POWER_CUTS = Number(process.env.PIBUILD_POWER_CUTS ?? 3);

/** A root that cannot be written to: what lasts is on the data partition. */
const RECIPE = `root: {readonly: true}
image:
  size: 128M
  partitions: {root: {format: squashfs, size: 32M}, data: {size: 16M, grow: true}}
`;

let pibuild: Installed;

beforeAll(async () => {
  pibuild = await install();
});
afterAll(() => pibuild.remove());

/** A board with a new card. */
function newBoard() {
  const { mark, files } = markedBoard(RECIPE);
  const folder = folderOf(files);
  return {
    powerOn: (...words: readonly string[]): Running =>
      pibuild.start(['run', 'marked', '--persist', '--card-size', '1G', ...words], folder),
    powerCut: async (guest: Running): Promise<void> => {
      guest.child.kill('SIGKILL');
      await guest.ended;
      await expectProcesses(mark, false);
    },
  };
}

async function logIn(guest: Running): Promise<void> {
  await guest.until('login: ');
  guest.type('root\n');
  await guest.until('# ');
}

/** What a command prints. */
async function ask(guest: Running, command: string): Promise<string> {
  const before = guest.output().length;
  guest.type(`${command}; echo an$((1))swered\n`);
  await guest.until('an1swered');
  return guest
    .output()
    .slice(before)
    .replace(/^.*an\$\(\(1\)\)swered\r?\n/s, '')
    .replace(/an1swered.*$/s, '')
    .replaceAll('\r', '')
    .trim();
}

/** Waits until the host keys are there, which are made behind everyone's back. */
const KEYS = 'while ! [ -s /etc/dropbear/dropbear_ecdsa_host_key ]; do sleep 0.1; done';

interface State {
  readonly id: string;
  readonly keys: string;
}

/** Expects the board to be as it should be after its first boot. */
async function expectWhole(guest: Running): Promise<State> {
  await logIn(guest);
  expect(await ask(guest, 'while ! [ -e /run/booted ]; do sleep 0.1; done; cat /run/boot.failed 2>/dev/null')).toBe('');
  const [end, disk] = (
    await ask(guest, 'cd /sys/class/block/mmcblk0; expr $(cat mmcblk0p3/start) + $(cat mmcblk0p3/size); cat size; cd')
  )
    .split('\n')
    .map(Number);
  expect([end, disk]).toEqual([2 ** 21, 2 ** 21]);
  expect(Number(await ask(guest, "df -m /var | awk 'END {print $2}'"))).toBeGreaterThan(900);
  expect(await ask(guest, 'ls -1A /data; ls -1d /var/lib /var/spool/cron/crontabs; stat -c %a /var/tmp')).toBe(
    '.filled\nlost+found\nvar\n/var/lib\n/var/spool/cron/crontabs\n1777',
  );
  expect(await ask(guest, "dmesg | grep -ciE 'EXT4-fs (error|warning)'")).toBe('0');
  const id = await ask(guest, 'cat /etc/machine-id');
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  const keys = await ask(
    guest,
    `${KEYS}; for key in /etc/dropbear/*_key; do dropbearkey -y -f $key | grep Fingerprint; done`,
  );
  expect(keys.match(/SHA256:/g)).toHaveLength(2);
  return { id, keys };
}

describe('a first boot', () => {
  /** Milliseconds from the first process until everything is made. */
  let lasts: number;

  test('makes /data as large as the card, and what is told apart on it; the next boots keep that', async () => {
    const { powerOn, powerCut } = newBoard();
    const first = powerOn();
    await first.until('Run /sbin/init');
    const begun = Date.now();
    await logIn(first);
    await ask(first, KEYS);
    lasts = Date.now() - begun;
    await powerCut(first);
    const second = powerOn();
    const state = await expectWhole(second);
    await ask(second, 'echo mine > /var/lib/mine; sync');
    await powerCut(second);
    const third = powerOn('--identity', 'hostname=pi-07');
    expect(await expectWhole(third)).toEqual(state);
    expect(await ask(third, 'cat /data/var/lib/mine')).toBe('mine');
    expect(await ask(third, 'hostname; grep pi-07 /etc/hosts')).toBe('pi-07\n127.0.1.1\tpi-07');
    third.type('poweroff\n');
    expect(await third.ended).toBe(0);
  });

  test.each(Array.from({ length: POWER_CUTS }, (_, cut) => (cut + 0.5) / POWER_CUTS))(
    'survives a power cut after %f of its time',
    async (part) => {
      const { powerOn, powerCut } = newBoard();
      const first = powerOn();
      await first.until('Run /sbin/init');
      await wait(lasts * part);
      await powerCut(first);
      const second = powerOn();
      await expectWhole(second);
      await powerCut(second);
    },
  );
});
