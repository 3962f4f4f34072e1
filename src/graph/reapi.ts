import { createHash } from 'node:crypto';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Digest } from './task.ts';

/**
 * The messages of the Bazel Remote Execution API v2 that a build needs, in canonical form: fields in the order of
 * their numbers, defaults omitted, names sorted bytewise. Names and numbers are those of
 * build/bazel/remote/execution/v2/remote_execution.proto. Whoever encodes the same content gets the same digest.
 */

export interface FileNode {
  readonly name: string;
  readonly digest: Digest;
  readonly executable: boolean;
}
export interface DirectoryNode {
  readonly name: string;
  readonly digest: Digest;
}
export interface SymlinkNode {
  readonly name: string;
  readonly target: string;
}
/** One folder: its files, folders and links, each sorted by name. */
export interface Directory {
  readonly files: readonly FileNode[];
  readonly directories: readonly DirectoryNode[];
  readonly symlinks: readonly SymlinkNode[];
}

/** What to run: `environment` and `platform` are sorted by name when encoded; `outputPaths` too. */
export interface Command {
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly platform: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly outputPaths: readonly string[];
}

export interface Action {
  readonly command: Digest;
  readonly inputRoot: Digest;
  /** Whatever else tells two Actions apart. */
  readonly salt: string;
  readonly platform: Readonly<Record<string, string>>;
}

/** What an Action left: plain files, and trees by the digest of their root Directory. */
export interface ActionResult {
  readonly files: readonly { readonly path: string; readonly digest: Digest; readonly executable: boolean }[];
  readonly directories: readonly { readonly path: string; readonly root: Digest }[];
}

/** The digest of some bytes. */
export function digestOf(bytes: Uint8Array | string): Digest {
  const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  return { hash: createHash('sha256').update(content).digest('hex'), size: content.length };
}

/** The order REAPI asks for: by the bytes of the UTF-8 form. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return compareBytes(a.name, b.name);
}

export function encodeDirectory(directory: Directory): Uint8Array {
  const writer = new BinaryWriter();
  for (const file of [...directory.files].sort(byName)) {
    message(writer, 1, (node) => {
      string(node, 1, file.name);
      message(node, 2, (digest) => writeDigest(digest, file.digest));
      if (file.executable) node.tag(4, WireType.Varint).bool(true);
    });
  }
  for (const folder of [...directory.directories].sort(byName)) {
    message(writer, 2, (node) => {
      string(node, 1, folder.name);
      message(node, 2, (digest) => writeDigest(digest, folder.digest));
    });
  }
  for (const link of [...directory.symlinks].sort(byName)) {
    message(writer, 3, (node) => {
      string(node, 1, link.name);
      string(node, 2, link.target);
    });
  }
  return writer.finish();
}

/** Reads a Directory; throws an Error when the bytes are no such message. */
export function decodeDirectory(bytes: Uint8Array): Directory {
  const files: FileNode[] = [];
  const directories: DirectoryNode[] = [];
  const symlinks: SymlinkNode[] = [];
  eachField(bytes, (number, value) => {
    if (number === 1) files.push(decodeFile(value, 1, 2, 4));
    if (number === 2) directories.push(decodeFile(value, 1, 2, 4));
    if (number === 3) symlinks.push(decodeSymlink(value));
  });
  return { files, directories: directories.map(({ name, digest }) => ({ name, digest })), symlinks };
}

export function encodeCommand(command: Command): Uint8Array {
  const writer = new BinaryWriter();
  for (const argument of command.arguments) writer.tag(1, WireType.LengthDelimited).string(argument);
  writeProperties(writer, 2, command.environment);
  if (Object.keys(command.platform).length > 0) {
    message(writer, 5, (platform) => writeProperties(platform, 1, command.platform));
  }
  string(writer, 6, command.workingDirectory);
  for (const path of [...command.outputPaths].sort(compareBytes)) writer.tag(7, WireType.LengthDelimited).string(path);
  return writer.finish();
}

