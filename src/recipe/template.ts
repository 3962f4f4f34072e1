import { type Diagnostic, didYouMean, Failure, type SourceLocation } from '../diagnostic.ts';
import {
  type Block,
  type Expression,
  type Part,
  type PathExpression,
  parseTemplate,
  type Range,
} from './handlebars.ts';
import { type Memo, memoised } from './memo.ts';
import type { Variables } from './model.ts';
import { recipeProblem } from './problem.ts';

/** The place of a piece of a template, by offset and length. */
export type TemplatePlace = (offset: number, length: number) => SourceLocation;

/**
 * Fills in a template: Handlebars as its own parser reads it, run strictly. An unknown variable is an error, nothing
 * is escaped, only a value's own properties are seen, and there are no partials and no helpers but the pure ones
 * below. Throws a `Failure` with every problem of the template.
 */
export function renderTemplate(template: string, variables: Variables, place: TemplatePlace, memo?: Memo): string {
  if (!template.includes('{{')) return template;
  const plain = renderPlain(template, variables);
  if (plain !== undefined) return plain;
  const rendering: Rendering = { root: variables, place, problems: [] };
  const parts = memoised(memo, 'template', template, () => parseTemplate(template, place));
  const text = renderParts(parts, { context: variables, data: {}, names: {} }, rendering);
  if (rendering.problems.length > 0) throw new Failure(...rendering.problems);
  return text;
}

/** Helpers with how many arguments they take. Pure functions of their arguments. */
const HELPERS: Readonly<Record<string, { least: number; most: number; run(...values: unknown[]): unknown }>> = {
  eq: { least: 2, most: 2, run: (a, b) => a === b },
  ne: { least: 2, most: 2, run: (a, b) => a !== b },
  not: { least: 1, most: 1, run: (value) => !isTrue(value) },
  and: { least: 2, most: 9, run: (...values) => values.every(isTrue) },
  or: { least: 2, most: 9, run: (...values) => values.some(isTrue) },
  includes: { least: 2, most: 2, run: (list, value) => Array.isArray(list) && list.includes(value) },
  join: { least: 2, most: 2, run: (list, between) => (Array.isArray(list) ? list.join(String(between)) : list) },
  json: { least: 1, most: 1, run: (value) => JSON.stringify(value) },
};

const BLOCKS = ['each', 'if', 'unless'];

const PLAIN = /\{\{\s*([A-Za-z_]\w*(?:\.\w+)*)\s*\}\}/g;
const WORDS = new Set(['else', 'this', 'true', 'false', 'null', 'undefined']);

/**
 * A template that only names variables, without loading Handlebars: most recipes hold no other, and every start of
 * pibuild would pay for it. Undefined when it is anything else, or wrong.
 */
