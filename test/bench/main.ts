import { table } from '../../src/report/format.ts';
import { kernelCold, kernelOption } from './kernel.ts';
import type { Line, Measured } from './line.ts';
import { minimalImage } from './minimal-image.ts';
import { moduleEdit, moduleImage } from './module-edit.ts';
import { nothingToDo } from './nothing-to-do.ts';
import { overlayEdit } from './overlay-edit.ts';
import { planning } from './planning.ts';
import { setValue } from './set-value.ts';
import { storing } from './storing.ts';
import { userland, userlandRebuild, userlandSize } from './userland.ts';

/** `npm run bench [-- name...]`: measures, and prints one table. Exit code 1 when a bar is missed. */

const MISSED = 'missed';

const lines: readonly Line[] = [
  kernelCold,
  nothingToDo,
  overlayEdit,
  kernelOption,
  moduleEdit,
  moduleImage,
  planning,
  storing,
  minimalImage,
  setValue,
  userland,
  userlandRebuild,
  userlandSize,
];

const words = process.argv.slice(2);
const unknown = words.filter((word) => word !== '--all' && !lines.some(({ name }) => name === word));
if (unknown.length > 0) {
  const rows = lines.map(({ name, what, long }) => ['  ', name, `${what}${long ? ' (long)' : ''}`]);
  process.stderr.write(
    `there is no measurement '${unknown.join(', ')}'; there are, and --all:\n${table(rows).join('\n')}\n`,
  );
  process.exit(2);
}

const named = words.filter((word) => word !== '--all');
const chosen = lines.filter(({ name, long }) =>
  named.length > 0 ? named.includes(name) : !long || words.includes('--all'),
);
const rows: string[][] = [['what', 'ours', 'against', 'theirs', 'result', 'bar', '']];
for (const line of chosen) rows.push(await row(line));
process.stdout.write(`${table(rows).join('\n')}\n`);
if (rows.some((cells) => cells.at(-1) === MISSED)) process.exitCode = 1;

async function row(line: Line): Promise<string[]> {
  const say = (text: string): void => void process.stderr.write(`${line.name}: ${text}\n`);
  const measured = await line.measure(say).catch((error: Error): Measured => {
    say(error.message);
    return { ours: '-', theirs: '-', result: 'failed', met: false };
  });
  const { ours, theirs, result, met } = measured;
  return [line.what, ours, line.against, theirs, result, line.bar, met ? 'met' : MISSED];
}
