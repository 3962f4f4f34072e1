import { z } from 'zod';
import { compiledKeys, planCompiled, toolchain } from './compiled.ts';
import type { PackageKind } from './kind.ts';

const makeRecipe = z.strictObject(compiledKeys);

export type MakeRecipe = z.infer<typeof makeRecipe>;

/**
 * A program with a plain makefile. The cross toolchain stands on make's command line, since many a makefile says
 * `CC = gcc`; compiler flags are in the environment, where `CFLAGS += ...` adds to them.
 */
export const makeKind: PackageKind<MakeRecipe> = {
  kind: 'make',
  schema: makeRecipe,
  plan: (pack, context) => planCompiled(pack, context, { variables: toolchain }),
};
