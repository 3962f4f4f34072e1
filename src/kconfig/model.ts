import type { SourceLocation } from '../diagnostic.ts';
import type { Expression } from './expression.ts';

/** What the Kconfig files of a source tree define. Types only. */
export interface KconfigModel {
  readonly symbols: ReadonlyMap<string, KconfigSymbol>;
}

export type SymbolType = 'bool' | 'tristate' | 'int' | 'hex' | 'string';

export interface KconfigSymbol {
  readonly name: string;
  /** Undefined: it is only mentioned by an entry without a type. */
  readonly type: SymbolType | undefined;
  /** A symbol may be defined in several places; any one with a prompt can set it. */
  readonly definitions: readonly Definition[];
  /** The symbols that switch it on, whatever it depends on. */
  readonly selectedBy: readonly Selector[];
}

export interface Definition {
  readonly at: SourceLocation;
  /** All that must hold: its own `depends on` and those of the menus, ifs and choices around it. */
  readonly depends: readonly Expression[];
  /** Absent: nobody can ask for it, only other symbols set it. */
  readonly prompt?: { readonly text: string; readonly conditions: readonly Expression[] };
  readonly ranges: readonly { readonly low: string; readonly high: string; readonly condition?: Expression }[];
  /** The choice that it is a member of. */
  readonly choice?: Choice;
}

/** Of its members exactly one is y. */
export interface Choice {
  readonly at: SourceLocation;
  readonly prompt: string;
  readonly members: readonly string[];
}

export interface Selector {
  readonly name: string;
  readonly condition?: Expression;
  readonly at: SourceLocation;
}
