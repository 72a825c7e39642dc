import { userInfo } from 'node:os';
import { describe, expect, test } from 'vitest';
import { localUser, loginName } from '../../cli/hub/local-user.ts';

const passwd = 'root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:100:1000::/:/bin/sh\n';

describe('who runs a command', () => {
  test.each([
    ['1000', 'alice'],
    ['1000\n', 'alice'],
    ['0', 'root'],
    ['100', 'bob'],
    ['2000', 'uid 2000'],
    // -1: no login.
    ['4294967295', null],
    ['', null],
    ['x', null],
  ])('is told by the login %j: %s', (loginuid, name) => {
    expect(loginName(loginuid, passwd)).toBe(name);
  });

  test('is the user of the process, with the one that has logged in', () => {
    expect(localUser()).toMatchObject({ kind: 'user', from: null });
    expect(localUser().name.endsWith(userInfo().username)).toBe(true);
  });
});
