import { z } from 'zod';
import type { Input } from '../graph/task.ts';
import type { Package } from '../recipe/model.ts';
import type { PlanContext } from './kind.ts';
import { quote, script } from './script.ts';

/** What packages that are built by make have in common: the key `make:`, and what `depends:` brings. */

export const makeKey = z
  .strictObject({
    targets: z.array(z.string()).default([]).meta({ description: 'What to make; none: what make takes by itself' }),
    install: z.string().default('install').meta({ description: 'The target that installs (default install)' }),
    variables: z.record(z.string().regex(/^\w+$/), z.string()).default({}).meta({
      description: 'Variables for every make. $STAGE is where to install to, $SYSROOT what `depends` brought',
    }),
  })
  .prefault({})
  .meta({ description: 'How make is called' });

export type MakeKey = z.infer<typeof makeKey>;

/** Variables as words for make. */
export function makeVariables(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${shellText(value)}`)
    .join(' ');
}

/** A text for the shell in which $STAGE and $SYSROOT are variables, and nothing else is. */
export function shellText(text: string): string {
  const words = text.split(/(\$(?:STAGE|SYSROOT)\b)/);
  if (words.length === 1) return quote(text);
  return words.map((word, index) => (index % 2 === 1 ? `"${word}"` : word === '' ? '' : quote(word))).join('');
}

/** The sysroots of the packages that this one depends on. */
export function sysrootInputs(pack: Package, context: PlanContext): Record<string, Input> {
  const inputs = pack.depends.flatMap((name, index): [string, Input][] => {
    const { sysroot } = context.package(name, pack);
    return sysroot ? [[`sysroots/${index}`, sysroot]] : [];
  });
  return Object.fromEntries(inputs);
}

/** Bash that makes $STAGE, to install to, and $SYSROOT, where all sysroots lie in one. */
export const makeFolders = script`
STAGE=$PWD/stage SYSROOT=$PWD/sysroot
mkdir "$STAGE" "$SYSROOT"
for tree in in/sysroots/*; do [ ! -d "$tree" ] || cp -r "$tree/." "$SYSROOT/"; done`.trim();
