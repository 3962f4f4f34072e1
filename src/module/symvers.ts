/** The names that a kernel, or other modules, export: the second column of Module.symvers (Documentation/kbuild/modules.rst). */
export function exportedSymbols(text: string): string[] {
  return text.split('\n').flatMap((line) => line.split('\t')[1] ?? []);
}
