import { expect, test } from 'vitest';
import { emulationProblem, memoryProblem, sandboxProblem, userNamespaceProblem } from '../../src/build/host.ts';

const settings = (values: Record<string, string>) => (name: string) => values[name];

test('a host that allows user namespaces has no problem', () => {
  const usual = settings({ 'user/max_user_namespaces': '96365', 'kernel/unprivileged_userns_clone': '1' });
  expect(userNamespaceProblem(usual, 1000)).toBeUndefined();
});

test('each way in which user namespaces can be forbidden is named with the command that allows them', () => {
  const cases = [
    [{ 'user/max_user_namespaces': '0' }, 'user.max_user_namespaces=15000'],
    [{ 'kernel/unprivileged_userns_clone': '0' }, 'kernel.unprivileged_userns_clone=1'],
    [{ 'kernel/apparmor_restrict_unprivileged_userns': '1' }, 'kernel.apparmor_restrict_unprivileged_userns=0'],
  ] as const;
  for (const [values, fix] of cases) {
    expect(userNamespaceProblem(settings(values), 1000)?.hint).toBe(`as root: sysctl -w ${fix}`);
  }
});

test('root may make user namespaces where only ordinary users may not', () => {
  expect(userNamespaceProblem(settings({ 'kernel/apparmor_restrict_unprivileged_userns': '1' }), 0)).toBeUndefined();
});

test("bubblewrap's own failure is told apart from the command's", () => {
  expect(sandboxProblem(['make: *** [all] Error 2'])).toBeUndefined();
  const output = ['bwrap: setting up uid map: Permission denied'];
  const restricted = settings({ 'kernel/apparmor_restrict_unprivileged_userns': '1' });
  const problem = sandboxProblem(output, restricted);
  expect(problem?.notes).toEqual([{ message: 'bwrap: setting up uid map: Permission denied' }]);
});

test('too little memory for the jobs is a warning that names a way out', () => {
  expect(memoryProblem(1024 ** 3, 8)).toMatchObject({ severity: 'warning', hint: 'use fewer jobs with --jobs' });
  expect(memoryProblem(16 * 1024 ** 3, 8)).toBeUndefined();
});

test('userlands need Linux 6.7, or an emulator that root has registered for good', () => {
  expect(emulationProblem('6.18.44-generic', settings({}))).toBeUndefined();
  expect(emulationProblem('7.0.0', settings({}))).toBeUndefined();
  const old = '6.1.0-30-amd64';
  expect(emulationProblem(old, settings({}))?.message).toContain('Linux 6.1.0-30-amd64 runs no arm64 programs');
  const registered = (flags: string) => settings({ 'fs/binfmt_misc/qemu-aarch64': `enabled\nflags: ${flags}\n` });
  expect(emulationProblem(old, registered('POCF'))).toBeUndefined();
  expect(emulationProblem(old, registered('P'))?.severity).toBe('warning');
});
