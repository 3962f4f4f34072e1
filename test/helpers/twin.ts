/**
 * i2c-twin in a few lines of TypeScript: reads a chip's script and answers as the module does, so that tests can be the
 * program that reads a sensor. Time passes by `wait`. What the module itself does is tested where it runs
 * (packages/i2c-twin/selftest).
 */
export interface Twin {
  /** A write: the register's address and then values, as bytes on the bus. */
  write(...bytes: readonly number[]): void;
  /** So many bytes, from where the last access ended. */
  read(count: number): number[];
  /** A write of an address and a read after it. */
  readAt(register: number, count: number): number[];
  wait(milliseconds: number): void;
  /** Further lines of script, while it runs. */
  script(lines: readonly string[]): void;
}

interface Hook {
  readonly event: string;
  readonly from: number;
  readonly to: number;
  readonly when: string[];
  readonly after: number;
  readonly actions: string[][];
  due?: { at: number; moment: Moment } | undefined;
}

interface Moment {
  readonly written: bigint;
  readonly register: number;
}

export function twinOf(lines: readonly string[]): Twin {
  const chip = new Chip();
  chip.load(lines);
  return {
    write: (...bytes) => chip.write(bytes),
    read: (count) => Array.from({ length: count }, () => chip.give()),
    readAt(register, count) {
      chip.write(chip.addressBits === 16 ? [register >> 8, register & 0xff] : [register]);
      return this.read(count);
    },
    wait: (milliseconds) => chip.wait(milliseconds),
    script: (more) => chip.load(more),
  };
}

class Chip {
  addressBits = 8;
  #width = 1;
  #little = false;
  #size = 256;
  #pointerMask = 0xffff_ffff;
  #increment = { mask: 0, value: 0 };
  #values = new Map<number, number>();
  #saved = new Map<number, number>();
  #fill = 0;
  #masks = new Map<number, number>();
  #clear = new Map<number, number>();
  #variables = new Map<number, bigint>();
  #hooks: Hook[] = [];
  #pointer = 0;
  #offset = 0;
  #moves = true;
  #now = 1;

  load(lines: readonly string[]): void {
    for (const line of lines) this.#line(line.split(' '), line);
  }

