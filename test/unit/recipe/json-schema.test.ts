import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageKinds } from '../../../src/kinds/index.ts';
import {
  boardJsonSchema,
  type JsonSchema,
  packageJsonSchema,
  packageJsonSchemaOf,
} from '../../../src/recipe/json-schema.ts';

const root = resolve(import.meta.dirname, '../../..');

describe('the published schemas', () => {
  test.each([
    ['boards/board.schema.json', boardJsonSchema()],
    ['packages/package.schema.json', packageJsonSchema(packageKinds)],
  ])('%s is what the code says (vitest -u writes it anew)', async (file, schema) => {
    await expect(`${JSON.stringify(schema, undefined, 2)}\n`).toMatchFileSnapshot(join(root, file));
  });

  test.each([
    ['board', boardJsonSchema()],
    ...[...packageKinds].map(([kind, { schema }]): [string, JsonSchema] => [kind, packageJsonSchemaOf(kind, schema)]),
  ])('describe every key of a %s', (_name, schema) => {
    expect(undescribed(schema, [])).toEqual([]);
  });

  test('close every map of known keys', () => {
    expect(open(packageJsonSchemaOf('tools', packageKinds.get('tools')?.schema ?? fail()), [])).toEqual([]);
    expect(open(boardJsonSchema(), [])).toEqual([]);
  });
});

test('every recipe names its schema in its first line, so that an editor completes it', () => {
  const listed = execFileSync('git', ['ls-files', 'boards', 'packages'], { cwd: root, encoding: 'utf8' });
  const recipes = listed
    .split('\n')
    .filter((file) => /\/(board|package)\.yaml$/.test(file) && existsSync(join(root, file)));
  const wrong = recipes.filter((file) => {
    const line = readFileSync(join(root, file), 'utf8').split('\n', 1)[0] ?? '';
    const named = line.match(/^# yaml-language-server: \$schema=(\S+)$/)?.[1];
    return named === undefined || !existsSync(join(root, dirname(file), named));
  });
  expect(wrong).toEqual([]);
});

/** The ways to the keys that have no description, theirs or that of what they hold. */
function undescribed(schema: JsonSchema, path: readonly string[]): string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const inner = value as JsonSchema;
    const branches = [...(inner.anyOf ?? [])] as JsonSchema[];
    const isDescribed = inner.description !== undefined || branches.some((branch) => branch.description !== undefined);
    return [...(isDescribed ? [] : [[...path, key].join('.')]), ...undescribed(inner, [...path, key])];
  });
  return [...own, ...inside(schema).flatMap((inner) => undescribed(inner, path))];
}

function open(schema: JsonSchema, path: readonly string[]): string[] {
  const isOpen = schema.properties !== undefined && schema.additionalProperties !== false;
  const properties = Object.entries(schema.properties ?? {}) as [string, JsonSchema][];
  return [
    ...(isOpen ? [path.join('.')] : []),
    ...properties.flatMap(([key, inner]) => open(inner, [...path, key])),
    ...inside(schema).flatMap((inner) => open(inner, path)),
  ];
}

function inside(schema: JsonSchema): JsonSchema[] {
  const parts = [schema.items, schema.additionalProperties, ...(schema.anyOf ?? [])];
  return parts.filter((part): part is JsonSchema => typeof part === 'object' && !Array.isArray(part));
}

function fail(): never {
  throw new Error('there is no kind tools');
}
