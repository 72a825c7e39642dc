import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { checkConfig } from '../../config/check.ts';
import { loadConfig } from '../../config/load.ts';
import { ConfigInvalidError } from '../../config/problem.ts';
import { configFile, ownDirectory, yumConfig } from './config-file.ts';

/** What is wrong with the text, as `LINE:COLUMN: key: message`. */
function problems(text: string | Uint8Array): readonly string[] {
  const file = configFile(text);
  return checkConfig(file).valid ? [] : checkConfig(file).lines.map((line) => line.replace(`${file}:`, ''));
}

/** A text and the beginnings of all its problem lines, in order. */
const cases: readonly (readonly [title: string, text: string, expected: readonly string[]])[] = [
  ['an unknown key at its own place', 'drain: 5s\nlistne: {}\n', ['2:1: listne: unknown key; known here: listen, ']],
  ['several unknown keys, each', 'a: 1\nb: 2\n', ['1:1: a: unknown key', '2:1: b: unknown key']],
  ['a key without a value', 'upstream:\n', ['1:10: upstream: must be a map']],
  ['a list instead of a map', '- a\n', ['1:1: document: must be a map']],
  [
    'a key given twice, and what else is wrong',
    'state: /a\nstate: /b\nx: 1\n',
    ['2:1: state: the key is given twice', '3:1: x: '],
  ],
  [
    'a decimal unit',
    'cache: { max: 200GB }\n',
    ['1:15: cache.max: must be a size such as 200GiB, or a percentage of 1% to 100%'],
  ],
  [
    'more kept free than half',
    'cache:\n  keepFree: 51%\n',
    ['2:13: cache.keepFree: must be a size such as 200GiB, or a percentage of 0% to 50%'],
  ],
  [
    'a scrub that is more than off, too often, or at no rate at all',
    'cache: { scrub: { every: 1m, rate: 0B/s } }\n',
    [
      '1:26: cache.scrub.every: must be a duration such as 500ms, 5m or 72h, at least 1h',
      '1:36: cache.scrub.rate: must be a rate such as 20MiB/s, and more than 0',
    ],
  ],
  ['a scrub that is not off but no', 'cache: { scrub: false }\n', ['1:17: cache.scrub: must be off, or ']],
  ['a bare number for a duration', 'drain: 60\n', ['1:8: drain: must be a duration']],
  ['an address without a port', 'listen: { content: 127.0.0.1 }\n', ['1:20: listen.content: must be an address']],
  ['a port that is none', 'listen: { admin: "127.0.0.1:65536" }\n', ['1:18: listen.admin: must be an address']],
  [
    'one address used twice',
    'listen: { content: 127.0.0.1:8081 }\n',
    ['1:9: listen.admin: 127.0.0.1:8081 is listened on already'],
  ],
  [
    'a listener with half of its TLS',
    'publicUrl: http://a\nlisten: { content: [{ address: "[::1]:1", tls: { cert: c } }] }\n',
    ['2:48: listen.content.0.tls.key: is missing'],
  ],
  [
    'a wildcard address without publicUrl',
    'listen:\n  content: "[::]:8080"\n',
    ['2:12: publicUrl: must be given: listen.content is a wildcard address'],
  ],
  ['another spelling of the wildcard', 'listen:\n  content: "[0:0::0]:8080"\n', ['2:12: publicUrl: must be given']],
  [
    'a list of addresses without publicUrl',
    'listen: { content: [127.0.0.1:8080] }\n',
    ['1:20: publicUrl: must be given: listen.content is a list'],
  ],
  [
    'a socket path that the system cannot take',
    `state: /${'x'.repeat(100)}\n`,
    ['1:8: listen.socket: the path of the socket is longer than 107 bytes'],
  ],
  [
    'an alias without its slashes',
    'aliases: { /pulp: content/ }\n',
    ['1:12: aliases."/pulp": must begin and end with /', '1:19: aliases."/pulp": must begin and end with /'],
  ],
  [
    'an alias that hides content',
    'aliases: { /content/a/: /content/ }\n',
    ['1:12: aliases."/content/a/": would hide /content/'],
  ],
  ['an alias that hides everything', 'aliases: { /: /content/ }\n', ['1:12: aliases."/": would hide']],
  ['a noProxy that is no host', 'upstream: { noProxy: [10.0.0.0/8] }\n', ['1:23: upstream.noProxy.0: must be a host']],
  [
    'a missing name',
    'subscriptions:\n  - hub: { type: yum }\n    repositories: [{ path: a, url: http://a }]\n',
    ['2:5: subscriptions.0.name: is missing'],
  ],
  [
    'a number as a name',
    'subscriptions: [{ name: 1, hub: { type: yum }, repositories: [{ path: a, url: http://a }] }]\n',
    ['1:25: subscriptions.0.name: must be text (in quotes'],
  ],
  [
    'an unknown type of hub',
    'subscriptions: [{ name: a, hub: { type: apt } }]\n',
    ['1:41: subscriptions.0.hub.type: must be yum, pulp or waystation'],
  ],
  ['a hub without a type', 'subscriptions: [{ name: a, hub: {} }]\n', ['1:33: subscriptions.0.hub.type: ']],
  [
    'a hub of type yum without repositories',
    'subscriptions: [{ name: a, hub: { type: yum } }]\n',
    ['1:17: subscriptions.0.repositories: is missing: a hub of type yum needs it'],
  ],
  [
    'an empty list of repositories',
    'subscriptions: [{ name: a, hub: { type: yum }, repositories: [] }]\n',
    ['1:62: subscriptions.0.repositories: must name at least one repository'],
  ],
  [
    'a key of another type of hub',
    yumConfig({ entries: ['{ path: a, url: http://a }'], lines: ['channel: x'] }),
    ['6:5: subscriptions.0.channel: belongs to a hub of type waystation, not yum'],
  ],
  [
    'a channel over http, that flips in parts and shows a password',
    'subscriptions: [{ name: a, hub: { type: waystation, url: http://a, username: x, name: A_b }, channel: c, flip: each }]\n',
    [
      '1:58: subscriptions.0.hub.url: must begin with https://: a hub knows its PoPs by TLS',
      '1:68: subscriptions.0.hub.username: unknown key; known here: type, url, tokenFile, name, proxy',
      '1:68: subscriptions.0.hub.username: needs passwordFile beside it',
      '1:87: subscriptions.0.hub.name: must be 1 to 63 of a-z, 0-9, . and -',
      '1:112: subscriptions.0.flip: must be together: a channel flips as a whole',
    ],
  ],
  [
    'a hub of type waystation without a channel',
    'subscriptions: [{ name: a, hub: { type: waystation, url: https://a } }]\n',
    ['1:17: subscriptions.0.channel: is missing: a hub of type waystation needs it'],
  ],
  [
    'no source',
    yumConfig({ entries: ['{ path: a, urls: [] }'] }),
    ['5:9: subscriptions.0.repositories.0: needs one of url, urls, mirrorlist, metalink'],
  ],
  [
    'one path twice, through the prefix',
    `${yumConfig({ entries: ['{ path: b, url: http://a }'], lines: ['prefix: a'] })}  - name: c\n    hub: { type: yum }\n    repositories: [{ path: a/b, url: http://a }]\n`,
    ['9:28: subscriptions.1.repositories.0.path: a/b is the path of subscriptions.0.repositories.0 already'],
  ],
  [
    'one name twice',
    `${yumConfig({ entries: ['{ path: b, url: http://a }'] })}  - name: vendor\n    hub: { type: yum }\n    repositories: [{ path: c, url: http://a }]\n`,
    ['6:11: subscriptions.1.name: is the name of subscriptions.0 already'],
  ],
  [
    'a signature check without a key',
    yumConfig({ entries: ['{ path: a, url: http://a, repoGpgCheck: true }'] }),
    ['5:35: subscriptions.0.repositories.0.repoGpgCheck: needs gpgKey'],
  ],
  [
    'an override that asks for a check without a key, once',
    yumConfig({
      entries: ['{ path: a, url: http://a }', '{ path: b, url: http://a }'],
      lines: ['overrides: [{ path: "*", repoGpgCheck: true }]'],
    }),
    ['7:30: subscriptions.0.overrides.0.repoGpgCheck: needs gpgKey'],
  ],
  [
    'a user without a password',
    yumConfig({ entries: ['{ path: a, url: http://a, username: u }'] }),
    ['5:35: subscriptions.0.repositories.0.username: needs passwordFile beside it'],
  ],
  [
    'a password without a user',
    yumConfig({ entries: ['{ path: a, url: http://a, passwordFile: u }'] }),
    ['5:35: subscriptions.0.repositories.0.passwordFile: needs username beside it'],
  ],
  [
    'a certificate without a key',
    yumConfig({ entries: ['{ path: a, url: http://a, tls: { cert: c } }'] }),
    ['5:42: subscriptions.0.repositories.0.tls.cert: needs key beside it'],
  ],
  [
    'a key without a certificate',
    yumConfig({ entries: ['{ path: a, url: http://a, tls: { key: c } }'] }),
    ['5:42: subscriptions.0.repositories.0.tls.key: needs cert beside it'],
  ],
  [
    'a header that the transfer sets',
    yumConfig({ entries: ['{ path: a, url: http://a, headers: { range: x } }'] }),
    ['5:46: subscriptions.0.repositories.0.headers.range: is set by waystation itself'],
  ],
  [
    'a header given in two cases',
    yumConfig({ entries: ['{ path: a, url: http://a, headers: { A: x, a: x } }'] }),
    ['5:52: subscriptions.0.repositories.0.headers.a: is given twice'],
  ],
  [
    'a header with a line end',
    yumConfig({ entries: ['{ path: a, url: http://a, headers: { A: "x\\ny" } }'] }),
    ['5:49: subscriptions.0.repositories.0.headers.A: must be printable ASCII text'],
  ],
  [
    'a pattern that is rooted',
    yumConfig({ entries: ['{ path: a, url: http://a }'], lines: ['overrides: [{ path: /a }]'] }),
    ['6:25: subscriptions.0.overrides.0.path: must neither begin nor end with /'],
  ],
  [
    'too fast a refresh',
    yumConfig({ entries: ['{ path: a, url: http://a }'], lines: ['refresh: 999ms'] }),
    ['6:14: subscriptions.0.refresh: must be a duration such as 500ms, 5m or 72h, at least 1s'],
  ],
  [
    'no generation kept',
    yumConfig({ entries: ['{ path: a, url: http://a }'], lines: ['keep: { generations: 0 }'] }),
    ['6:26: subscriptions.0.keep.generations: must be at least 1'],
  ],
  [
    'a value below an alias, where it stands',
    'cache: &c { max: 1GB }\nupstream: *c\n',
    ['1:13: upstream.max: unknown key', '1:18: cache.max: must be a size'],
  ],
];

