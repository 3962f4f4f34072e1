import { Failure, type SourceLocation, textPlaces } from '../diagnostic.ts';

/** An instruction of a Dockerfile, with the lines that continue it. */
export interface Instruction {
  /** In capitals. */
  readonly name: string;
  /** What follows, lines joined. */
  readonly text: string;
  /** Where it begins. */
  readonly at: SourceLocation;
  /** The offset of the instruction into the file's text. */
  readonly start: number;
}

export interface Stage {
  /** The image that it begins with, build arguments filled in. */
  readonly base: string;
  /** `AS name`. */
  readonly name?: string;
  /** `FROM` first. */
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  readonly stages: readonly Stage[];
  /** Every image that it takes something from but its own stages: `FROM`, `COPY --from`. Each once, in order. */
  readonly images: readonly ImageUse[];
}

export interface ImageUse {
  readonly image: string;
  readonly at: SourceLocation;
  /** Where the name stands in the text, once for each time. */
  readonly spans: readonly { readonly start: number; readonly end: number }[];
}

/** Dockerfile reference, "Overview": what an instruction may be. */
const KNOWN = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  ),
);

/**
 * Reads of a Dockerfile what a plan must know before anything is built: the images that it needs, and which line each step is
 * on. What the instructions do is the builder's business.
 *
 * @throws Failure `dockerfile/syntax` at the line
 */
export function parseDockerfile(text: string, file: string, args: Readonly<Record<string, string>> = {}): Dockerfile {
  const place = textPlaces(file, text);
  const instructions = instructionsOf(text, place);
  const first = instructions.findIndex(({ name }) => name === 'FROM');
  if (first < 0) throw syntax('the Dockerfile has no FROM', place(0));
  const early = instructions.slice(0, first).find(({ name }) => name !== 'ARG');
  if (early) throw syntax(`${early.name} comes before the first FROM`, early.at);
  const values = argumentsOf(instructions.slice(0, first), args);
  const stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  const uses = new Map<string, { at: SourceLocation; spans: { start: number; end: number }[] }>();
  for (const instruction of instructions.slice(first)) {
    const use = instruction.name === 'FROM' ? beginStage(instruction, values, stages) : copiedFrom(instruction, stages);
    if (instruction.name !== 'FROM') stages.at(-1)?.instructions.push(instruction);
    if (use === undefined) continue;
    const known = uses.get(use.image) ?? { at: place(use.start, use.end - use.start), spans: [] };
    known.spans.push({ start: use.start, end: use.end });
    uses.set(use.image, known);
  }
  return { stages, images: [...uses].map(([image, use]) => ({ image, ...use })) };
}

/** The text with other names for images. */
export function withImages(text: string, { images }: Dockerfile, nameOf: (image: string) => string): string {
  const edits = images.flatMap(({ image, spans }) => spans.map((span) => ({ ...span, name: nameOf(image) })));
  let edited = text;
  for (const { start, end, name } of edits.sort((a, b) => b.start - a.start)) {
    edited = edited.slice(0, start) + name + edited.slice(end);
  }
  return edited;
}

/** The instructions by what the builder calls each step as it begins it: `STEP 2/5`, `[1/2] STEP 2/5`. */
export function stepPlaces({ stages }: Dockerfile): Map<string, Instruction> {
  const steps = new Map<string, Instruction>();
  stages.forEach(({ instructions }, stage) => {
    instructions.forEach((instruction, step) => {
      const of = stages.length > 1 ? `[${stage + 1}/${stages.length}] ` : '';
      steps.set(`${of}STEP ${step + 1}/${instructions.length}`, instruction);
    });
  });
  return steps;
}

type Place = ReturnType<typeof textPlaces>;

