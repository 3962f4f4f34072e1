import type { RuntimeFacts } from './runtime-spec.ts';

/**
 * Who an image runs as: `user` is as its config says it (`name`, `uid`, `name:group`, `uid:gid`), `passwd` and `group` are its
 * own files. A text: what is wrong.
 */
export function imageUser(user: string | undefined, passwd: string, group: string): RuntimeFacts['user'] | string {
  if (user === undefined || user === '') return { uid: 0, gid: 0, additionalGids: [] };
  const [name = '', groupName] = user.split(':');
  const account = rows(passwd).find((row) => row[0] === name || row[2] === name);
  const uid = numberOf(name) ?? numberOf(account?.[2]);
  if (uid === undefined) return `its image runs as '${name}', who is not in its /etc/passwd`;
  if (groupName !== undefined) {
    const gid = numberOf(groupName) ?? numberOf(rows(group).find(([each]) => each === groupName)?.[2]);
    if (gid === undefined) return `its image runs in group '${groupName}', which is not in its /etc/group`;
    return { uid, gid, additionalGids: [] };
  }
  const further = rows(group).filter(
    ([, , , members]) => account && members?.split(',').includes(account[0] as string),
  );
  return {
    uid,
    gid: numberOf(account?.[3]) ?? 0,
    additionalGids: further.flatMap(([, , gid]) => numberOf(gid) ?? []),
  };
}

function rows(text: string): string[][] {
  return text.split('\n').map((line) => line.split(':'));
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : undefined;
}