test.each(cases)('%s is reported at its place', (_, text, expected) => {
  const lines = problems(text);
  expect(lines.map((line, index) => line.slice(0, expected[index]?.length))).toEqual(expected);
});

test.each(['newest:1', 'newest:2', 'newest:999999'])('the policy %s is taken, also of an override', (policy) => {
  const lines = [`policy: ${policy}`, `overrides: [{ path: a, policy: ${policy} }]`];
  expect(problems(yumConfig({ entries: ['{ path: a, url: http://a }'], lines }))).toEqual([]);
});

test.each(['newest', 'newest:', 'newest:0', 'newest:-1', 'newest:1.5', 'newest:x'])(
  'the policy %s is refused',
  (policy) => {
    const lines = [`policy: '${policy}'`];
    const [problem] = problems(yumConfig({ entries: ['{ path: a, url: http://a }'], lines }));
    expect(problem).toContain('subscriptions.0.policy: must be on-demand, full or newest:N');
  },
);

const notBuilt: readonly (readonly [string, string])[] = [
  [
    yumConfig({ entries: ['{ path: a, url: http://a, access: { cidr: x } }'] }),
    '5:43: subscriptions.0.repositories.0.access: not built yet: an access rule other than open and deny (not_built)',
  ],
];

test.each(notBuilt)('what is not built yet is refused by name: %j', (text, expected) => {
  expect(problems(text)).toContain(expected);
});

