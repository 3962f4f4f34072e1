import { StringDecoder } from 'node:string_decoder';

/** What an escape sequence looks like (ECMA-48): CSI, the string types (OSC, DCS ...) up to their end, and the short ones. */
const ESCAPE = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])/g;

/** The begin of an escape sequence that the next bytes may finish. */
const UNFINISHED = /\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)$/;

/** An escape sequence that goes on for longer is none. */
const LONGEST_ESCAPE = 256;

/**
 * Turns the bytes of a console into text as they come: UTF-8, no escape sequences, no control characters but tab and
 * line feed. Carriage returns go too, wherever they are: the kernel may speak between one and its line feed.
 */
export function cleaner(): (chunk: Uint8Array) => string {
  const decoder = new StringDecoder('utf8');
  let held = '';
  return (chunk) => {
    const text = held + decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    const unfinished = UNFINISHED.exec(text)?.[0] ?? '';
    held = unfinished.length > LONGEST_ESCAPE ? '' : unfinished;
    return clean(text.slice(0, text.length - held.length));
  };
}

/** The same for a whole text. RS and US stay: see `unhide`. */
export function clean(text: string): string {
  return text.replace(ESCAPE, '').replace(/[\x00-\x08\x0b-\x1d\x7f]/g, '');
}

/** What `shell.ts` lets commands print in the place of `[` and ESC, so that only the kernel's own messages look like some. */
export function unhide(text: string): string {
  return text.replaceAll('\x1e', '[').replaceAll('\x1f', '\x1b');
}

/** A kernel message, to the end of its line: `[   12.345678] usb 1-1: new device`, with the caller that some kernels add. */
const KERNEL_MESSAGE = /\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? [^\n]*\n/g;

/** The text as if the kernel had said nothing: its messages come in the middle of other programs' lines. */
export function withoutKernelMessages(text: string): string {
  return text.replace(KERNEL_MESSAGE, '');
}

/** The kernel's messages alone, a line each. */
export function kernelMessages(text: string): string[] {
  return (text.match(KERNEL_MESSAGE) ?? []).map((line) => line.trimEnd());
}

const PANIC = /\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? (Kernel panic - not syncing: [^\n]*)\n/;

/** What the kernel says when it gives up, if it did. Only the kernel's own message counts, not one that a program quotes. */
export function kernelPanic(text: string): string | undefined {
  return PANIC.exec(text)?.[1];
}

/** The last lines of a text, without the empty ones at its end. */
export function lastLines(text: string, count: number): string[] {
  return text.trimEnd().split('\n').slice(-count);
}
