import { z } from 'zod';
import { type KindSchemas, packageSchema } from './package.ts';
import { board, packageBase, projectFile } from './schema.ts';

/** The recipes' schemas for editors. Draft 7, which all YAML language servers read. */

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Of board.yaml. */
export function boardJsonSchema(): JsonSchema {
  return { ...jsonSchema(board), title: 'A board of pibuild (board.yaml)' };
}

/** Of pibuild.yaml. */
export function projectJsonSchema(): JsonSchema {
  return { ...jsonSchema(projectFile), title: 'A project of pibuild (pibuild.yaml)' };
}

/** Of the package.yaml of one kind. */
export function packageJsonSchemaOf(kind: string, own: z.ZodType): JsonSchema {
  return { ...jsonSchema(packageSchema(kind, own)), title: `A package of kind ${kind} (package.yaml)` };
}

/**
 * Of every package.yaml: the keys that all packages have, and by what `kind` says those of the kind. (Conditions and not
 * alternatives, so that an editor's complaint is about the kind that was meant.)
 */
export function packageJsonSchema(kinds: KindSchemas): JsonSchema {
  const { properties = {}, required = [], ...rest } = jsonSchema(z.strictObject(packageBase));
  const { additionalProperties: _closed, ...open } = rest;
  const names = [...kinds.keys()].sort();
  const kind = { ...(properties.kind as object), enum: names };
  return {
    ...open,
    title: 'A package of pibuild (package.yaml)',
    properties: { ...properties, kind },
    required,
    allOf: names.map((name) => ({
      if: { properties: { kind: { const: name } }, required: ['kind'] },
      // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
      then: ownKeys(kinds.get(name)?.schema, properties),
    })),
  };
}

/** A kind's own keys; those of every package are described outside and only allowed here. */
function ownKeys(own: z.ZodType | undefined, base: Readonly<Record<string, unknown>>): JsonSchema {
  const { $schema: _dialect, ...schema } = jsonSchema(own ?? z.strictObject({}));
  const known = Object.fromEntries(Object.keys(base).map((key) => [key, true]));
  return { ...schema, properties: { ...known, ...schema.properties } };
}

function jsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { target: 'draft-7', io: 'input' });
}
