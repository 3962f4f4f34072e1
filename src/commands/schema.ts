import { didYouMean, fail } from '../diagnostic.ts';
import { packageKinds } from '../kinds/index.ts';
import {
  boardJsonSchema,
  type JsonSchema,
  packageJsonSchema,
  packageJsonSchemaOf,
  projectJsonSchema,
} from '../recipe/json-schema.ts';
import type { Context } from './context.ts';
import { type Call, exitCodes } from './verb.ts';

/** Prints the JSON Schema of board.yaml, package.yaml or pibuild.yaml. */
export async function run(context: Context, call: Call<{ kind?: string }>): Promise<number> {
  const [recipe = ''] = call.arguments;
  const indent = context.options.json ? undefined : 2;
  context.stdout.write(`${JSON.stringify(schemaOf(recipe, call.options.kind), undefined, indent)}\n`);
  return exitCodes.ok;
}

function schemaOf(recipe: string, kind: string | undefined): JsonSchema {
  if (kind !== undefined && recipe !== 'package')
    throw fail('cli/usage', '`--kind` goes with `pibuild schema package`');
  if (kind !== undefined) return kindSchema(kind);
  if (recipe === 'board') return boardJsonSchema();
  if (recipe === 'package') return packageJsonSchema(packageKinds);
  if (recipe === 'project') return projectJsonSchema();
  throw fail('cli/usage', `there is no schema '${recipe}'`, didYouMean(recipe, ['board', 'package', 'project']));
}

function kindSchema(kind: string): JsonSchema {
  const own = packageKinds.get(kind);
  if (own !== undefined) return packageJsonSchemaOf(kind, own.schema);
  throw fail('cli/unknown-kind', `there is no kind of package '${kind}'`, didYouMean(kind, packageKinds.keys()));
}
