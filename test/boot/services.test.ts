import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Installed, install } from '../helpers/boot.ts';
import { folderOf } from '../helpers/recipes.ts';

/** Containers on a board: one start of it, with services that go well and such that do not. */

let pibuild: Installed;

beforeAll(async () => {
  pibuild = await install();
});
afterAll(() => pibuild.remove());

const forever = 'exec sleep 100000';

const board = `board: many
extends: rpi3-minimal
image: {size: 512M, partitions: {root: {size: 300M}}}
onboot:
  - {name: prepare, package: box, command: [sh, -c, "date > /marks/prepared"], binds: ["/run/marks:/marks"], runtime: {mkdir: [/run/marks]}}
  - {name: harmless, package: box, command: ["false"], onFailure: ignore}
services:
  - {name: steady, package: box, command: [sh, -c, "echo steady; ${forever}"]}
  - {name: falling, package: box, command: [sh, -c, "echo falling; exit 3"], restart: {policy: on-failure, backoff: 1s, max: 8s}}
  - name: slow
    package: box
    command: [sh, -c, "sleep 5; touch /marks/slow; ${forever}"]
    binds: ["/run/marks:/marks"]
    ready: {file: /run/marks/slow}
  - {name: follower, package: box, command: [sh, -c, "ls /marks; ${forever}"], binds: ["/run/marks:/marks:ro"], after: [slow]}
  - {name: unready, package: box, command: [sleep, "100000"], ready: {exec: [test, -e, /never], within: 3s}}
  - {name: blocked, package: box, command: [sleep, "100000"], after: [unready]}
  - {name: mapped, package: box, userns: new, command: [sh, -c, "id -u; touch /mine; stat -c %u /mine /bin/busybox; ${forever}"]}
  - {name: measures, package: box, devices: [/dev/i2c-1], command: [sh, -c, "exec 3<>/dev/i2c-1 && echo opened; ${forever}"]}
  - name: blind
    package: box
    capabilities: [CAP_MKNOD]
    command: [sh, -c, "mknod /dev/i2c-1 c 89 1 && echo made; (exec 3<>/dev/i2c-1) || echo refused; ${forever}"]
  - {name: light, package: box, ociRuntime: crun, command: [sh, -c, "echo by crun; ${forever}"]}
  - name: chatty
    package: box
    logs: {size: 4K, keep: 2}
    command: [sh, -c, "i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done; ${forever}"]
  - {name: web, package: box, net: new, readonly: true, ready: {tcp: "8080"}, command: [sh, -c, "while :; do echo x | nc -l -p 8080; done"]}
  - name: stopper
    package: box
    restart: never
    onFailure: stop-boot
    binds: ["/run/marks:/marks"]
    command: [sh, -c, "until [ -e /marks/stop ]; do sleep 1; done; exit 1"]
checks:
`;

