import { size, type Verb } from './verb.ts';

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
  {
    name: 'why',
    summary: 'Say which tasks would run, and why',
    details: 'Compares what each task is made of now with what it was made of the last time. Runs nothing.',
    arguments: [
      { name: '<board>', summary: 'a folder below boards/' },
      { name: '[task]', summary: 'only this task and what it needs' },
    ],
    options: [],
    examples: [
      ['why rpi3', 'what the next make would do'],
      ['why rpi3 linux:build', 'why the kernel would be compiled again'],
    ],
    load: () => import('./why.ts'),
  },
  {
    name: 'shell',
    summary: 'Open a shell where a task runs',
    details: [
      "The task's tools, inputs and environment; what it needs is built first. After a failure the shell stands in the",
      'work as it failed, else what is done there is gone afterwards.',
    ].join(' '),
    arguments: [
      { name: '<board>', summary: 'a folder below boards/' },
      { name: '<task>', summary: 'a task, like busybox:build' },
      { name: '[command...]', summary: 'run this instead of an interactive shell' },
    ],
    options: [],
    examples: [
      ['shell rpi3 busybox:build', 'look around where busybox is built'],
      ['shell rpi3 linux:build -- ls in', 'run one command there'],
    ],
    load: () => import('./shell.ts'),
  },
  {
    name: 'clean',
    summary: 'Remove what builds left in output/',
    details: 'The store keeps it all: the next make brings it back in seconds.',
    arguments: [{ name: '[board...]', summary: 'only of these boards' }],
    options: [],
    examples: [['clean rpi3', 'remove output/rpi3']],
    load: () => import('./clean.ts'),
  },
  {
    name: 'gc',
    summary: 'Bring the store down to a size',
    details: 'What was used last is kept. Refuses while a build is at work in the store.',
    arguments: [],
    options: [{ flags: '--keep <size>', summary: 'how much may stay, like 5G (default: 20G)', parse: size }],
    examples: [
      ['gc', 'keep the 20 GiB that were used last'],
      ['gc --keep 0', 'empty the store'],
    ],
    load: () => import('./gc.ts'),
  },
];
