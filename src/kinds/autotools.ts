import { z } from 'zod';
import { compiledKeys, planCompiled } from './compiled.ts';
import type { PackageKind } from './kind.ts';
import { shellText } from './make-keys.ts';

const autotoolsRecipe = z.strictObject({
  ...compiledKeys,
  configure: z.array(z.string()).default([]).meta({
    description: 'Words for ./configure, after those for a cross compilation to /usr; they know $STAGE and $SYSROOT',
  }),
});

export type AutotoolsRecipe = z.infer<typeof autotoolsRecipe>;

/** The folders of a root, and which machine compiles for which: tools trees are amd64, boards arm64. */
const CONFIGURE = [
  '--build=x86_64-linux-gnu',
  '--host=aarch64-linux-gnu',
  '--prefix=/usr',
  '--sysconfdir=/etc',
  '--localstatedir=/var',
];

/** A program with a `configure` script, as released: autoconf itself is not run. */
export const autotoolsKind: PackageKind<AutotoolsRecipe> = {
  kind: 'autotools',
  schema: autotoolsRecipe,
  plan(pack, context) {
    const words = [...CONFIGURE, ...pack.recipe.configure].map(shellText);
    return planCompiled(pack, context, { configure: ['./configure', ...words].join(' \\\n  ') });
  },
};
