import { Document, isCollection, isScalar, Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import type { SourceLocation } from '../diagnostic.ts';
import { pad, textWidth } from '../report/format.ts';

/** A value with the place that says it; without one it is what pibuild takes by default. */
export class Sourced {
  readonly value: unknown;
  readonly at: SourceLocation | undefined;

  constructor(value: unknown, at: SourceLocation | undefined) {
    this.value = value;
    this.at = at;
  }
}

/** Plain data whose leaves are `Sourced`: each leaf of a recipe's value with its place. */
export function sourced(
  value: unknown,
  written: (...path: readonly (string | number)[]) => SourceLocation | undefined,
  path: readonly (string | number)[] = [],
): unknown {
  if (Array.isArray(value)) return value.map((item, index) => sourced(item, written, [...path, index]));
  if (typeof value !== 'object' || value === null) return new Sourced(value, written(...path));
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, sourced(inner, written, [...path, key])]),
  );
}

/** The same data without the places. */
export function unsourced(value: unknown): unknown {
  if (value instanceof Sourced) return value.value;
  if (Array.isArray(value)) return value.map(unsourced);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unsourced(inner)]));
}

/** Stands before the place of a value until the lines are aligned; no recipe holds it. */
const MARK = '\u0001';
/** How far comments are moved to the right at most, in columns. */
const WIDEST = 60;

/** YAML with a comment behind each `Sourced` value that says where it comes from. */
export function formatSourced(value: unknown): string {
  const document = new Document(value, (_key, inner) => (inner instanceof Sourced ? commented(inner) : inner));
  tidy(document.contents);
  return align(document.toString({ lineWidth: 0, flowCollectionPadding: false }));
}

function commented({ value, at }: Sourced): Scalar {
  const scalar = new Scalar(value);
  scalar.comment = `${MARK}${at === undefined ? 'default' : `${at.file}:${at.line}`}`;
  return scalar;
}

/** Empty lists and maps stay on the line of their key. */
function tidy(node: unknown): void {
  if (!isCollection(node)) return;
  if (node.items.length === 0) (node as YAMLMap | YAMLSeq).flow = true;
  for (const item of node.items) tidy(isScalar(item) ? item : ((item as { value?: unknown }).value ?? item));
}

function align(text: string): string {
  const lines = text.split('\n').map((line) => line.split(` #${MARK}`));
  const widths = lines.flatMap(([before = '', place]) => (place === undefined ? [] : [textWidth(before)]));
  const column = Math.min(WIDEST, Math.max(0, ...widths));
  return lines
    .map(([before = '', place]) => (place === undefined ? before : `${pad(before, column)}  # ${place}`))
    .join('\n');
}
