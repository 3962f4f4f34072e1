/** Pieces of bash that the kinds' scripts share. */

/** Bash as a template literal: values are inserted as they are, so quote what is not a word with `quote`. */
export function script(strings: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return `${String.raw({ raw: strings.raw }, ...values).trim()}\n`;
}

/** A word quoted for the shell, left bare where that is safe. */
export function quote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** What a cross compilation for 64-bit Pis sets: Debian's cross toolchain. */
export const crossEnvironment: Readonly<Record<string, string>> = {
  ARCH: 'arm64',
  CROSS_COMPILE: 'aarch64-linux-gnu-',
};

/** tar with all that could differ from one machine or moment to the next fixed. What to pack follows. */
export const canonicalTar = [
  'tar --sort=name --format=pax --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
  '--mtime=@$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner',
].join(' ');

/** Makes the artifact `layer` of what was installed below `stage/`: a tar in canonical form, owned by root. */
export const packLayer = `${canonicalTar} -C stage -cf out/layer .`;

/**
 * Bash that sets `CCACHE` to the word before a compiler: `ccache` where the sandbox has its folder, else nothing. All
 * files of a tools tree have the same date, and ccache never looks at the assembler: so it is told what they are by
 * their contents.
 */
export const useCcache = script`
CCACHE=
if [ -w /ccache ]; then
  CCACHE=ccache
  tools=$(for compiler in gcc aarch64-linux-gnu-gcc; do
    type -P "$compiler"
    for program in cc1 as; do type -P "$("$compiler" -print-prog-name="$program")"; done
  done)
  CCACHE_COMPILERCHECK="string:$(sha256sum $tools | sha256sum)"
  export CCACHE_COMPILERCHECK CCACHE_DIR=/ccache
fi`.trim();