export function encodeAction(action: Action): Uint8Array {
  const writer = new BinaryWriter();
  message(writer, 1, (digest) => writeDigest(digest, action.command));
  message(writer, 2, (digest) => writeDigest(digest, action.inputRoot));
  if (action.salt !== '') writer.tag(9, WireType.LengthDelimited).bytes(Buffer.from(action.salt));
  if (Object.keys(action.platform).length > 0) {
    message(writer, 10, (platform) => writeProperties(platform, 1, action.platform));
  }
  return writer.finish();
}

export function encodeActionResult(result: ActionResult): Uint8Array {
  const writer = new BinaryWriter();
  for (const file of [...result.files].sort((a, b) => compareBytes(a.path, b.path))) {
    message(writer, 2, (output) => {
      string(output, 1, file.path);
      message(output, 2, (digest) => writeDigest(digest, file.digest));
      if (file.executable) output.tag(4, WireType.Varint).bool(true);
    });
  }
  for (const folder of [...result.directories].sort((a, b) => compareBytes(a.path, b.path))) {
    message(writer, 3, (output) => {
      string(output, 1, folder.path);
      message(output, 5, (digest) => writeDigest(digest, folder.root));
    });
  }
  return writer.finish();
}

/** Reads an ActionResult; throws an Error when the bytes are no such message. */
export function decodeActionResult(bytes: Uint8Array): ActionResult {
  const files: { path: string; digest: Digest; executable: boolean }[] = [];
  const directories: { path: string; root: Digest }[] = [];
  eachField(bytes, (number, value) => {
    const node = number === 2 ? decodeFile(value, 1, 2, 4) : number === 3 ? decodeFile(value, 1, 5, 0) : undefined;
    if (node && number === 2) files.push({ path: node.name, digest: node.digest, executable: node.executable });
    if (node && number === 3) directories.push({ path: node.name, root: node.digest });
  });
  return { files, directories };
}

function writeDigest(writer: BinaryWriter, digest: Digest): void {
  string(writer, 1, digest.hash);
  if (digest.size !== 0) writer.tag(2, WireType.Varint).int64(digest.size);
}

function writeProperties(writer: BinaryWriter, number: number, properties: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(properties).sort(([a], [b]) => compareBytes(a, b))) {
    message(writer, number, (property) => {
      string(property, 1, name);
      string(property, 2, value);
    });
  }
}

function message(writer: BinaryWriter, number: number, fill: (writer: BinaryWriter) => void): void {
  writer.tag(number, WireType.LengthDelimited).fork();
  fill(writer);
  writer.join();
}

function string(writer: BinaryWriter, number: number, value: string): void {
  if (value !== '') writer.tag(number, WireType.LengthDelimited).string(value);
}

/** The order of the bytes of the UTF-8 forms. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Calls back for every length-delimited field; other fields are passed over. */
function eachField(bytes: Uint8Array, field: (number: number, value: Uint8Array) => void): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type === WireType.LengthDelimited) field(number, reader.bytes());
    else reader.skip(type, number);
  }
}

/** A node with a name, a digest and a flag, whose numbers the caller knows. */
function decodeFile(bytes: Uint8Array, nameAt: number, digestAt: number, executableAt: number): FileNode {
  let name = '';
  let digest: Digest = { hash: '', size: 0 };
  let executable = false;
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === nameAt && type === WireType.LengthDelimited) name = reader.string();
    else if (number === digestAt && type === WireType.LengthDelimited) digest = decodeDigest(reader.bytes());
    else if (number === executableAt && type === WireType.Varint) executable = reader.bool();
    else reader.skip(type, number);
  }
  if (!/^[0-9a-f]{64}$/.test(digest.hash)) throw new Error(`'${name}' has no digest`);
  return { name, digest, executable };
}

function decodeDigest(bytes: Uint8Array): Digest {
  let hash = '';
  let size = 0;
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === 1 && type === WireType.LengthDelimited) hash = reader.string();
    else if (number === 2 && type === WireType.Varint) size = Number(reader.int64());
    else reader.skip(type, number);
  }
  return { hash, size };
}

function decodeSymlink(bytes: Uint8Array): SymlinkNode {
  let name = '';
  let target = '';
  eachField(bytes, (number, value) => {
    if (number === 1) name = Buffer.from(value).toString();
    if (number === 2) target = Buffer.from(value).toString();
  });
  return { name, target };
}