function renderPlain(template: string, variables: Variables): string | undefined {
  let text = '';
  let end = 0;
  for (const match of template.matchAll(PLAIN)) {
    const literal = template.slice(end, match.index);
    const names = (match[1] ?? '').split('.');
    const value = names.reduce<unknown>((inner, name) => own(inner, name), variables);
    const next = template[match.index + match[0].length];
    if (next === '}' || /\{\{|[\\{]$/.test(literal) || WORDS.has(names[0] ?? '') || !isText(value)) return undefined;
    text += literal + String(value);
    end = match.index + match[0].length;
  }
  const rest = template.slice(end);
  return rest.includes('{{') ? undefined : text + rest;
}

/** What a part of a template sees: `this`, the `@` names, the names of `as |...|`, and the scope around a block. */
interface Scope {
  readonly context: unknown;
  readonly data: Readonly<Record<string, unknown>>;
  readonly names: Readonly<Record<string, unknown>>;
  readonly outer?: Scope;
}

/** One rendering, which goes on after a problem so as to find them all. */
interface Rendering {
  readonly root: Variables;
  readonly place: TemplatePlace;
  readonly problems: Diagnostic[];
}

/** Stands for a value that was reported as missing, so that one mistake is told once. */
const MISSING = Symbol('missing');

function renderParts(parts: readonly Part[], scope: Scope, rendering: Rendering): string {
  return parts.map((part) => renderPart(part, scope, rendering)).join('');
}

function renderPart(part: Part, scope: Scope, rendering: Rendering): string {
  if (part.type === 'text') return part.text;
  if (part.type === 'block') return renderBlock(part, scope, rendering);
  const value = evaluate(part.expression, scope, rendering);
  if (value === MISSING) return '';
  if (isText(value)) return String(value);
  const what = Array.isArray(value) ? 'a list' : 'a map';
  report(rendering, part.expression, 'template', `this is ${what}, not text`, 'write it with #each, join or json');
  return '';
}

function renderBlock(block: Block, scope: Scope, rendering: Rendering): string {
  const [argument] = block.params;
  if (!BLOCKS.includes(block.name)) {
    report(rendering, block, 'template', `unknown block '#${block.name}'`, didYouMean(block.name, BLOCKS));
    return '';
  }
  if (argument === undefined || block.params.length > 1) {
    report(rendering, block, 'template', `'#${block.name}' takes one value`);
    return '';
  }
  const value = evaluate(argument, scope, rendering);
  if (block.name === 'each') return renderEach(block, argument, value, scope, rendering);
  return renderParts(isTrue(value) === (block.name === 'if') ? block.body : block.otherwise, scope, rendering);
}

function renderEach(block: Block, argument: Expression, value: unknown, scope: Scope, rendering: Rendering): string {
  if (value === MISSING) return '';
  if (typeof value !== 'object' || value === null) {
    report(rendering, argument, 'template', "'#each' takes a list or a map");
    return '';
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return renderParts(block.otherwise, scope, rendering);
  const rounds = entries.map(([key, item], index) => {
    const data = {
      index,
      key: Array.isArray(value) ? index : key,
      first: index === 0,
      last: index === entries.length - 1,
    };
    const [itemName, keyName] = block.names;
    const names = { ...(itemName && { [itemName]: item }), ...(keyName && { [keyName]: data.key }) };
    return renderParts(block.body, { context: item, data, names, outer: scope }, rendering);
  });
  return rounds.join('');
}

function evaluate(expression: Expression, scope: Scope, rendering: Rendering): unknown {
  if (expression.type === 'literal') return expression.value;
  if (expression.type === 'path') return lookUp(expression, scope, rendering);
  const helper = Object.hasOwn(HELPERS, expression.name) ? HELPERS[expression.name] : undefined;
  if (helper === undefined) {
    const hint = didYouMean(expression.name, Object.keys(HELPERS));
    report(rendering, expression, 'template', `unknown helper '${expression.name}'`, hint);
    return MISSING;
  }
  const count = expression.params.length;
  if (count < helper.least || count > helper.most) {
    const needed = helper.least === helper.most ? helper.least : `at least ${helper.least}`;
    report(rendering, expression, 'template', `'${expression.name}' takes ${needed} values, not ${count}`);
    return MISSING;
  }
  const values = expression.params.map((param) => evaluate(param, scope, rendering));
  return values.includes(MISSING) ? MISSING : helper.run(...values);
}

function lookUp(path: PathExpression, scope: Scope, rendering: Rendering): unknown {
  let value = startOf(path, scope, rendering.root);
  for (const [index, name] of path.parts.entries()) {
    const inner = own(value, name);
    if (inner === undefined) return reportUnknown(path, index, value, scope, rendering);
    value = inner;
  }
  return value ?? reportUnknown(path, 0, undefined, scope, rendering);
}

/** Where a path sets out from: the `@` names, the names of an `as |...|`, or the value that the block is about. */
function startOf(path: PathExpression, scope: Scope, root: Variables): unknown {
  if (path.data) return { ...scope.data, root };
  const [head] = path.parts;
  const named = path.depth === 0 && head !== undefined ? holderOf(head, scope) : undefined;
  if (named !== undefined) return named;
  let here: Scope | undefined = scope;
  for (let level = 0; level < path.depth; level++) here = here?.outer;
  return here?.context;
}

function reportUnknown(
  path: PathExpression,
  index: number,
  holder: unknown,
  scope: Scope,
  rendering: Rendering,
): typeof MISSING {
  const name = path.parts[index] ?? '';
  const known = typeof holder === 'object' && holder !== null ? Object.keys(holder) : [];
  const isOutside = path.depth === 0 && scope.outer !== undefined && own(scope.outer.context, name) !== undefined;
  const before = path.parts.slice(0, index);
  const names = known.map((one) => [...before, one].join('.'));
  const hint = isOutside ? `inside #each it is '../${name}'` : didYouMean([...before, name].join('.'), names);
  report(rendering, path, 'unknown-variable', `unknown variable '${path.text}'`, hint);
  return MISSING;
}

function report(rendering: Rendering, range: Range, code: string, message: string, hint?: string): void {
  const at = rendering.place(range.start, range.end - range.start);
  rendering.problems.push(recipeProblem(code, message, at, hint));
}

/** The `as |...|` names that hold this one, the innermost first. */
function holderOf(name: string, scope: Scope | undefined): Scope['names'] | undefined {
  if (scope === undefined) return undefined;
  return Object.hasOwn(scope.names, name) ? scope.names : holderOf(name, scope.outer);
}

function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

function isText(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** As Handlebars' own `if` has it: an empty list is false too. */
function isTrue(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== MISSING && Boolean(value);
}
