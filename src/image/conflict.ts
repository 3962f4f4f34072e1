import type { Diagnostic } from '../diagnostic.ts';
import { type Inode, readContent } from './layer.ts';

/** A path that two layers bring as different things. */
export interface Conflict {
  readonly path: string;
  readonly differing: readonly Difference[];
  readonly first: Side;
  readonly second: Side;
}

export interface Side {
  readonly layer: string;
  readonly recipe: string;
  readonly inode: Inode;
}

export type Difference = 'type' | 'content' | 'target' | 'number' | 'mode' | 'owner' | 'attributes';

/** In what two things that want the same path differ; contents are compared last, since they have to be read. */
export function differences(a: Inode, b: Inode): Difference[] {
  if (a.type !== b.type) return ['type'];
  const found: Difference[] = [];
  if (a.mode !== b.mode) found.push('mode');
  if (a.uid !== b.uid || a.gid !== b.gid) found.push('owner');
  if (attributes(a) !== attributes(b)) found.push('attributes');
  if (a.target !== b.target) found.push('target');
  if (a.device?.major !== b.device?.major || a.device?.minor !== b.device?.minor) found.push('number');
  if (a.size !== b.size || !sameBytes(a, b)) found.push('content');
  return found;
}

/** All conflicts as a person reads them, the first ones in full. */
export function conflictDiagnostics(conflicts: readonly Conflict[]): Diagnostic[] {
  const told = conflicts.slice(0, MOST_TOLD).map(conflictDiagnostic);
  const rest = conflicts.length - told.length;
  if (rest > 0) {
    const message = `${rest} further ${rest === 1 ? 'path is' : 'paths are'} brought by two layers as different things`;
    told.push({ severity: 'error', code: 'image/conflict', message });
  }
  return told;
}

const MOST_TOLD = 20;
const CHUNK = 64 * 1024;

function conflictDiagnostic({ path, differing, first, second }: Conflict): Diagnostic {
  const twice = first.layer === second.layer;
  const who = twice ? `'${first.layer}' brings two` : `'${first.layer}' and '${second.layer}' both bring`;
  const hint = twice
    ? 'one of them came there through a link: take it out of the layer'
    : `take it out of one of them, or let ${second.recipe} say 'replace: [${path}]'`;
  return {
    severity: 'error',
    code: 'image/conflict',
    message: `${who} '/${path}' with different ${differing.join(', ')}`,
    hint,
    notes: [first, second].map((side) => ({ message: `'${side.layer}': ${describe(side.inode)}` })),
  };
}

function describe(inode: Inode): string {
  const mode = inode.mode.toString(8).padStart(4, '0');
  const whose = `${mode}, owner ${inode.uid}:${inode.gid}`;
  if (inode.type === 'symlink') return `a link to '${inode.target}'`;
  if (inode.type === 'file') return `a file of ${inode.size} ${inode.size === 1 ? 'byte' : 'bytes'}, ${whose}`;
  if (inode.device) return `${inode.type} ${inode.device.major}:${inode.device.minor}, ${whose}`;
  return `a ${inode.type}, ${whose}`;
}

function attributes(inode: Inode): string {
  return [...inode.xattrs]
    .map(([name, value]) => `${name}=${value.toString('hex')}`)
    .sort()
    .join('\n');
}

function sameBytes(a: Inode, b: Inode): boolean {
  const left = Buffer.alloc(Math.min(CHUNK, a.size));
  const right = Buffer.alloc(left.length);
  for (let at = 0; at < a.size; at += CHUNK) {
    const length = Math.min(CHUNK, a.size - at);
    readContent(a.content, left.subarray(0, length), at);
    readContent(b.content, right.subarray(0, length), at);
    if (!left.subarray(0, length).equals(right.subarray(0, length))) return false;
  }
  return true;
}
