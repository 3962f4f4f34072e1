import { createRequire } from 'node:module';
import type Handlebars from 'handlebars';
import { Failure } from '../diagnostic.ts';
import { recipeProblem } from './problem.ts';
import type { TemplatePlace } from './template.ts';

/** Handlebars' own parser, and its tree in the few shapes that our templates may have. */

/** A piece of the template, by offsets. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export type Part =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'value'; readonly expression: Expression }
  | Block;

export interface Block extends Range {
  readonly type: 'block';
  readonly name: string;
  readonly params: readonly Expression[];
  /** The names of `as |item key|`. */
  readonly names: readonly string[];
  readonly body: readonly Part[];
  readonly otherwise: readonly Part[];
}

export type Expression =
  | (Range & { readonly type: 'literal'; readonly value: string | number | boolean })
  | (Range & { readonly type: 'call'; readonly name: string; readonly params: readonly Expression[] })
  | PathExpression;

export interface PathExpression extends Range {
  readonly type: 'path';
  /** As it is written. */
  readonly text: string;
  /** Whether it begins with `@`. */
  readonly data: boolean;
  /** How many `../` it begins with. */
  readonly depth: number;
  readonly parts: readonly string[];
}

/** Parses a template. Throws a `Failure` for what Handlebars does not understand or we do not allow. */
export function parseTemplate(template: string, place: TemplatePlace): readonly Part[] {
  const starts = [...template.matchAll(/^/gm)].map(({ index }) => index);
  const offset = ({ line, column }: hbs.AST.Position) => (starts[line - 1] ?? 0) + column;
  const range = ({ loc }: hbs.AST.Node) => ({ start: offset(loc.start), end: offset(loc.end) });
  return convertProgram(parse(template, place, offset), {
    range,
    refuse: (node, message, hint) => refusal(range(node), message, place, hint),
  });
}

interface Conversion {
  range(node: hbs.AST.Node): Range;
  refuse(node: hbs.AST.Node, message: string, hint?: string): Failure;
}

/** Handlebars without its command line and its source maps, which take longer to load than to use. */
function parse(
  template: string,
  place: TemplatePlace,
  offset: (position: hbs.AST.Position) => number,
): hbs.AST.Program {
  const handlebars: typeof Handlebars = createRequire(import.meta.url)('handlebars/dist/handlebars.min.js');
  try {
    return handlebars.parse(template);
  } catch (error) {
    throw syntaxFailure(error as ParseError, template, place, offset);
  }
}

/** What Handlebars throws: with a place when a block is closed by another name, else with the line in its text alone. */
interface ParseError extends Error {
  lineNumber?: number;
  column?: number;
}

function syntaxFailure(
  error: ParseError,
  template: string,
  place: TemplatePlace,
  offset: (position: hbs.AST.Position) => number,
): Failure {
  if (error.lineNumber !== undefined && error.column !== undefined) {
    const start = offset({ line: error.lineNumber, column: error.column });
    return refusal({ start, end: start + 1 }, error.message.replace(/ - [0-9]+:[0-9]+$/, ''), place);
  }
  const line = Number(error.message.match(/^Parse error on line ([0-9]+)/)?.[1] ?? 1);
  const token = error.message.match(/got '(.*)'$/)?.[1] ?? '';
  const next = offset({ line: line + 1, column: 0 });
  const before = next === 0 ? template : template.slice(0, next);
  const start = Math.max(0, token === 'EOF' ? before.lastIndexOf('{{#') : before.lastIndexOf('{{'));
  const meanings: Record<string, string> = {
    EOF: 'this block is not closed',
    INVALID: "this is not a variable or a helper that ends in '}}'",
    CLOSE_UNESCAPED: "'}}}' only ends what '{{{' began",
    CLOSE: "something is missing between '{{' and '}}'",
    INVERSE: 'this does not stand in a block',
    OPEN_ENDBLOCK: 'no block is open here',
  };
  return refusal({ start, end: start + 2 }, meanings[token] ?? 'this cannot be read', place);
}

function refusal({ start, end }: Range, message: string, place: TemplatePlace, hint?: string): Failure {
  return new Failure(recipeProblem('template', `in a template: ${message}`, place(start, end - start), hint));
}

function convertProgram(program: hbs.AST.Program | undefined, conversion: Conversion): Part[] {
  return (program?.body ?? []).flatMap((statement) => convertStatement(statement, conversion));
}

function convertStatement(statement: hbs.AST.Statement, conversion: Conversion): Part[] {
  switch (statement.type) {
    case 'CommentStatement':
      return [];
    case 'ContentStatement':
      return [{ type: 'text', text: (statement as hbs.AST.ContentStatement).value }];
    case 'MustacheStatement':
      return [{ type: 'value', expression: convertCall(statement as hbs.AST.MustacheStatement, conversion) }];
    case 'BlockStatement':
      return [convertBlock(statement as hbs.AST.BlockStatement, conversion)];
    default:
      throw conversion.refuse(statement, 'partials and decorators are not allowed', 'use another overlay file');
  }
}

function convertBlock(block: hbs.AST.BlockStatement, conversion: Conversion): Block {
  refuseHash(block, conversion);
  return {
    type: 'block',
    ...conversion.range(block.path),
    name: block.path.original,
    params: block.params.map((param) => convertExpression(param, conversion)),
    names: block.program?.blockParams ?? [],
    body: convertProgram(block.program, conversion),
    otherwise: convertProgram(block.inverse, conversion),
  };
}

/** `{{name}}` is a variable, `{{name value}}` the call of a helper. */
function convertCall(call: hbs.AST.MustacheStatement | hbs.AST.SubExpression, conversion: Conversion): Expression {
  refuseHash(call, conversion);
  if (call.params.length === 0 && call.type === 'MustacheStatement') return convertExpression(call.path, conversion);
  const name = (call.path as hbs.AST.PathExpression).original;
  const params = call.params.map((param) => convertExpression(param, conversion));
  return { type: 'call', ...conversion.range(call.path), name: String(name), params };
}

function convertExpression(expression: hbs.AST.Expression, conversion: Conversion): Expression {
  const range = conversion.range(expression);
  switch (expression.type) {
    case 'PathExpression': {
      const { data, depth, parts, original } = expression as hbs.AST.PathExpression;
      return { type: 'path', ...range, text: original, data: data === true, depth, parts };
    }
    case 'SubExpression':
      return convertCall(expression as hbs.AST.SubExpression, conversion);
    case 'StringLiteral':
    case 'NumberLiteral':
    case 'BooleanLiteral':
      return { type: 'literal', ...range, value: (expression as hbs.AST.StringLiteral).value };
    default:
      throw conversion.refuse(expression, 'a variable is expected here');
  }
}

function refuseHash(call: { hash?: hbs.AST.Hash }, conversion: Conversion): void {
  if (call.hash) throw conversion.refuse(call.hash, "helpers take no 'name=value'");
}
