import { z } from 'zod';
import { duration, NAME, size } from './basics.ts';
import { boardFile, boardService } from './service.ts';

export { duration, NAME, size } from './basics.ts';

/**
 * The recipes' closed schemas: types, validation and the published JSON Schema in one. Descriptions are what an
 * editor shows. Keys of a package that depend on its kind are in `kinds/`.
 */

// A recipe is read once: compiling its schema to JavaScript takes longer than the reading.
z.config({ jitless: true });

const name = z.string().regex(NAME, 'lower-case letters, digits, dot, dash, and slash for a folder');
const text = z.string();
/** The loader takes a number as it is written (1.10 stays 1.10); editors are told that it may be one. */
const version = z.string().optional();
const versionMeta = { type: ['string', 'number'] };
const account = z
  .string()
  .regex(/^[a-z_][a-z0-9_-]{0,30}$/, 'a name of lower-case letters, digits, dash and underscore');
/** As the kernel writes it: dashes and underscores are the same to it. */
export const moduleName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_-]*$/, "a module's name, without .ko");
const octalMode = z.string().regex(/^[0-7]{3,4}$/, 'an octal mode in quotes, like "0755"');
const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'a sha256: 64 hexadecimal digits')
  .meta({ description: 'The sha256 of the file, in hexadecimal' });

const gitSource = z.strictObject({
  git: z
    .url({ protocol: /^https?$/ })
    .meta({ description: 'A git repository that is read over HTTP, like https://host/project.git' }),
  commit: z
    .string()
    .regex(/^[0-9a-f]{40}$/, 'a commit: 40 hexadecimal digits')
    .meta({ description: 'The commit in full, not a branch or tag, which may move' }),
  sha256: sha256.meta({ description: 'Of the tar that pibuild makes of it; when it is wrong, what is right is told' }),
  size: z.int().positive().meta({ description: 'Of that tar, in bytes' }),
});

export type GitSourceRecipe = z.infer<typeof gitSource>;

/** Where a package's source comes from. Exactly one of archive+path, url, git, deb or folder. */
export const source = z
  .union([
    z.strictObject({
      archive: z
        .enum(['debian', 'debian-security', 'ubuntu', 'ubuntu-ports'])
        .meta({ description: 'A distribution archive; its mirror is found at run time' }),
      path: text.meta({
        description: 'The path below the archive, like pool/main/b/busybox/busybox_1.37.0.orig.tar.bz2',
      }),
      sha256,
      size: z.int().positive().meta({ description: 'Size in bytes' }),
      strip: z.int().min(0).optional().meta({ description: 'Leading folders to drop when unpacking (default 1)' }),
    }),
    z.strictObject({
      url: z.url().meta({ description: 'Where to download from' }),
      sha256,
      size: z.int().positive().meta({ description: 'Size in bytes' }),
      strip: z.int().min(0).optional().meta({ description: 'Leading folders to drop when unpacking (default 1)' }),
    }),
    gitSource,
    z.strictObject({
      deb: text.meta({ description: "A .deb of this package's lock (debs.lock.json) that holds the source" }),
      member: text.meta({ description: 'The archive inside the .deb, like usr/src/linux-source-6.12.tar.xz' }),
      strip: z.int().min(0).optional().meta({ description: 'Leading folders to drop when unpacking (default 1)' }),
    }),
    z.strictObject({ folder: text.meta({ description: 'A folder beside the recipe' }) }),
  ])
  .meta({ description: 'Where the source comes from' });

