import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { pibuild } from '../../src/commands/program.ts';
import { folderOf } from '../helpers/recipes.ts';
import { sharedStore } from '../helpers/tools.ts';

/** What a product makes of rpi3-minimal, booted and put through the checks of the board, its packages and these. */

async function checked(board: string, recipe: string, env: Readonly<Record<string, string>> = {}) {
  const cwd = folderOf({ 'pibuild.yaml': '', [`boards/${board}/board.yaml`]: recipe });
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let said = '';
  for (const stream of [stdout, stderr]) stream.on('data', (data) => (said += data));
  const code = await pibuild(['test', board], {
    cwd,
    env: { ...process.env, PIBUILD_STORE: sharedStore, FORCE_COLOR: '0', ...env },
    stdin: new PassThrough(),
    stdout,
    stderr,
    signal: new AbortController().signal,
  });
  return { code, said };
}

test.each(['ext4', 'squashfs'])('a read-only root of %s is written to in memory alone', async (format) => {
  const { code, said } = await checked(
    'readonly',
    `board: readonly
extends: rpi3-minimal
root: {readonly: true}
image: {partitions: {root: {format: ${format}}}}
checks:
  - name: the card's root is below, and read-only
    run: grep ' /rom ${format} ro' /proc/mounts
  - name: what is written does not reach the card
    run: echo x > /etc/x && test ! -e /rom/etc/x && ! touch /rom/etc/x
`,
  );
  expect(code, said).toBe(0);
  expect(said).toContain('✓ what is written does not reach the card');
});

/** `openssl passwd -6 -salt saltsalt secret`. */
const HASH = '$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1';

test('a product takes back what makes rpi3-minimal a development board', async () => {
  const { code, said } = await checked(
    'product',
    `board: product
extends: rpi3-minimal
without: {overlays: [development]}
timezone: CET-1CEST,M3.5.0,M10.5.0/3
variables: {bluetooth: true, autologin: true}
users:
  root: {passwordless: false, password: ${HASH}}
  anna: {groups: [i2c]}
checks:
  - name: root cannot log in over the network without a key
    run: ps | grep 'dropbear -R -[g]'
    retry: 20s
  - name: no login waits where the Bluetooth chip is
    run: '! fuser /dev/ttyAMA0'
  - name: daemons keep the board's time
    run: tr '\\0' '\\n' < /proc/$(pidof syslogd)/environ
    matches: ^TZ=CET-1CEST
  - name: a user has the devices of her groups, and no others
    run: su anna -c 'test -w /dev/i2c-1 && ! test -r /dev/mmcblk0 && ! test -r /etc/shadow'
`,
    { PIBUILD_ROOT_PASSWORD: 'secret' },
  );
  expect(code, said).toBe(0);
  expect(said).toContain('✓ root cannot log in over the network without a key');
});

test('nobody without the password gets into a product', async () => {
  const { code, said } = await checked(
    'product',
    `board: product\nextends: rpi3-minimal\nusers: {root: {passwordless: false, password: ${HASH}}}\n`,
    { PIBUILD_ROOT_PASSWORD: 'wrong' },
  );
  expect(code).toBe(1);
  expect(said).toContain('✗ boots to a login prompt, and root gets in');
});