function instructionsOf(text: string, place: Place): Instruction[] {
  const lines = linesOf(text);
  const mark = continuationOf(lines);
  const found: Instruction[] = [];
  for (let at = 0; at < lines.length; at++) {
    const { start, line } = lines[at] as Line;
    if (/^\s*(#.*)?$/.test(line)) continue;
    const indent = line.search(/\S/);
    const joined = joinedFrom(lines, at, mark);
    const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(joined.text) ?? [];
    const name = word.toUpperCase();
    if (!KNOWN.has(name)) throw syntax(`unknown instruction '${word}'`, place(start + indent, word.length));
    if (rest === '') throw syntax(`${name} has nothing behind it`, place(start + indent, word.length));
    at = joined.last;
    if (['RUN', 'COPY', 'ADD'].includes(name)) at = behindHeredocs(rest, lines, at, place(start + indent));
    found.push({ name, text: rest, at: place(start + indent, line.trimEnd().length - indent), start: start + indent });
  }
  return found;
}

/** What at the end of a line says that the next one belongs to it: `# escape=` in the first lines may change it. */
function continuationOf(lines: readonly Line[]): string {
  const directives = lines.slice(0, 5).map(({ line }) => /^#\s*escape\s*=\s*(\S)\s*$/i.exec(line)?.[1]);
  return directives.find((each) => each !== undefined) ?? '\\';
}

/** An instruction that begins on a line, and the last line that it goes on to. Comments in between are left out. */
function joinedFrom(lines: readonly Line[], first: number, mark: string): { text: string; last: number } {
  const parts: string[] = [];
  let last = first;
  for (const [at, { line }] of lines.entries()) {
    if (at < first || (at > first && /^\s*#/.test(line))) continue;
    const trimmed = line.trimEnd();
    last = at;
    parts.push(trimmed.endsWith(mark) ? trimmed.slice(0, -1) : line);
    if (!trimmed.endsWith(mark)) break;
  }
  return { text: parts.join(' ').trim(), last };
}

interface Line {
  readonly start: number;
  readonly line: string;
}

function linesOf(text: string): Line[] {
  let start = 0;
  return text.split('\n').map((line) => {
    const each = { start, line };
    start += line.length + 1;
    return each;
  });
}

/** The line that ends the here-documents of an instruction: `RUN <<EOF`. */
function behindHeredocs(text: string, lines: readonly Line[], at: number, place: SourceLocation): number {
  let last = at;
  for (const [, , word = ''] of text.matchAll(/<<-?(["']?)([A-Za-z_][A-Za-z0-9_]*)\1/g)) {
    const end = lines.findIndex(({ line }, index) => index > last && line.trim() === word);
    if (end < 0) throw syntax(`the text that '<<${word}' begins has no end`, place);
    last = end;
  }
  return last;
}

/** What `ARG` before the first `FROM` says, unless the recipe says otherwise. */
function argumentsOf(
  instructions: readonly Instruction[],
  args: Readonly<Record<string, string>>,
): Map<string, string> {
  const values = new Map<string, string>();
  for (const { text } of instructions) {
    const [, name = '', , value] = /^([A-Za-z_][A-Za-z0-9_]*)(=(.*))?$/s.exec(text) ?? [];
    const said = args[name] ?? value?.trim().replace(/^(["'])(.*)\1$/s, '$2');
    if (said !== undefined) values.set(name, expand(said, values));
  }
  return values;
}

interface Use {
  readonly image: string;
  readonly start: number;
  readonly end: number;
}

function beginStage(instruction: Instruction, values: ReadonlyMap<string, string>, stages: Stage[]): Use | undefined {
  const match = /^((?:--[a-z]+=\S+\s+)*)(\S+)(?:\s+AS\s+(\S+))?\s*$/i.exec(instruction.text);
  if (!match) throw syntax('FROM wants the name of an image, and perhaps AS and the name of a stage', instruction.at);
  const [, , written = '', name] = match;
  const base = expand(written, values);
  if (base === '')
    throw syntax(`FROM ${written} names nothing: give the argument a value in the recipe's args`, instruction.at);
  const own = base === 'scratch' || isStage(base, stages);
  stages.push({ base, ...(name !== undefined && { name }), instructions: [instruction] });
  return own ? undefined : useOf(instruction, written, base);
}

function copiedFrom(instruction: Instruction, stages: readonly Stage[]): Use | undefined {
  if (!['COPY', 'ADD', 'RUN'].includes(instruction.name)) return undefined;
  const written = /(?:^|\s)--(?:from=|mount=\S*\bfrom=)([^\s,]+)/.exec(instruction.text)?.[1];
  if (written === undefined || isStage(written, stages) || /^[0-9]+$/.test(written)) return undefined;
  return useOf(instruction, written, written);
}

function isStage(name: string, stages: readonly Stage[]): boolean {
  return stages.some((stage) => stage.name?.toLowerCase() === name.toLowerCase());
}

/** Where a word of an instruction stands: the first of its kind behind the instruction's own name. */
function useOf({ at, start, text }: Instruction, written: string, image: string): Use {
  const within = (at.text ?? '').indexOf(written, at.column - 1);
  if (within >= 0)
    return { image, start: start + within - (at.column - 1), end: start + within - (at.column - 1) + written.length };
  throw syntax(`the name of the image must stand on the first line of '${text.slice(0, 40)}'`, at);
}

/** `$NAME`, `${NAME}`, `${NAME:-default}`. */
function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(
    /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))/g,
    (_, braced: string | undefined, fallback: string | undefined, bare: string | undefined) =>
      values.get(braced ?? bare ?? '') || (fallback ?? ''),
  );
}

function syntax(message: string, at: SourceLocation): Failure {
  return new Failure({ severity: 'error', code: 'dockerfile/syntax', message, at });
}
