import { type Diagnostic, failure, type Result, type SourceLocation, success, textPlaces } from '../diagnostic.ts';

/**
 * Registers as `i2cdump -y` prints them, in bytes or in words, and as i2c-stub-from-dump reads them:
 *
 *          0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f    0123456789abcdef
 *     80: 80 f8 f0 ff 00 10 08 fb 70 6b 43 67 18 fc 7d 8e    ?????.??pkCg??}?
 *
 * What `pibuild capture` brings home is several of these, each after a line `# chip 0x77`.
 */
export interface Dump {
  /** What was read of each register; XX is left out. Words are as SMBus has them, the first byte the lower one. */
  readonly registers: ReadonlyMap<number, number>;
  readonly valueBits: 8 | 16;
}

/**
 * Reads a dump; of a file with several chips, that of `address`.
 *
 * @returns diagnostics `hat/bad-dump`, each at its place, at most ten
 */
export function parseDump(text: string, file: string, address: number): Result<Dump> {
  const place = textPlaces(file, text);
  const lines = sectionOf(linesOf(text), address);
  if (lines === undefined) {
    const found = [...text.matchAll(SECTIONS)].map(([, chip]) => chip).join(', ');
    const message = `this file has no chip at 0x${address.toString(16).padStart(2, '0')}`;
    return failure({ ...problem(message, place(0)), hint: `it has ${found}` });
  }
  const problems: Diagnostic[] = [];
  const report = (message: string, offset: number, length: number, hint?: string) => {
    problems.push({ ...problem(message, place(offset, length)), ...(hint !== undefined && { hint }) });
  };
  const cells = lines.flatMap((line) => readLine(line, report));
  checkCells(cells, report);
  if (problems.length === 0 && cells.length === 0) {
    const hint = 'it should hold what `i2cdump -y BUS ADDRESS` printed';
    problems.push({ ...problem('there is no register in this dump', place(0)), hint });
  }
  if (problems.length > 0) return failure(...problems.slice(0, MOST));
  const known = cells.flatMap(({ register, value }): [number, number][] =>
    value === undefined ? [] : [[register, value]],
  );
  return success({ registers: new Map(known), valueBits: cells[0]?.digits === 4 ? 16 : 8 });
}

/**
 * The commands that print, on a real Pi, what is in all the chips of a bus. Only reads, and no address where writing probes harm.
 * `words`: the addresses of chips whose registers have 16 bits, of which a dump in bytes has only the first.
 */
export function captureScript(bus: number, words: readonly number[] = []): string {
  const wide = words.map((address) => address.toString(16).padStart(2, '0')).join('|');
  const size = wide === '' ? 'b' : '$size';
  const choose = wide === '' ? '' : `  case $address in ${wide}) size=w ;; *) size=b ;; esac\n`;
  return `# Reads every chip on I2C bus ${bus}. Run it on the Pi as root; what it prints is the register file of a HAT.
# Reading clears the flags of some chips: do it while nothing else uses the bus.
echo "# bus ${bus}"
i2cdetect -y -r ${bus} | sed -n 's/^[0-7]0://p' | tr ' ' '\\n' | grep -x '[0-9a-f][0-9a-f]' | while read -r address; do
  echo "# chip 0x$address"
${choose}  i2cdump -y ${bus} "0x$address" ${size} < /dev/null 2> /dev/null
done
`;
}

/** Diagnostics that are told of one dump: one that is no dump at all need not be told line by line. */
const MOST = 10;

const SECTIONS = /^#\s*chip\s+(0x[0-9a-f]+)/gim;
/** The two heads that i2cdump prints, of bytes and of words. */
const HEAD = /^\s+(0\s+1\s+2\s|0,8\s+1,9\s)/;

interface Line {
  readonly text: string;
  readonly offset: number;
}

interface Cell {
  readonly register: number;
  /** Absent: XX. */
  readonly value?: number;
  readonly digits: number;
  readonly offset: number;
}

type Report = (message: string, offset: number, length: number, hint?: string) => void;

function linesOf(text: string): Line[] {
  let offset = 0;
  return text.split('\n').map((line) => {
    const here = { text: line, offset };
    offset += line.length + 1;
    return here;
  });
}

/** The lines about one address; all of them where the file is about one chip alone. */
function sectionOf(lines: readonly Line[], address: number): readonly Line[] | undefined {
  const heads = lines.flatMap(({ text }, index) => {
    const head = new RegExp(SECTIONS.source, 'i').exec(text);
    return head ? [{ index, address: Number(head[1]) }] : [];
  });
  if (heads.length === 0) return lines;
  const at = heads.findIndex((head) => head.address === address);
  return at === -1 ? undefined : lines.slice(heads[at]?.index, heads[at + 1]?.index);
}

function readLine({ text, offset }: Line, report: Report): Cell[] {
  if (/^\s*(#|$)/.test(text) || HEAD.test(text)) return [];
  const [, label = '', gap = ''] = /^([0-9a-fA-F]+):(\s*)/.exec(text) ?? [];
  if (label === '') {
    report('this is no line of a dump', offset, text.length, "it begins with a register's address, like 'f0: 12 34'");
    return [];
  }
  return readValues(text, label.length + 1 + gap.length, Number.parseInt(label, 16), offset, report);
}

/** The values of a row. Four spaces end them: what follows is the same as text. */
function readValues(text: string, start: number, register: number, offset: number, report: Report): Cell[] {
  const values = text.slice(start).replace(/\s{4}.*|\s+$/, '');
  const cells: Cell[] = [];
  for (const { 0: word, index } of values.matchAll(/\S+/g)) {
    const at = offset + start + index;
    if (cells.length === 16) {
      report('a row has at most 16 values', at, word.length);
      break;
    }
    const here = { register: register + cells.length, digits: word.length, offset: at };
    if (/^(XX){1,2}$/i.test(word)) cells.push(here);
    else if (/^([0-9a-f]{2}){1,2}$/i.test(word)) cells.push({ ...here, value: Number.parseInt(word, 16) });
    else {
      report(`expected two or four hexadecimal digits or XX, got '${word}'`, at, word.length);
      break;
    }
  }
  return cells;
}

function checkCells(cells: readonly Cell[], report: Report): void {
  const seen = new Set<number>();
  for (const { register, digits, offset } of cells) {
    if (digits !== cells[0]?.digits) {
      report('bytes and words are mixed', offset, digits);
      return;
    }
    if (seen.has(register)) {
      const name = `0x${register.toString(16).padStart(2, '0')}`;
      report(`register ${name} is there already`, offset, digits, 'a dump of several chips has `# chip 0x..` lines');
      return;
    }
    seen.add(register);
  }
}

function problem(message: string, at: SourceLocation): Diagnostic {
  return { severity: 'error', code: 'hat/bad-dump', message, at };
}