export const check = z
  .strictObject({
    name: text.meta({ description: 'A sentence: what is true when it passes' }),
    expect: text.optional().meta({ description: 'A regular expression that the console must print' }),
    run: text.optional().meta({ description: 'A shell command run on the target as root' }),
    set: z
      .record(text, z.union([text, z.number()]))
      .optional()
      .meta({ description: 'What HATs measure meanwhile: {enviro-phat.bmp280.temperature: 85 °C}' }),
    fault: z.record(text, text).optional().meta({
      description: 'Chips of HATs that fail meanwhile, as `pibuild fault` says it: {enviro-phat.bmp280: nack}',
    }),
    exit: z.int().min(0).max(255).optional().meta({ description: 'The exit code of `run` (default 0)' }),
    matches: text.optional().meta({ description: 'A regular expression that the output of `run` must match' }),
    timeout: duration.optional().meta({ description: 'How long it may take, before scaling (default 30s)' }),
    retry: duration
      .optional()
      .meta({ description: 'Repeat `run` until it passes, for so long (for what needs a moment to come up)' }),
  })
  .refine(
    (value) => (value.expect === undefined) !== (value.run === undefined),
    'give exactly one of `expect` and `run`',
  )
  .refine(
    (value) => value.run !== undefined || (value.set === undefined && value.fault === undefined),
    '`set` and `fault` are for the time of `run`',
  )
  .meta({ description: 'One thing that `pibuild test` checks on the booted image' });

export const permission = z.strictObject({
  path: text.meta({ description: 'A path or a glob in the root, like /etc/shadow' }),
  mode: octalMode.optional().meta({ description: 'Like "0640", in quotes' }),
  uid: z.int().min(0).optional().meta({ description: 'Default 0' }),
  gid: z.int().min(0).optional().meta({ description: 'Default 0' }),
});

/** The keys that every package has, whatever its kind. */
export const packageBase = {
  package: name.meta({ description: "The package's name: its folder below packages/" }),
  kind: text.meta({ description: 'What kind of package it is' }),
  summary: text.optional().meta({ description: 'One line for `pibuild list`' }),
  version: version.meta({ ...versionMeta, description: 'Of the packaged software, for `{{version}}` in this recipe' }),
  license: text.optional().meta({ description: 'SPDX licence expression' }),
  homepage: text.optional().meta({ description: 'Where its upstream lives' }),
  depends: z
    .array(name)
    .optional()
    .meta({ description: 'Packages whose headers and libraries this one is built against' }),
  permissions: z
    .array(permission)
    .optional()
    .meta({ description: 'Modes and owners of files of its layer, where the build cannot set them' }),
  replace: z
    .array(text)
    .optional()
    .meta({ description: 'Paths (globs) of its layer that take the place of what earlier layers bring' }),
  checks: z
    .array(check)
    .optional()
    .meta({ description: 'What `pibuild test` checks on every board that has this package' }),
};

export const user = z.strictObject({
  uid: z.int().min(0).optional().meta({ description: 'Default: 1000 and up in order; 0 for root' }),
  gid: z.int().min(0).optional().meta({ description: "Default: the user's own group" }),
  groups: z.array(account).optional().meta({ description: 'Further groups' }),
  home: text.optional().meta({ description: 'Default /home/<name>; /root for root' }),
  shell: text.optional().meta({ description: 'Default /bin/sh' }),
  password: z
    .string()
    .regex(/^\$(1|5|6|y|2[aby])\$\S+$/, 'a crypt(3) hash, never the password itself (`openssl passwd -6` makes one)')
    .optional()
    .meta({ description: 'A crypt(3) hash ($6$... from `openssl passwd -6`); absent: no login by password' }),
  passwordless: z
    .boolean()
    .optional()
    .meta({ description: 'Anyone at the console may log in without a password. For development boards only' }),
  sshKeys: z.array(text).optional().meta({ description: 'Lines of authorized_keys' }),
});

const partitionSize = size
  .optional()
  .meta({ description: 'Of the partition. squashfs, erofs: absent means as large as its content needs' });
const label = z.string().max(11).optional().meta({ description: "The filesystem's label" });

const removed = (description: string) => z.array(text).optional().meta({ description });
/** The keys of a board that `without` can remove from: the lists and maps. */
const without = z
  .strictObject({
    kernel: z
      .strictObject({
        fragments: removed('Fragments, as they are written'),
        dtbs: removed('Device trees'),
        cmdline: removed('Words of the command line'),
      })
      .optional()
      .meta({ description: 'Of the kernel' }),
    packages: removed('Packages'),
    modules: removed('Kernel modules, by name'),
    overlays: removed('Overlays'),
    onboot: removed('Containers of the start, by name'),
    services: removed('Services, by name'),
    onshutdown: removed('Containers of the shutdown, by name'),
    files: removed('Files, by path'),
    config: removed('Lines of config.txt'),
    users: removed('Users, by name'),
    groups: removed('Groups, by name'),
    permissions: removed('Permissions, by path'),
    replace: removed('Paths of `replace`'),
    variables: removed('Variables, by name'),
    emulator: removed('Keys of the emulator, which then have their defaults'),
    checks: removed('Checks, by name'),
  })
  .meta({ description: 'What to remove of the extended board, by key: {packages: [dropbear]}' });

