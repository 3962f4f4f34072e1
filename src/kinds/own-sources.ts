import { posix } from 'node:path';
import { Failure } from '../diagnostic.ts';
import type { Input } from '../graph/task.ts';
import { matcher } from '../image/tree-path.ts';
import type { Package } from '../recipe/model.ts';
import { ownFile } from './unpack.ts';

/** What `make` leaves in a module's folder for who builds it there by hand, and what is for people or the recipe's. */
const NOT_SOURCE = [
  '**/.*',
  '**/.*/**',
  '**/*.{ko,o,a,mod,order,symvers,cmd}',
  '**/*.mod.c',
  '**/Module.symvers',
  '**/*.md',
  'LICENSE',
  'package.yaml',
  'debs.lock.json',
];

/**
 * The files of a package's folder (or of one in it) that are its source, as inputs `source/*`. `exclude` are further globs of
 * what is none.
 *
 * @throws Failure `recipe/missing-file`
 */
export function ownSources(pack: Package, folder: string, exclude: readonly string[]): Record<string, Input> {
  const base = posix.normalize(folder).replace(/\/$/, '');
  const patches = (pack.recipe as { patches?: string[] }).patches ?? [];
  const excluded = [...NOT_SOURCE.flatMap(braces), ...exclude.flatMap((glob) => [glob, `${glob}/**`]), ...patches].map(
    matcher,
  );
  const files = pack.files
    .filter((file) => !excluded.some((matches) => matches(file)))
    .filter((file) => base === '.' || file.startsWith(`${base}/`));
  if (files.length === 0) throw noSource(pack, base);
  return Object.fromEntries(
    files.map((file) => {
      const input = ownFile(pack, file, 'source', 'folder');
      return [`source/${base === '.' ? file : file.slice(base.length + 1)}`, input];
    }),
  );
}

/** `*.{a,b}` as `*.a` and `*.b`. */
function braces(glob: string): string[] {
  const [, before = '', choices, after = ''] = /^(.*)\{(.*)\}(.*)$/.exec(glob) ?? [];
  return choices === undefined ? [glob] : choices.split(',').map((choice) => `${before}${choice}${after}`);
}

function noSource(pack: Package, folder: string): Failure {
  const where = folder === '.' ? 'beside the recipe' : `in '${folder}'`;
  const message = `there is no source ${where} of package '${pack.name}'`;
  return new Failure({ severity: 'error', code: 'recipe/missing-file', message, at: pack.at('source', 'folder') });
}
