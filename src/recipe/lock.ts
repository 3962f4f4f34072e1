import { type Diagnostic, Failure, textPlaces } from '../diagnostic.ts';
import { decode } from './document.ts';
import type { DebsLock, ImageLock, LockedBlob, LockedDeb, LockedImage } from './model.ts';
import { recipeProblem } from './problem.ts';

/**
 * Reads a `debs.lock.json`. pibuild wrote it, but a merge or a hand may have broken it, and what it says ends in
 * download paths: so every field is checked. Throws a `Failure` that names the line.
 */
export function parseLock(bytes: Uint8Array, file: string): DebsLock {
  return readLock<DebsLock>(bytes, file, LOCK, ({ debs }, check) => {
    for (const deb of debs) check(deb, 'a deb', DEB);
  });
}

/** Reads an `image.lock.json`, as `parseLock` does. */
export function parseImageLock(bytes: Uint8Array, file: string): ImageLock {
  return readLock<ImageLock>(bytes, file, IMAGES, ({ images }, check) => {
    for (const image of images) {
      check(image, 'an image', IMAGE);
      for (const blob of [image.manifest, image.config]) check(blob, 'a blob', BLOB, image);
      for (const layer of image.layers) check(layer, 'a layer', LAYER, image);
    }
  });
}

/** Checks a map of a lock; its line is found by the text of `line`, which is on one. */
type Check = (value: unknown, what: string, tests: Tests, line?: unknown) => void;

function readLock<Lock>(
  bytes: Uint8Array,
  file: string,
  tests: Tests,
  parts: (lock: Lock, check: Check) => void,
): Lock {
  const text = decode(bytes) ?? '';
  const place = textPlaces(file, text);
  const value = parseJson(text, (offset, message) => lockFailure(`this is not JSON: ${message}`, place(offset)));
  const wrong = typeof value === 'object' && value !== null ? wrongField(value, tests) : 'it is not a map';
  if (wrong !== undefined) throw lockFailure(wrong, place(0));
  parts(value as Lock, (part, what, partTests, line = part) => {
    const problem = typeof part === 'object' && part !== null ? wrongField(part, partTests) : `${what} is not a map`;
    if (problem !== undefined) throw lockFailure(problem, place(lineOf(text, line)));
  });
  return value as Lock;
}

type Test = (value: unknown) => boolean;
type Tests = Readonly<Record<string, Test>>;

const matches =
  (pattern: RegExp): Test =>
  (value) =>
    typeof value === 'string' && pattern.test(value);
const isTexts: Test = (value) => Array.isArray(value) && value.every((item) => typeof item === 'string');
const isSize: Test = (value) => Number.isSafeInteger(value) && (value as number) > 0;

/** Of userlands alone. */
const OPTIONAL = {
  variant: matches(/^(essential|apt|minbase|important|standard)$/),
  base: (value: unknown) => value === true,
  url: matches(/^https?:\/\/\S+\/$/),
};

const LOCK: Readonly<Record<Exclude<keyof DebsLock, keyof typeof OPTIONAL>, Test>> = {
  format: (value) => value === 1,
  distribution: matches(/^(debian|ubuntu)$/),
  suites: isTexts,
  architecture: matches(/^[a-z0-9]+$/),
  requested: isTexts,
  snapshot: matches(/^[0-9]{8}T[0-9]{6}Z$/),
  debs: Array.isArray,
};

const DEB: Readonly<Record<Exclude<keyof LockedDeb, keyof typeof OPTIONAL>, Test>> = {
  name: matches(/^[a-z0-9][a-z0-9.+-]*$/),
  version: matches(/^[A-Za-z0-9.+:~-]+$/),
  architecture: matches(/^[a-z0-9]+$/),
  archive: matches(/^(debian|debian-security|ubuntu|ubuntu-ports|other)$/),
  path: (value) =>
    matches(/^[A-Za-z0-9._+~:%-]+(\/[A-Za-z0-9._+~:%-]+)*$/)(value) && !/(^|\/)\.\.?(\/|$)/.test(String(value)),
  size: isSize,
  sha256: matches(/^[0-9a-f]{64}$/),
};

const IMAGES: Readonly<Record<keyof ImageLock, Test>> = {
  format: (value) => value === 1,
  images: Array.isArray,
};

const isMap: Test = (value) => typeof value === 'object' && value !== null;

const IMAGE: Readonly<Record<keyof LockedImage, Test>> = {
  reference: matches(/^[A-Za-z0-9[][^\s/]*\/\S+$/),
  platform: matches(/^[a-z0-9]+(\/[a-z0-9]+){1,2}$/),
  manifest: isMap,
  config: isMap,
  layers: Array.isArray,
};

const isDigest = matches(/^sha256:[0-9a-f]{64}$/);

const BLOB: Readonly<Record<keyof LockedBlob, Test>> = {
  mediaType: matches(/^[a-z0-9]+\/[A-Za-z0-9.+-]+$/),
  digest: isDigest,
  size: isSize,
};

const LAYER: Tests = { ...BLOB, diffId: isDigest };

function wrongField(value: object, tests: Tests): string | undefined {
  const entries = new Map(Object.entries(value));
  const optional = Object.entries(OPTIONAL).find(([key, test]) => entries.has(key) && !test(entries.get(key)));
  const wrong = Object.keys(tests).find((key) => !tests[key]?.(entries.get(key))) ?? optional?.[0];
  if (wrong === undefined) return undefined;
  return entries.has(wrong) ? `'${wrong}' is ${JSON.stringify(entries.get(wrong))}` : `'${wrong}' is missing`;
}

function parseJson(text: string, failureAt: (offset: number, message: string) => Failure): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = error as SyntaxError;
    const position = message.match(/at position ([0-9]+)/)?.[1];
    throw failureAt(
      position === undefined ? text.trimEnd().length : Number(position),
      message.replace(/ in JSON.*$/, '').replace(/^./, (first) => first.toLowerCase()),
    );
  }
}

/** A lock has one deb or image per line, so its text finds its line. */
function lineOf(text: string, part: unknown): number {
  return Math.max(0, text.indexOf(JSON.stringify(part)));
}

function lockFailure(message: string, at: Diagnostic['at'] & object): Failure {
  const hint = 'delete it, and make it anew by `pibuild lock <package>`';
  return new Failure(recipeProblem('lock', `the lock cannot be used: ${message}`, at, hint));
}
