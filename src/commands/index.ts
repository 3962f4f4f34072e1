import type { Verb } from './verb.ts';

/** Every verb, in the order of `pibuild --help`. */
export const verbs: readonly Verb[] = [
  {
    name: 'make',
    summary: 'Build the card image of a board, or only some tasks',
    details: [
      'Runs what the store does not have, and leaves the image, its checksum and the logs in output/<board>/.',
      'Without a board it lists the boards.',
    ].join('\n'),
    arguments: [
      { name: '[board]', summary: 'a folder below boards/' },
      { name: '[task...]', summary: 'build only these tasks, like busybox:build' },
    ],
    options: [],
    examples: [
      ['make rpi3', 'build the image'],
      ['make rpi3 linux:build --verbose', 'only the kernel, with all that the compiler prints'],
      ['make rpi3 --json > events.jsonl', 'one event a line, for other programs'],
    ],
    load: () => import('./make.ts'),
  },
];
