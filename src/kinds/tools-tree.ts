/** What every tools tree has besides its debs: what their maintainer scripts would make, and where the sandbox mounts. */

/** What is left out of every tools tree: nothing that runs needs it, and it is a fifth of the files. */
export const leftOut: readonly string[] = [
  'usr/share/bug',
  'usr/share/doc',
  'usr/share/doc-base',
  'usr/share/info',
  'usr/share/lintian',
  'usr/share/locale',
  'usr/share/man',
];

/** Empty folders that the sandbox mounts over, since its root is read-only. */
export const mountPoints: readonly string[] = ['ccache', 'dev', 'proc', 'run', 'sys', 'tmp', 'work'];

/** Files that maintainer scripts make on a system. A recipe's `files` go over them. */
export const commonFiles: Readonly<Record<string, string>> = {
  'etc/group': 'root:x:0:\ntty:x:5:\npibuild:x:1000:\nnogroup:x:65534:\n',
  'etc/hosts': '127.0.0.1 localhost pibuild\n::1 localhost pibuild\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  'etc/passwd': [
    'root:x:0:0:root:/root:/bin/bash',
    '_apt:x:42:65534::/nonexistent:/usr/sbin/nologin',
    'pibuild:x:1000:1000:pibuild:/tmp:/bin/bash',
    'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
    '',
  ].join('\n'),
  // Bound over with the host's where a command has the network.
  'etc/resolv.conf': '',
};

export const commonLinks: Readonly<Record<string, string>> = { 'etc/mtab': '../proc/self/mounts' };