test('flip: together, keep and overrides with keys are built', () => {
  const lines = [
    'flip: together',
    'keep: { generations: 1, grace: 0s }',
    'overrides: [{ path: a, policy: on-demand, gpgKey: k, repoGpgCheck: true }]',
  ];
  expect(problems(yumConfig({ entries: ['{ path: a, url: http://a }'], lines }))).toEqual([]);
});

const urls: readonly (readonly [string, string | null])[] = [
  ['https://a.example/tools/', null],
  ['HTTP://a.example', null],
  ['http://[::1]:8080/x', null],
  ['ftp://a.example/', 'must be a URL that begins with'],
  ['file:///srv', 'must be a URL that begins with'],
  ['a.example/tools', 'must be a URL that begins with'],
  ['http:///tools', 'must be a URL that begins with'],
  ['http://a:99999/', 'must be a URL that begins with'],
  ['http://u@a.example/', 'must not hold a user or password'],
  ['http://u:hunter2@a.example/', 'must not hold a user or password'],
  ['http://@a.example/', 'must not hold a user or password'],
  ['http://:@a.example/', 'must not hold a user or password'],
  ['http://a.example/#x', 'must not have a fragment'],
  ['http://a.example/?x=1', 'must not have a query'],
  ['http://a.example/ x', 'must not hold spaces'],
  ['http://a.example\\x', 'must not hold spaces'],
  ['http://a.example/$basearch/', 'must not hold dnf variables'],
];

test.each(urls)('the upstream URL %j gives %j', (url, expected) => {
  const lines = problems(yumConfig({ entries: [`{ path: a, url: ${JSON.stringify(url)} }`] }));
  if (expected === null) return expect(lines).toEqual([]);
  expect(lines).toEqual([expect.stringContaining(`5:25: subscriptions.0.repositories.0.url: ${expected}`)]);
  expect(lines.join()).not.toContain('hunter2');
});