/** In the order in which they are run: the last ones break things. */
const proofs: readonly (readonly [name: string, run: string, matches: string])[] = [
  [
    'what is of onboot has run before the services, and its exit codes are known',
    'pibuild-service status prepare; pibuild-service status harmless; cat /run/marks/prepared',
    'state: done[^]*state: failed[^]*reason: ended with 1',
  ],
  ['plain ctr sees the services', 'ctr -n services.pibuild tasks ls', 'steady +[0-9]+ +RUNNING'],
  ['a service has a log', 'pibuild-service logs steady', '^steady'],
  ['a file makes a service ready, and another waits for it', 'pibuild-service logs follower', '^prepared\\s+slow'],
  [
    'a port in a network of its own makes a service ready, whose root cannot be written to',
    'pibuild-service status web && awk \'$5 == "/" {print $6}\' /proc/$(pibuild-service status web | sed -n "s/pid: //p")/mountinfo',
    'state: ready[^]*^ro',
  ],
  [
    'what does not become ready blocks those that wait for it, and is reported',
    'pibuild-service list; cat /run/pibuild/summary',
    'unready .*not ready within 3s[^]*blocked .*for unready[^]*not: .*unready.*blocked',
  ],
  [
    'a falling service is started again, ever later',
    'pibuild-service list',
    'falling +services +\\S+ .* [2-9] +(ended with 3; started again in [48]s)?',
  ],
  [
    'root of a user namespace owns its files, and is not root outside',
    'pibuild-service logs mapped; stat -c "outside %u" /proc/$(pibuild-service status mapped | sed -n "s/pid: //p")',
    '^0\\s+0\\s+0\\s+outside 100000',
  ],
  ['a service with the device opens it', 'pibuild-service logs measures', '^opened'],
  [
    'a service without the device cannot, not even with one of its own making',
    'pibuild-service logs blind',
    '^(made\\s+)?.*[^]*refused',
  ],
  ['crun runs a service', 'pibuild-service logs light && ls /run/containerd/crun/services.pibuild', 'by crun\\s+light'],
  [
    'logs begin anew when they are full',
    'pibuild-service logs -n 1 chatty; cd /var/log/services && ls chatty.log*; stat -c %s chatty.log*',
    'line 999\\s+chatty.log\\s+chatty.log.1\\s+chatty.log.2(\\s+[0-3]?[0-9]{1,3}|\\s+40[0-9]{2}){3}\\s*$',
  ],
  [
    'runc alone makes a container of a bundle',
    'mkdir -p /run/alone && cd /run/alone && rm -f config.json && runc spec && sed -i "s/\\"terminal\\": true/\\"terminal\\": false/; s/\\"sh\\"/\\"sleep\\", \\"1000\\"/; s|\\"rootfs\\"|\\"/run/pibuild/services/steady/rootfs\\"|" config.json && runc run -d alone </dev/null >/run/alone/log 2>&1; cat log; runc list; runc kill alone KILL; sleep 1; runc delete alone && runc list -q | wc -l',
    'alone +[0-9]+ +running[^]*0\\s*$',
  ],
  ['no process is left unburied', 'ps -o stat,comm | grep "^Z" || echo none', '^none'],
  [
    'the services outlive containerd, which is started again',
    'old=$(pidof containerd); was=$(pibuild-service status steady | grep pid:); kill -9 $old; until new=$(pidof containerd) && [ "$new" != "$old" ] && ctr version >/dev/null 2>&1; do sleep 1; done; [ "$was" = "$(pibuild-service status steady | grep pid:)" ] && ctr -n services.pibuild tasks ls | grep steady',
    'steady +[0-9]+ +RUNNING',
  ],
  [
    'a service that is killed afterwards is started again',
    'until was=$(pibuild-service status steady | sed -n "s/pid: //p") && [ "$was" -gt 1 ]; do sleep 1; done; kill -9 $was; until now=$(pibuild-service status steady | sed -n "s/pid: //p") && [ "$now" != 0 ] && [ "$now" != "$was" ]; do sleep 1; done; pibuild-service status steady',
    'state: ready[^]*restarts: [1-9]',
  ],
  [
    'the services outlive their keeper, too',
    'was=$(pibuild-service status steady | grep pid:); kill -9 $(pidof pibuild-service); sleep 2; until pibuild-service status steady; do sleep 1; done; [ "$was" = "$(pibuild-service status steady | grep pid:)" ] && echo same',
    'state: ready[^]*same',
  ],
  [
    'services are stopped and started by hand',
    'pibuild-service stop steady; ctr -n services.pibuild tasks ls | grep -c steady; pibuild-service start steady; until pibuild-service status steady; do sleep 1; done',
    'steady is stopped\\s+0\\s+[^]*state: ready',
  ],
  [
    'a failure that stops the start leaves what has not begun',
    'touch /run/marks/stop; until pibuild-service list | grep "^blocked.*not started"; do sleep 1; done; dmesg | grep "the start is stopped"',
    'not started: stopper ended with 1[^]*the start is stopped: stopper ended with 1',
  ],
];

const checks = proofs
  .map(([name, run, matches]) =>
    [
      `  - name: ${JSON.stringify(`proof, ${name}`)}`,
      `    run: ${JSON.stringify(run)}`,
      `    matches: ${JSON.stringify(matches)}`,
      '    retry: 120s',
      '    timeout: 120s',
    ].join('\n'),
  )
  .join('\n');

test('services are kept as their recipe says, whatever happens to them', async () => {
  const folder = folderOf({
    'pibuild.yaml': 'project: boot\n',
    'boards/many/board.yaml': `${board}${checks}\n`,
    'packages/box/package.yaml': 'package: box\nkind: service\nrootfs: [base-files, glibc, busybox]\n',
  });
  const running = pibuild.start(['test', 'many', '--filter', 'proof'], folder);
  const code = await running.ended;
  for (const [name] of proofs) expect(running.output()).toContain(`✓ proof, ${name}`);
  expect(code, running.output()).toBe(0);
});
