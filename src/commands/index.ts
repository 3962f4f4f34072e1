import { bus, chipAddresses, positive, size, type Verb } from './verb.ts';

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
    options: [
      {
        flags: '--check',
        summary: 'then run each task (or those named) once more, in an empty place, and name what comes out different',
      },
    ],
    examples: [
      ['make rpi3', 'build the image'],
      ['make rpi3 linux:build --verbose', 'only the kernel, with all that the compiler prints'],
      ['make rpi3 --json > events.jsonl', 'one event a line, for other programs'],
    ],
    load: () => import('./make.ts'),
  },
  {
    name: 'run',
    summary: 'Boot a board in the emulator, its serial console in this terminal',
    details: [
      "Boots the card image's own kernel, device tree and command line; the image is made first if need be, and is not",
      "written to. Ctrl-A x leaves, Ctrl-A c is QEMU's monitor, Ctrl-A h shows all keys.",
    ].join(' '),
    arguments: [{ name: '<board>', summary: 'a folder below boards/' }],
    options: [
      { flags: '--persist', summary: 'keep what the guest writes for the next run' },
      { flags: '--card-size <size>', summary: 'put the image on a larger card, like 2G', parse: size },
      { flags: '--memory <size>', summary: 'let the guest use only so much, like 512M', parse: size },
      { flags: '--cpus <n>', summary: 'let the guest use only so many processors', parse: positive },
      { flags: '--disk <file>', summary: 'give the guest a file as a USB disk (repeatable)', repeat: true },
      {
        flags: '--forward <ports>',
        summary: "lead a port here to the guest's, like 8080:80 (repeatable; SSH is forwarded in any case)",
        repeat: true,
      },
      {
        flags: '--set <setting>',
        summary: 'what a HAT measures from the start: enviro-phat.bmp280.temperature=31.5 (repeatable)',
        repeat: true,
      },
      { flags: '--timeline <file>', summary: 'what its HATs measure over time, in YAML or CSV' },
      { flags: '--append <words>', summary: 'more words for the kernel command line' },
      {
        flags: '--identity <values>',
        summary:
          'make this board another than those with the same image, like hostname=pi-07,ssh-key=FILE,wifi=SSID:PASSPHRASE,country=DE',
      },
      { flags: '--headless', summary: 'no console here, only in the serial log' },
      { flags: '--image <file>', summary: "boot this card image (also .zst, .xz, .qcow2) instead of the board's own" },
    ],
    examples: [
      ['run rpi3', 'log in on its serial console'],
      ['run rpi3 --persist --forward 8080:80', 'work on it for longer'],
      ['run rpi3 --headless', 'for scripts: SSH from the port that it prints'],
      ['run rpi3 --set enviro-phat.bmp280.temperature=31.5', 'on a hot day'],
    ],
    load: () => import('./run.ts'),
  },
  {
    name: 'test',
    summary: 'Boot a board in the emulator, and run its checks',
    details: 'The checks are those of board.yaml and of its packages. Exit code 1 when one fails.',
    arguments: [{ name: '<board>', summary: 'a folder below boards/' }],
    options: [
      { flags: '--junit <file>', summary: 'write the results as JUnit XML' },
      { flags: '--filter <pattern>', summary: 'only the checks whose owner or name matches this regular expression' },
      { flags: '--image <file>', summary: "boot this card image (also .zst, .xz, .qcow2) instead of the board's own" },
      { flags: '--keep', summary: 'leave the board on afterwards, its console in this terminal' },
      {
        flags: '--time-scale <factor>',
        summary: 'multiply all time limits (default: PIBUILD_TIME_SCALE, or measured)',
      },
    ],
    examples: [
      ['test rpi3 --junit results.xml', 'what a CI server runs'],
      ['test rpi3 --filter i2c', 'only the checks about I2C'],
    ],
    load: () => import('./test.ts'),
  },
  {
    name: 'set',
    summary: 'Change what the HATs of a running board measure, or list what can be changed',
    details: [
      'Of the board that `pibuild run` has on. Values may have a unit: 31.5, 88F, "305 K". What a chip cannot measure is refused.',
      'GPIO lines that the Pi reads are 0 or 1 (low or high); those that it drives are only listed.',
      'A timeline is CSV (a column `time`, and one for each quantity) or YAML with steps: set, ramp, fault, replay.',
    ].join('\n'),
    arguments: [{ name: '[setting...]', summary: 'like enviro-phat.bmp280.temperature=18' }],
    options: [
      { flags: '--board <board>', summary: 'which board (default: rpi3)' },
      { flags: '--timeline <file>', summary: 'go through a timeline, and end with it' },
    ],
    examples: [
      ['set', 'every quantity, its value and its range'],
      ['set enviro-phat.bmp280.temperature=18 enviro-phat.bmp280.pressure=990', 'the weather changes'],
      ['set panel.button=1', 'a GPIO line is pulled up'],
      ['set --timeline storm.yaml', 'and goes on changing'],
    ],
    load: () => import('./set.ts'),
  },
  {
    name: 'fault',
    summary: 'Let a chip of a HAT fail on a running board, or list the chips',
    details: [
      'Faults: nack (it does not answer), gone (the same: gone after 100), nack-data BYTES, wrong-data [MASK [REG-REG]],',
      'stuck (once spoken to, it holds the bus), slow TIME, none. Each may end in `after N` (the next N transfers still go well) and `times N`',
      '(it is over after so many). A fault takes the place of the one before.',
    ].join('\n'),
    arguments: [
      { name: '[chip]', summary: 'like enviro-phat.bmp280' },
      { name: '[fault...]', summary: 'what happens to it' },
    ],
    options: [{ flags: '--board <board>', summary: 'which board (default: rpi3)' }],
    examples: [
      ['fault enviro-phat.bmp280 gone after 100', 'a plug that comes loose'],
      ['fault enviro-phat.bmp280 wrong-data 0xff 0xf7-0xfc times 3', 'three bad readings'],
      ['fault enviro-phat.bmp280 none', 'it is well again'],
    ],
    load: () => import('./fault.ts'),
  },
  {
    name: 'capture',
    summary: 'Print a script that reads the chips of a real board, for a HAT that is like it',
    details: [
      "Run it on the Pi with i2c-tools. What it prints is the `dump:` of a HAT's chips: the field problem at your desk.",
    ].join('\n'),
    arguments: [],
    options: [
      { flags: '--bus <n>', summary: 'which bus, N of /dev/i2c-N (default: 1)', parse: bus },
      {
        flags: '--words <addresses>',
        summary: 'chips whose registers have 16 bits, like 0x48,0x49: of others each byte is read',
        parse: chipAddresses,
      },
    ],
    examples: [
      ['capture | ssh root@192.168.1.7 sh > packages/my-hat/field.dump', 'over the network'],
      ['capture --bus 1 > capture.sh', 'to carry it there'],
    ],
    load: () => import('./capture.ts'),
  },
  {
    name: 'flash',
    summary: "Write a board's image to a card, and read it back",
    details: [
      'Without a device it lists the cards and USB disks there are. Only blocks that are not empty are written; what is',
      'mounted or part of the running system is refused. The image is made first if need be.',
    ].join('\n'),
    arguments: [
      { name: '<board>', summary: 'a folder below boards/' },
      { name: '[device]', summary: 'a disk like /dev/sdb, a file, or - for standard output' },
    ],
    options: [
      { flags: '--yes', summary: 'do not ask: for scripts' },
      { flags: '--force', summary: 'also write to a disk that is built into this machine' },
      { flags: '--no-verify', summary: 'do not read back what was written' },
      {
        flags: '--identity <values>',
        summary:
          'make this card another than those with the same image, like hostname=pi-07,ssh-key=FILE,wifi=SSID:PASSPHRASE,country=DE',
      },
      { flags: '--image <file>', summary: "write this card image (also .zst, .xz, .qcow2) instead of the board's own" },
    ],
    examples: [
      ['flash rpi3', 'which cards there are'],
      ['flash rpi3 /dev/sdb', 'write one'],
      ['flash rpi3 /dev/sdb --identity hostname=pi-07,ssh-key=id.pub', 'write one that is told apart'],
      ['flash rpi3 - | ssh pi-writer "dd of=/dev/sdb bs=4M"', 'write one elsewhere'],
    ],
    load: () => import('./flash.ts'),
  },
  {
    name: 'module',
    summary: 'Build kernel modules, and nothing else',
    details: [
      'Of a package, or of a folder anywhere (./my-module), which needs no recipe: Kbuild, Makefile or one .c file will do.',
      'Built against the kernel of a board; or packaged headers, which are locked in output/kernels/<name>/debs.lock.json',
      '(remove it for newer ones); or a build tree of this machine, which is read in place: modules for it are compiled each',
      'time, by the compiler cache.',
    ].join('\n'),
    arguments: [{ name: '<module>', summary: 'a package of kernel modules, or a folder like ./my-module' }],
    options: [
      { flags: '--board <board>', summary: 'for the kernel of this board (default: rpi3)' },
      {
        flags: '--kernel <kernel>',
        summary:
          'for another: deb:<package of headers>, deb:ubuntu/noble/<package>, or a build tree like /lib/modules/6.12/build',
      },
      { flags: '--out <folder>', summary: 'where to leave the .ko files (default: below output/)' },
      {
        flags: '--oci <file>',
        summary: 'also write an OCI image that loads them, for LinuxKit, Docker and containerd',
      },
    ],
    examples: [
      ['module i2c-stub', 'the .ko, what it depends on, and the kernel that loads it'],
      ['module ./my-module --board rpi3-minimal', "somebody's own source"],
      ['module i2c-stub --kernel deb:linux-headers-arm64', "for Debian's kernel"],
      ['module i2c-stub --oci loader.tar', 'for docker load'],
    ],
    load: () => import('./module.ts'),
  },
  {
    name: 'push-module',
    summary: 'Load rebuilt kernel modules into a board that is on, without a restart',
    details: [
      'Builds them, takes out those that are loaded, puts in the new ones with the parameters of the board, and prints what',
      'the kernel said. The board is the one that `pibuild run` has on, or any on the network, over SSH.',
    ].join('\n'),
    arguments: [
      { name: '<module>', summary: 'a package of kernel modules, or a folder like ./my-module' },
      { name: '[parameter...]', summary: 'like number=1, for the last of its modules' },
    ],
    options: [
      { flags: '--board <board>', summary: 'whose kernel it is for, and which emulated board (default: rpi3)' },
      { flags: '--host <host>', summary: 'a board on the network, like root@192.168.1.7' },
      { flags: '--identity <file>', summary: "the key that gets in (default: the agent's, or those in ~/.ssh)" },
    ],
    examples: [
      ['push-module i2c-twin', 'while `pibuild run rpi3` is at work in another terminal'],
      ['push-module ./my-module --host root@192.168.1.7 loud=1', 'into a real one'],
    ],
    load: () => import('./push-module.ts'),
  },
  {
    name: 'menuconfig',
    summary: "Open the menu of a kernel's or program's configuration, and write the changes as a fragment",
    details: [
      'The menu shows the configuration as the board has it. What was changed is written to boards/<board>/<kernel>.config',
      'or packages/<package>/menuconfig.config, and said; recipes name the fragments that count.',
    ].join('\n'),
    arguments: [{ name: '<package>', summary: 'linux, busybox, or another package with a Kconfig' }],
    options: [
      { flags: '--board <board>', summary: 'whose configuration (default: rpi3)' },
      { flags: '--output <file>', summary: 'the fragment to write, or to add to' },
    ],
    examples: [
      ['menuconfig linux --board gate', "change the kernel of a board of one's own"],
      ['menuconfig busybox --output tiny.config', 'see what a change would be'],
    ],
    load: () => import('./menuconfig.ts'),
  },
  {
    name: 'config',
    summary: "Print a kernel's or program's configuration, or what differs between two",
    details: 'Of a board it is the configuration that its kernel is built from; a file is any .config.',
    arguments: [
      { name: '<board>', summary: '`diff`, then two boards or files; or one board' },
      { name: '[other...]', summary: 'what `diff` compares' },
    ],
    options: [
      { flags: '--package <package>', summary: 'instead of the kernel: busybox, or another package with a Kconfig' },
      { flags: '--fragment', summary: 'print differences as a fragment that makes the first one the second' },
    ],
    examples: [
      ['config rpi3 > .config', 'the whole configuration'],
      ['config diff rpi3-minimal gate', 'what one board has that the other has not'],
      ['config diff rpi3 /boot/config', 'against that of another kernel'],
    ],
    load: () => import('./config.ts'),
  },
  {
    name: 'fetch',
    summary: 'Download all that boards need, to work without a network',
    details: 'Sources, packages and tools, those of the emulator too. What is there already is not downloaded again.',
    arguments: [{ name: '[board...]', summary: 'only for these boards' }],
    options: [],
    examples: [
      ['fetch rpi3', 'then make, run and test work with --offline'],
      ['fetch', 'for every board'],
    ],
    load: () => import('./fetch.ts'),
  },
  {
    name: 'list',
    summary: 'List the boards, packages and overlays there are',
    details: "The project's own come before pibuild's; one that is broken is listed with what is wrong with it.",
    arguments: [{ name: '[what]', summary: 'boards, packages or overlays (default: all three)' }],
    options: [],
    examples: [
      ['list boards', 'what can be built'],
      ['list packages --json', 'one object a line, for other programs'],
    ],
    load: () => import('./list.ts'),
  },
  {
    name: 'show',
    summary: 'Show what a board, a package or a task is in the end',
    details: [
      'Recipes after extending, with templates filled in and defaults; behind each value the line that says it.',
      'Of a task its inputs, outputs, tools and script.',
    ].join('\n'),
    arguments: [{ name: '<name>', summary: 'a board, a package, or a task like busybox:build' }],
    options: [{ flags: '--board <board>', summary: 'whose task it is, when several boards have it' }],
    examples: [
      ['show rpi3', 'the board, and which file each line comes from'],
      ['show linux:build', 'how the kernel is compiled'],
    ],
    load: () => import('./show.ts'),
  },
  {
    name: 'oci',
    summary: 'Show the config.json of a service, and which lines of which recipes gave it what',
    details: [
      'The OCI runtime configuration as it lies in the image, with its seccomp profile; the numbers of devices are looked up',
      'on the board. Then every capability, device, bind and other key that a recipe gives, and where.',
    ].join('\n'),
    arguments: [
      { name: '<show>', summary: 'the word `show`' },
      { name: '<board>', summary: 'a folder below boards/' },
      { name: '<service>', summary: 'the name of a container of onboot, services or onshutdown' },
    ],
    options: [{ flags: '--config', summary: 'only the config.json' }],
    examples: [
      ['oci show rpi3 hello_world', 'what it may do, and who says so'],
      ['oci show rpi3 hello_world --config > config.json', 'for runc, in a folder with a rootfs/'],
    ],
    load: () => import('./oci.ts'),
  },
  {
    name: 'graph',
    summary: 'Draw the tasks that a board becomes',
    details: 'Runs nothing. In the text, ^ marks what is drawn in full further up.',
    arguments: [
      { name: '<board>', summary: 'a folder below boards/' },
      { name: '[task]', summary: 'only this task and what it needs' },
    ],
    options: [{ flags: '--format <format>', summary: 'text, dot, mermaid or json (default: text)' }],
    examples: [
      ['graph rpi3', 'a tree, the image at its root'],
      ['graph rpi3 --format dot | dot -Tsvg > rpi3.svg', 'a picture, by Graphviz'],
    ],
    load: () => import('./graph.ts'),
  },
  {
    name: 'why',
    summary: 'Say which tasks would run, and why',
    details: [
      'Compares what each task is made of now with what it was made of the last time, down to the file, the line and the',
      'value of the recipe. Runs nothing; `make --explain` says the same before each task that it runs.',
    ].join(' '),
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
    name: 'enter',
    summary: "Open a board's userland here, to try code in it",
    details: [
      'The same Ubuntu or Debian as on the board, under qemu-user, with the folder of the project as /project. It has the',
      'network, but none of the devices. What is written outside of /project is gone afterwards.',
    ].join(' '),
    arguments: [
      { name: '<board>', summary: 'a folder below boards/' },
      { name: '<userland>', summary: 'a package of kind userland' },
      { name: '[command...]', summary: 'run this instead of a shell; its exit code is that of pibuild' },
    ],
    options: [],
    examples: [
      ['enter rpi3 ubuntu', 'a shell in it'],
      ['enter rpi3 ubuntu -- python3 app.py', 'run a program of this folder'],
    ],
    load: () => import('./enter.ts'),
  },
  {
    name: 'clean',
    summary: 'Remove what builds left in output/',
    details: [
      'The store keeps it all: the next make brings it back in seconds. Cards that `run --persist` wrote to are nowhere',
      'else, and stay.',
    ].join('\n'),
    arguments: [{ name: '[board...]', summary: 'only of these boards' }],
    options: [{ flags: '--cards', summary: 'also the cards that `run --persist` kept' }],
    examples: [
      ['clean rpi3', 'remove output/rpi3'],
      ['clean rpi3 --cards', 'and what its guest wrote'],
    ],
    load: () => import('./clean.ts'),
  },
  {
    name: 'store',
    summary: 'Say where the store is and what it takes',
    details: 'Exit code 1 when --verify finds damage.',
    arguments: [],
    options: [{ flags: '--verify', summary: 'read all of it; what is damaged is removed, so that it is made anew' }],
    examples: [
      ['store', 'how large it is, and what of'],
      ['store --verify', 'after a disk had errors'],
    ],
    load: () => import('./store.ts'),
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
  {
    name: 'lock',
    summary: 'Resolve debs and container images anew, and write their locks',
    details: [
      "Debs are chosen by apt, in the sandbox, against the distribution's signed indices; images by their registries. A lock",
      '(debs.lock.json, image.lock.json beside the recipe) says exactly which files a build downloads, so commit it. Without a',
      'name all packages that have any are locked.',
    ].join('\n'),
    arguments: [{ name: '[name...]', summary: 'folders below packages/, or boards whose services are images' }],
    options: [],
    examples: [
      ['lock tools/build', 'take the newest compilers of the release'],
      ['lock', 'take the newest of everything'],
    ],
    load: () => import('./lock.ts'),
  },
  {
    name: 'service',
    summary: 'Run a service here, without a board',
    details: [
      'Its root and its process, by qemu-user in the sandbox: what it prints, and its exit code. Ctrl-C asks it to end, and ends',
      'it after ten seconds. It is root in a namespace, without the devices, binds and network of a board.',
    ].join('\n'),
    arguments: [
      { name: '<action>', summary: 'run' },
      { name: '<service>', summary: 'a package of kind service' },
      { name: '[command...]', summary: 'run this in its root instead' },
    ],
    options: [],
    examples: [
      ['service run hello_world', 'until Ctrl-C'],
      ['service run hello_world -- ls -l /', 'look around in its root'],
    ],
    load: () => import('./service.ts'),
  },
  {
    name: 'import',
    summary: 'Bring containers and files of a LinuxKit YAML into a board',
    details: [
      'Keys keep their names and meaning; what cannot be kept is said, with its line. Without --board the keys are printed, to',
      'be put into a board.yaml by hand.',
    ].join('\n'),
    arguments: [
      { name: '<format>', summary: 'linuxkit' },
      { name: '<file>', summary: 'the YAML' },
    ],
    options: [
      { flags: '--board <board>', summary: 'write a new board of this name, which extends rpi3' },
      { flags: '--registry <host>', summary: 'the registry of images that name none' },
    ],
    examples: [
      ['import linuxkit gateway.yml', 'print what it comes to'],
      ['import linuxkit gateway.yml --board gateway --registry registry.example', 'make a board of it'],
    ],
    load: () => import('./import.ts'),
  },
  {
    name: 'doctor',
    summary: 'Check that this machine has what a build needs',
    arguments: [],
    options: [],
    examples: [['doctor', 'what is missing, and what to do about it']],
    load: () => import('./doctor.ts'),
  },
  {
    name: 'schema',
    summary: 'Print the JSON Schema of recipes, for editors',
    details: "A recipe's first line names it: # yaml-language-server: $schema=../board.schema.json",
    arguments: [{ name: '<recipe>', summary: 'board, package or project' }],
    options: [{ flags: '--kind <kind>', summary: 'only of the packages of this kind' }],
    examples: [
      ['schema board > board.schema.json', 'for board.yaml'],
      ['schema package --kind kernel', 'what a kernel package may say'],
    ],
    load: () => import('./schema.ts'),
  },
];