  #line([word = '', ...rest]: string[], line: string): void {
    const numbers = rest.map(Number);
    const [first = 0, second = 0] = numbers;
    if (word === 'address-bits') this.addressBits = first;
    else if (word === 'value-bits') this.#width = first / 8;
    else if (word === 'order') this.#little = rest[0] === 'little';
    else if (word === 'size') this.#size = first;
    else if (word === 'pointer-mask') this.#pointerMask = first;
    else if (word === 'increment') this.#increment = incrementOf(rest);
    else if (['addresses', 'write-page', 'write-cycle'].includes(word)) return;
    else if (word === 'fill') this.#fill = second;
    else if (word === 'save') this.#saved = new Map(this.#values);
    else if (word === 'read-only') this.#range(rest[0] ?? '', (register) => this.#masks.set(register, 0));
    else if (word === 'mask') this.#range(rest[0] ?? '', (register) => this.#masks.set(register, second));
    else if (word === 'clear-on-read') this.#range(rest[0] ?? '', (register) => this.#clear.set(register, second));
    else if (word === 'var') this.#variables.set(first, BigInt(rest[1] ?? '0'));
    else if (word === 'on') this.#hooks.push(hookOf(rest));
    else if (word.endsWith(':')) this.#row(Number.parseInt(word, 16), rest);
    else throw new Error(`no line of a script: ${line}`);
  }

  #row(start: number, words: readonly string[]): void {
    for (const [index, word] of words.entries()) {
      if (start + index >= this.#size) throw new Error(`no register ${start + index}`);
      if (word !== 'XX') this.#values.set(start + index, Number.parseInt(word, 16));
    }
  }

  #range(text: string, each: (register: number) => void): void {
    const [from = 0, to = from] = text.split('-').map(Number);
    if (to >= this.#size) throw new Error(`no register ${text}`);
    for (let register = from; register <= to; register++) each(register);
  }

  wait(milliseconds: number): void {
    this.#now += milliseconds;
    const due = this.#hooks.flatMap((hook) => (hook.due && hook.due.at <= this.#now ? [{ hook, ...hook.due }] : []));
    for (const { hook, moment } of due.sort((a, b) => a.at - b.at)) {
      hook.due = undefined;
      this.#do(hook, moment);
    }
  }

  write(bytes: readonly number[]): void {
    const length = this.addressBits / 8;
    const address = bytes.slice(0, length).reduce((sum, byte) => (sum << 8) | byte, 0);
    this.#pointer = (address & this.#pointerMask) % this.#size;
    this.#moves = (address & this.#increment.mask) === this.#increment.value;
    this.#offset = 0;
    this.#fire('select', 0);
    let written: number[] = [];
    for (const byte of bytes.slice(length)) {
      written.push(byte);
      this.#offset = written.length;
      if (written.length < this.#width) continue;
      this.#put(written);
      written = [];
    }
    if (written.length > 0) this.#put([...written, ...this.#bytes(this.#pointer).slice(written.length)]);
    this.#offset = 0;
  }

  #put(bytes: readonly number[]): void {
    const value = this.#value(bytes);
    const mask = this.#masks.get(this.#pointer) ?? 2 ** (8 * this.#width) - 1;
    this.#set(this.#pointer, (this.get(this.#pointer) & ~mask) | (value & mask));
    this.#fire('write', value);
    if (this.#moves) this.#pointer = (this.#pointer + 1) % this.#size;
  }

  give(): number {
    if (this.#offset === 0) this.#fire('read', 0);
    const byte = this.#bytes(this.#pointer)[this.#offset] ?? 0;
    this.#offset += 1;
    if (this.#offset < this.#width) return byte;
    this.#set(this.#pointer, this.get(this.#pointer) & ~(this.#clear.get(this.#pointer) ?? 0));
    this.#offset = 0;
    if (this.#moves) this.#pointer = (this.#pointer + 1) % this.#size;
    return byte;
  }

  get(register: number): number {
    return this.#values.get(register % this.#size) ?? this.#fill;
  }

  #set(register: number, value: number): void {
    this.#values.set(register % this.#size, Number(BigInt.asUintN(8 * this.#width, BigInt(value))));
  }

  #bytes(register: number): number[] {
    const value = this.get(register);
    const bytes = Array.from({ length: this.#width }, (_, index) => (value >>> (8 * index)) & 0xff);
    return this.#little ? bytes : bytes.reverse();
  }

  #value(bytes: readonly number[]): number {
    return (this.#little ? [...bytes].reverse() : bytes).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  #fire(event: string, written: number): void {
    const moment = { written: BigInt(written), register: this.#pointer };
    for (const hook of this.#hooks) {
      if (hook.event !== event || moment.register < hook.from || moment.register > hook.to) continue;
      if (hook.when.length > 0 && this.#evaluate(hook.when, moment) === 0n) continue;
      if (hook.after > 0) hook.due = { at: this.#now + hook.after, moment };
      else this.#do(hook, moment);
    }
  }

  #do(hook: Hook, moment: Moment): void {
    for (const [verb, ...words] of hook.actions) this.#act(verb ?? '', words, moment);
  }

  #act(verb: string, words: string[], moment: Moment): void {
    const [to = 0, second = 0, third = 0] = words.map(Number);
    if (verb === 'set') this.#setBig(to, this.#evaluate(words.slice(1), moment));
    else if (verb === 'store') this.#store(to, second, words.slice(2), moment);
    else if (verb === 'copy') for (let i = 0; i < third; i++) this.#set(to + i, this.get(second + i));
    else if (verb === 'var') this.#variables.set(to, this.#evaluate(words.slice(1), moment));
    else if (verb === 'reset') this.#values = new Map(this.#saved);
    else if (!verb.startsWith('clock-')) throw new Error(`no action: ${verb}`);
  }

  #store(to: number, count: number, words: readonly string[], moment: Moment): void {
    const little = words[0] === 'little';
    const value = this.#evaluate(little ? words.slice(1) : words, moment);
    for (let i = 0; i < count; i++) this.#setBig(to + (little ? i : count - 1 - i), (value >> BigInt(8 * i)) & 0xffn);
  }

  #setBig(register: number, value: bigint): void {
    this.#values.set(register % this.#size, Number(BigInt.asUintN(8 * this.#width, value)));
  }

  #evaluate(words: readonly string[], moment: Moment): bigint {
    const stack: bigint[] = [];
    for (const word of words) {
      const take = () => {
        const value = stack.pop();
        if (value === undefined) throw new Error(`the stack is empty: ${words.join(' ')}`);
        return value;
      };
      const binary = BINARY[word];
      if (binary) {
        const b = take();
        stack.push(BigInt.asIntN(64, binary(take(), b)));
      } else if (word === 'w') stack.push(moment.written);
      else if (word === 'n') stack.push(BigInt(moment.register));
      else if (word === 'ms') stack.push(BigInt(this.#now));
      else if (word === 'r@') stack.push(BigInt(this.get(Number(take()))));
      else if (word === 'v@') stack.push(this.#variables.get(Number(take()) & 63) ?? 0n);
      else if (word === '~') stack.push(~take());
      else if (word === '!') stack.push(take() === 0n ? 1n : 0n);
      else if (/^r\w+$/.test(word)) stack.push(BigInt(this.get(Number(word.slice(1)))));
      else if (/^v\d+$/.test(word)) stack.push(this.#variables.get(Number(word.slice(1))) ?? 0n);
      else stack.push(word.startsWith('-') ? -BigInt(word.slice(1)) : BigInt(word));
    }
    if (stack.length !== 1) throw new Error(`what is left is no one value: ${words.join(' ')}`);
    return stack[0] ?? 0n;
  }
}

const BINARY: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => (b === 0n ? 0n : a / b),
  '%': (a, b) => (b === 0n ? 0n : a % b),
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => a << b,
  '>>': (a, b) => a >> b,
  '=': (a, b) => (a === b ? 1n : 0n),
  '!=': (a, b) => (a !== b ? 1n : 0n),
  '<': (a, b) => (a < b ? 1n : 0n),
  '>': (a, b) => (a > b ? 1n : 0n),
  min: (a, b) => (a < b ? a : b),
  max: (a, b) => (a > b ? a : b),
};

function incrementOf([first = '', second = '']: readonly string[]): { mask: number; value: number } {
  if (first === 'always') return { mask: 0, value: 0 };
  if (first === 'never') return { mask: 0, value: 1 };
  return { mask: Number(first), value: Number(second) };
}

function hookOf([event = '', range = '', ...words]: readonly string[]): Hook {
  const [from = 0, to = from] = range.split('-').map(Number);
  const doAt = words.indexOf('do');
  const head = words.slice(0, doAt);
  const afterAt = head.indexOf('after');
  const when = head[0] === 'when' ? head.slice(1, afterAt === -1 ? undefined : afterAt) : [];
  const actions = words
    .slice(doAt + 1)
    .join(' ')
    .split(' ; ')
    .map((action) => action.split(' '));
  return { event, from, to, when, after: afterAt === -1 ? 0 : Number(head[afterAt + 1]), actions };
}