test.each(['Host', 'range', 'If-Match', 'Content-Length', 'Accept-Encoding', 'Connection', 'Transfer-Encoding'])(
  'the request header %s is left to the transfer',
  (name) => {
    const lines = problems(yumConfig({ entries: [`{ path: a, url: http://a, headers: { ${name}: x } }`] }));
    expect(lines).toEqual([`5:46: subscriptions.0.repositories.0.headers.${name}: is set by waystation itself`]);
  },
);

test('a signature check that a later override takes back needs no key', () => {
  const lines = ['overrides: [{ path: "*", repoGpgCheck: true }, { path: a, repoGpgCheck: false }]'];
  expect(problems(yumConfig({ entries: ['{ path: a, url: http://a }'], lines }))).toEqual([]);
});

test('mirrorlist and metalink may have a query', () => {
  expect(
    problems(yumConfig({ entries: ['{ path: a, mirrorlist: "http://a/?r=x", metalink: "http://a/?r=x" }'] })),
  ).toEqual([]);
});

test.each([
  '/a',
  'a/',
  'a//b',
  '../a',
  'a/./b',
  'a/..',
  'a b',
  '@a',
  'a/@b',
  'a%20b',
  'a?b',
  'a#b',
  'a\\b',
  'a/repodata',
  'a\u0007',
  'é',
  '',
])('the repository path %j is refused', (path) => {
  const lines = problems(yumConfig({ entries: [`{ path: ${JSON.stringify(path)}, url: http://a }`] }));
  expect(lines).toEqual([expect.stringMatching(/^5:17: subscriptions\.0\.repositories\.0\.path: m/)]);
});

test.each(['content', 'rhel9/baseos/x86_64', 'keys', 'c++/~x', 'a@b', 'x..y', '...'])(
  'the repository path %j is taken',
  (path) => {
    expect(problems(yumConfig({ entries: [`{ path: ${JSON.stringify(path)}, url: http://a }`] }))).toEqual([]);
  },
);

test('everything is reported at once, each once, in the order of the file', () => {
  const text = `drain: x\nbogus: 1\nlimits: 5\nstate: 5\n${yumConfig({ entries: ['{ path: /a }', '{ path: a, url: ftp://a, username: u }', '{ path: a, url: http://a, access: opn }'], lines: ['refresh: 1ms', 'policy: all'] })}`;
  const places = problems(text).map((line) => line.split(':').slice(0, 3).join(':'));
  expect(places).toEqual([
    '1:8: drain',
    '2:1: bogus',
    '3:9: limits',
    '4:8: state',
    '9:9: subscriptions.0.repositories.0',
    '9:17: subscriptions.0.repositories.0.path',
    '10:25: subscriptions.0.repositories.1.url',
    '10:34: subscriptions.0.repositories.1.username',
    '11:17: subscriptions.0.repositories.2.path',
    '11:43: subscriptions.0.repositories.2.access',
    '12:14: subscriptions.0.refresh',
    '13:13: subscriptions.0.policy',
  ]);
});

test('the error carries the problems and names each on a line of its message', () => {
  const file = configFile('a: 1\nb: 2\n');
  const error = thrownBy(() => loadConfig(file));
  expect(error).toBeInstanceOf(ConfigInvalidError);
  expect(error).toBeInstanceOf(WaystationError);
  expect(error.code).toBe('config_invalid');
  expect(error.problems).toMatchObject([
    { file, position: { line: 1, column: 1 }, key: 'a' },
    { file, position: { line: 2, column: 1 }, key: 'b' },
  ]);
  expect(error.message.split('\n')).toEqual(checkConfig(file).lines);
});

test('a file that cannot be read says why', () => {
  const directory = ownDirectory();
  writeFileSync(`${directory}/large.yaml`, '#'.repeat(4 * 1024 * 1024 + 1));
  expect(checkConfig(`${directory}/absent.yaml`).lines).toEqual([
    expect.stringMatching(/^\/.*absent\.yaml: does not exist; name /),
  ]);
  expect(checkConfig(directory).lines).toEqual([`${directory}: cannot be read: EISDIR`]);
  expect(checkConfig(`${directory}/large.yaml`).lines).toEqual([expect.stringMatching(/large\.yaml: is larger than/)]);
  expect(checkConfig(configFile(Buffer.from([0x61, 0xff]))).lines).toEqual([
    expect.stringMatching(/: is not UTF-8 text$/),
  ]);
});

function thrownBy(act: () => unknown): ConfigInvalidError {
  try {
    act();
  } catch (error) {
    return error as ConfigInvalidError;
  }
  throw new Error('nothing was thrown');
}