const parameterValue = z.union([
  z.string().regex(/^[^"#\n]*$/, 'text on one line, without " and #'),
  z.number(),
  z.boolean(),
]);

/** A kernel module that a board names. */
export const boardModule = z.union([
  moduleName,
  z.strictObject({
    name: moduleName.meta({ description: "The module's name, without .ko" }),
    parameters: z
      .record(z.string().regex(/^\w+$/, "a parameter's name"), z.union([parameterValue, z.array(parameterValue)]))
      .optional()
      .meta({ description: 'What it is loaded with, by whomever; a list becomes values with commas between them' }),
    load: z
      .enum(['boot', 'demand'])
      .optional()
      .meta({ description: 'Whether it is loaded at every start (default), or when something asks for it' }),
  }),
]);

/** What an image can be had as. */
export const imageFormats = ['img', 'bmap', 'img.zst', 'img.xz', 'qcow2', 'boot.tar', 'oci'] as const;

export const board = z.strictObject({
  board: name.meta({ description: "The board's name: its folder below boards/" }),
  extends: name.optional().meta({ description: 'Another board that this one adds to: lists append, maps merge' }),
  abstract: z.boolean().optional().meta({
    description: 'Whether there is no such board, and others extend this (default false; not passed on to them)',
  }),
  without: without.optional(),
  summary: text.optional().meta({ description: 'One line for `pibuild list`' }),
  version: version.meta({ ...versionMeta, description: "The product's version, for os-release" }),
  arch: z.enum(['arm64']).optional().meta({ description: 'Of the processor (default arm64)' }),
  hostname: text.optional().meta({ description: 'Letters, digits and dashes (default: the name of the board)' }),
  timezone: text.optional().meta({ description: 'Like Europe/Berlin (default UTC)' }),
  kernel: z
    .strictObject({
      package: name.optional().meta({ description: 'The package of kind `kernel` (default linux)' }),
      fragments: z.array(text).optional().meta({
        description:
          'Kconfig fragments: files of the kernel package (`name.config`) or of this board (`./name.config`)',
      }),
      dtbs: z.array(text).optional().meta({ description: 'Device trees, like broadcom/bcm2837-rpi-3-b' }),
      cmdline: z.array(text).optional().meta({ description: 'Words of the kernel command line, in order' }),
    })
    .optional()
    .meta({ description: 'The kernel and how it is configured and started' }),
  packages: z.array(name).optional().meta({ description: 'Packages whose layers and boot files go into the image' }),
  modules: z.array(boardModule).optional().meta({
    description: "Kernel modules to load, in order: the kernel's own, and those of the board's packages",
  }),
  onboot: z.array(boardService).optional().meta({
    description: 'Containers that run to their end, one after the other, before the services start',
  }),
  services: z
    .array(boardService)
    .optional()
    .meta({ description: 'Containers that containerd starts and that keep running' }),
  onshutdown: z.array(boardService).optional().meta({ description: 'Containers that run to their end at shutdown' }),
  files: z.array(boardFile).optional().meta({ description: 'Files, folders and links to add to the root' }),
  overlays: z
    .array(name)
    .optional()
    .meta({ description: 'Folders below overlays/, copied into the root in this order' }),
  config: z.array(text).optional().meta({ description: 'Lines of config.txt' }),
  users: z.record(account, user).optional().meta({ description: 'Who can log in, by name' }),
  groups: z.record(account, z.int().min(0)).optional().meta({ description: 'Groups and their numbers' }),
  permissions: z
    .array(permission)
    .optional()
    .meta({ description: 'Modes and owners of files of the overlays, which are otherwise root and 0644 or 0755' }),
  replace: z.array(text).optional().meta({
    description: 'Paths (globs) of its overlays that take the place of what packages and earlier overlays bring',
  }),
  root: z
    .strictObject({
      readonly: z.boolean().optional().meta({ description: 'Mount the root read-only with a tmpfs over it' }),
    })
    .optional()
    .meta({ description: 'How the root filesystem is used' }),
  image: z
    .strictObject({
      size: size.optional().meta({
        description: 'Of the whole card image; a power of two is what emulators want (default: the next one)',
      }),
      table: z.enum(['mbr', 'gpt']).optional().meta({
        description: "The partition table (default mbr, which every Pi's firmware reads; gpt is what UEFI asks for)",
      }),
      formats: z.array(z.enum(imageFormats)).optional().meta({
        description: 'What is made beside the image (img) and its block map (bmap), which are always there',
      }),
      partitions: z
        .strictObject({
          boot: z
            .strictObject({
              format: z.enum(['vfat']).optional().meta({ description: 'What the firmware reads' }),
              size: partitionSize,
              label,
            })
            .optional()
            .meta({ description: 'Firmware, kernel and device trees (default 128M)' }),
          root: z
            .strictObject({
              format: z
                .enum(['ext4', 'squashfs', 'erofs'])
                .optional()
                .meta({ description: 'Default ext4; squashfs and erofs are read-only' }),
              size: partitionSize,
              label,
            })
            .optional()
            .meta({ description: 'The root filesystem (default ext4, 512M)' }),
          data: z
            .strictObject({
              format: z.enum(['ext4']).optional().meta({ description: 'Default ext4' }),
              size: partitionSize,
              label,
              grow: z
                .boolean()
                .optional()
                .meta({ description: 'Whether it grows to the end of its card when the board starts (default false)' }),
            })
            .optional()
            .meta({
              description: 'What the system writes, mounted on /data, with /var on it (default 64M; absent: none)',
            }),
        })
        .optional()
        .meta({ description: 'The partitions of the card, in this order' }),
    })
    .optional()
    .meta({ description: 'The card image' }),
  variables: z
    .record(z.string(), z.union([text, z.number(), z.boolean()]))
    .optional()
    .meta({ description: 'Further variables for templates' }),
  emulator: z
    .strictObject({
      machine: text.optional().meta({ description: "QEMU's machine, like raspi3b" }),
      dtb: text.optional().meta({ description: 'The device tree that the emulated firmware would choose' }),
      memory: size.optional().meta({ description: 'Default: what the machine has' }),
      cpus: z.int().positive().optional().meta({ description: 'Default: what the machine has' }),
      console: z
        .int()
        .min(0)
        .optional()
        .meta({ description: 'Which serial port is the console (0: PL011, 1: mini UART)' }),
      usbNetwork: z.boolean().optional().meta({ description: 'Whether the network is a USB adapter (usb0)' }),
      forwards: z
        .array(text.regex(/^([0-9.]+:)?[0-9]{1,5}:[0-9]{1,5}(\/(tcp|udp))?$/, 'HOST:GUEST, like 8080:80'))
        .optional()
        .meta({ description: "Ports of this machine that `pibuild run` leads to the guest's: 8080:80" }),
      arguments: z.array(text).optional().meta({ description: 'Further arguments of QEMU, one word each' }),
    })
    .optional()
    .meta({ description: 'How QEMU stands in for the board; absent: it cannot' }),
  checks: z.array(check).optional().meta({ description: 'What `pibuild test` checks on the booted image' }),
});

export const projectFile = z.strictObject({
  project: name.optional().meta({ description: "The project's name (default: its folder's)" }),
  epoch: z
    .int()
    .positive()
    .optional()
    .meta({ description: 'Seconds since 1970 that every built file is dated; changing it rebuilds everything' }),
});

export type ImageFormat = (typeof imageFormats)[number];
export type BoardRecipe = z.infer<typeof board>;
export type CheckRecipe = z.infer<typeof check>;
export type Permission = z.infer<typeof permission>;
export type BoardModuleRecipe = z.infer<typeof boardModule>;
export type UserRecipe = z.infer<typeof user>;
export type SourceRecipe = z.infer<typeof source>;
export type EmulatorRecipe = NonNullable<BoardRecipe['emulator']>;
