import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Line, seconds } from './line.ts';
import { pibuild, timed } from './process.ts';
import { withProject } from './project.ts';

const MOST_BYTES = 12e6;
const MOST_MILLISECONDS = 15_000;

const BOARD = `board: small
extends: rpi3-minimal
without: {packages: [firmware-brcm80211, bluez-firmware, wireless-regdb]}
image: {partitions: {root: {format: squashfs}}}
`;

/** The smallest system that is still of use, and how long it takes until somebody can log in. */
export const minimalImage: Line = {
  name: 'minimal-image',
  what: 'the minimal root as squashfs, without Wi-Fi firmware; QEMU to login',
  against: '-',
  bar: '< 12 MB, < 15 s',
  measure: (say) =>
    withProject({ 'boards/small/board.yaml': BOARD }, async (folder) => {
      say('make small');
      await timed(pibuild(['-C', folder, 'make', 'small']));
      const bytes = squashfsSize(readFileSync(join(folder, 'output/small/small.img')));
      say('run small');
      const login = await timeToLogin(pibuild(['-C', folder, 'run', 'small']));
      return {
        ours: `${(bytes / 1e6).toFixed(1)} MB, ${seconds(login)}`,
        theirs: '-',
        result: '-',
        met: bytes < MOST_BYTES && login < MOST_MILLISECONDS,
      };
    }),
};

/** Of the card's second partition: `bytes_used` of the superblock (fs/squashfs/squashfs_fs.h), an offset of 40 in it. */
function squashfsSize(card: Buffer): number {
  const partition = card.readUInt32LE(446 + 16 + 8) * 512;
  if (card.toString('latin1', partition, partition + 4) !== 'hsqs') throw new Error('the root is no squashfs');
  return Number(card.readBigUInt64LE(partition + 40));
}

/** Milliseconds from the start of pibuild until the console asks who it is. */
async function timeToLogin(argv: readonly string[]): Promise<number> {
  const [program = '', ...words] = argv;
  const start = performance.now();
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let printed = '';
  const took = await new Promise<number>((resolve, reject) => {
    child.stdout.on('data', (data: Buffer) => {
      printed += data;
      if (/ login: /.test(printed)) resolve(performance.now() - start);
    });
    child.on('close', () => reject(new Error(`no login was seen:\n${printed.slice(-2000)}`)));
  });
  child.kill('SIGINT');
  await ended;
  return took;
}
