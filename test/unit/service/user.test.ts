import { describe, expect, test } from 'vitest';
import { imageUser } from '../../../src/service/user.ts';

const passwd = 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/srv:/bin/false\n';
const group = 'root:x:0:\nweb:x:34:\ni2c:x:102:web,other\n';

describe('the user of an image', () => {
  test('is root when the image does not say', () => {
    expect(imageUser(undefined, passwd, group)).toEqual({ uid: 0, gid: 0, additionalGids: [] });
  });
  test('is looked up in its own files, with all groups', () => {
    expect(imageUser('web', passwd, group)).toEqual({ uid: 33, gid: 34, additionalGids: [102] });
    expect(imageUser('33', passwd, group)).toEqual({ uid: 33, gid: 34, additionalGids: [102] });
  });
  test('may be a number that the files do not have', () => {
    expect(imageUser('1000', passwd, group)).toEqual({ uid: 1000, gid: 0, additionalGids: [] });
  });
  test('has no further groups when one is named', () => {
    expect(imageUser('web:i2c', passwd, group)).toEqual({ uid: 33, gid: 102, additionalGids: [] });
    expect(imageUser('web:7', passwd, group)).toEqual({ uid: 33, gid: 7, additionalGids: [] });
  });
  test('is an error when the files do not have the name', () => {
    expect(imageUser('nobody', passwd, group)).toBe("its image runs as 'nobody', who is not in its /etc/passwd");
    expect(imageUser('web:spi', passwd, group)).toBe("its image runs in group 'spi', which is not in its /etc/group");
  });
});
