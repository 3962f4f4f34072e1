import { join } from 'node:path';
import { z } from 'zod';
import { type Diagnostic, didYouMean, Failure, sortDiagnostics } from '../diagnostic.ts';
import { resolveChecks } from './check.ts';
import { type RecipeDocument, readDocument } from './document.ts';
import { filesBelow, type RecipeFile, readIfThere } from './files.ts';
import { parseLock } from './lock.ts';
import type { DebsLock, Package } from './model.ts';
import { recipeProblem } from './problem.ts';
import { attempt, parseRecipe, type Reading } from './read.ts';
import { renderPlain } from './render.ts';
import { packageBase } from './schema.ts';

/** What the loader needs of the kinds: the schema of each one's own keys (a `z.strictObject`). */
export type KindSchemas = ReadonlyMap<string, { readonly schema: z.ZodType }>;

const LOCK = 'debs.lock.json';

const base = z.object(packageBase);
type Base = z.infer<typeof base>;

/** The closed schema of the packages of one kind: the keys that every package has, and the kind's own. */
export function packageSchema(kind: string, own: z.ZodType): z.ZodType<Base> {
  if (!(own instanceof z.ZodObject)) throw new Error(`the schema of kind '${kind}' is no z.strictObject`);
  const described = z.literal(kind).meta({ description: 'What kind of package it is' });
  const schema: z.ZodType = z.strictObject({ ...packageBase, ...own.shape, kind: described });
  const rules = (own._zod.def.checks ?? []) as z.core.$ZodCheck<unknown>[];
  return (rules.length > 0 ? schema.check(...rules) : schema) as z.ZodType<Base>;
}

/** Reads and resolves a package's recipe. Throws a `Failure` with all that is wrong with it. */
export function loadPackage(
  name: string,
  { folder, file, bytes }: RecipeFile,
  kinds: KindSchemas,
  reading: Reading,
): Package {
  const problems: Diagnostic[] = [];
  const document = readDocument(bytes, reading.display(file), reading.memo);
  const recipe = parsePackage(document, kinds, problems);
  if (typeof document.value.package === 'string') problems.push(...misnamed('package', name, document));
  const lock = attempt(problems, () => readLock(folder, reading.display));
  if (recipe === undefined) throw new Failure(...sortDiagnostics(problems));
  const rendered = renderPlain(recipe, document, facts(recipe), problems);
  const pack = resolvePackage(rendered, document, { folder, ...(lock && { lock }) }, problems);
  if (problems.length > 0) throw new Failure(...sortDiagnostics(problems));
  return pack;
}

/** A recipe says its own name, and it is that of its folder: so it can be found, and copies are told apart. */
export function misnamed(key: 'board' | 'package', name: string, document: RecipeDocument): Diagnostic[] {
  const given = document.value[key];
  if (given === name) return [];
  const message = `the ${key} is called '${given}', but its folder '${name}'`;
  return [recipeProblem('name', message, document.at([key]), `write '${key}: ${name}', or rename the folder`)];
}

function parsePackage(document: RecipeDocument, kinds: KindSchemas, problems: Diagnostic[]): Base | undefined {
  const { kind } = document.value;
  if (typeof kind !== 'string') return parseRecipe(document, base, problems);
  const own = kinds.get(kind)?.schema;
  if (own !== undefined) return parseRecipe(document, schemaOf(kind, own), problems);
  const hint = didYouMean(kind, kinds.keys());
  problems.push(recipeProblem('unknown-kind', `unknown kind of package '${kind}'`, document.at(['kind']), hint));
  parseRecipe(document, base, problems);
  return undefined;
}

/** The merged schemas, by the kind's own one: many packages are of one kind. */
const schemas = new WeakMap<z.ZodType, z.ZodType<Base>>();

function schemaOf(kind: string, own: z.ZodType): z.ZodType<Base> {
  const schema = schemas.get(own) ?? packageSchema(kind, own);
  schemas.set(own, schema);
  return schema;
}

/** What the templates of a package's recipe may name. */
function facts({ package: name, kind, version }: Base): Record<string, string> {
  return { package: name, kind, ...(version !== undefined && { version }) };
}

function readLock(folder: string, display: (file: string) => string): DebsLock | undefined {
  const file = join(folder, LOCK);
  const bytes = readIfThere(file);
  return bytes && parseLock(bytes, display(file));
}

function resolvePackage(
  recipe: Base,
  document: RecipeDocument,
  { folder, lock }: Pick<Package, 'folder' | 'lock'>,
  problems: Diagnostic[],
): Package {
  const at: Package['at'] = (...path) => document.at(path);
  let files: readonly string[] | undefined;
  return {
    name: recipe.package,
    kind: recipe.kind,
    summary: recipe.summary ?? '',
    version: recipe.version ?? '',
    license: recipe.license ?? '',
    depends: recipe.depends ?? [],
    permissions: recipe.permissions ?? [],
    replace: recipe.replace ?? [],
    checks: resolveChecks(recipe.checks ?? [], recipe.package, at, problems),
    recipe,
    folder,
    get files() {
      files ??= filesBelow(folder);
      return files;
    },
    ...(lock && { lock }),
    at,
    written: (...path) => (document.has(path) ? document.at(path) : undefined),
  };
}
