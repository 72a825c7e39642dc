import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Config, Repository } from '../../config/config.ts';
import { loadConfig, parseConfig } from '../../config/load.ts';
import { effectiveTreatment } from '../../config/overrides.ts';
import { configFile, yumConfig } from './config-file.ts';

const file = '/etc/waystation/waystation.yaml';

function parse(text: string, credentialsDirectory: string | null = null): Config {
  return parseConfig(text, file, credentialsDirectory);
}

function repositories(text: string): readonly Repository[] {
  return parse(text).subscriptions.flatMap((subscription) => subscription.repositories);
}

const named = (name: string): object => ({ name, candidates: [`/etc/waystation/${name}`] });

test('an empty file has the defaults of the contract', () => {
  expect(parse('')).toEqual({
    file,
    listen: {
      content: [{ host: '127.0.0.1', port: 8080, tls: null }],
      admin: [{ host: '127.0.0.1', port: 8081, tls: null }],
      socket: '/var/lib/waystation/admin.sock',
    },
    publicUrl: 'http://127.0.0.1:8080',
    state: '/var/lib/waystation',
    cache: { max: { percent: 80 }, keepFree: { percent: 5 }, scrub: { every: 2_592_000_000, rate: 16_777_216 } },
    drain: 60_000,
    limits: [],
    transfers: { perHub: 16, total: 32 },
    aliases: [],
    subscriptions: [],
  });
});

test('a subscription has the defaults of the contract, and nothing in it is undefined', () => {
  const { subscriptions } = parse(yumConfig({ entries: ['{ path: a, url: http://a.example/x }'] }));
  expect(subscriptions).toStrictEqual([
    {
      name: 'vendor',
      prefix: '',
      hub: { type: 'yum' },
      policy: 'on-demand',
      policyWritten: false,
      flip: 'each',
      keep: { generations: 3, grace: 259_200_000 },
      refresh: 900_000,
      carryOver: null,
      overrides: [],
      repositories: [
        {
          path: 'a',
          content: 'rpm',
          urls: ['http://a.example/x/'],
          mirrorlist: null,
          metalink: null,
          access: null,
          policy: 'on-demand',
          gpgKey: null,
          repoGpgCheck: false,
          credentials: null,
          headers: [],
          tls: { ca: null, client: null },
          proxy: null,
          identity: { username: null, headers: [], certificate: null },
        },
      ],
    },
  ]);
});

test('the publicUrl comes from the one address, with its scheme, or as given without its last slash', () => {
  const tls = 'tls: { cert: c, key: k }';
  expect(parse(`listen: { content: { address: "[2001:DB8:0::1]:8443", ${tls} } }`).publicUrl).toBe(
    'https://[2001:db8::1]:8443',
  );
  expect(parse('listen: { content: pop.example.com:80 }').publicUrl).toBe('http://pop.example.com');
  expect(parse('publicUrl: http://pop.example.com:8080/').publicUrl).toBe('http://pop.example.com:8080');
  expect(parse('publicUrl: https://a.example/mirror/').publicUrl).toBe('https://a.example/mirror');
});

test('with a port that the system chooses, the publicUrl is left to it', () => {
  expect(parse('listen: { content: 127.0.0.1:0, admin: 127.0.0.1:0 }').publicUrl).toBeNull();
});

test('listeners come as a list, with their certificates', () => {
  const { listen } = parse(
    'publicUrl: http://a\nlisten: { content: ["[::]:8080", { address: "[::]:8443", tls: { cert: c, key: /k } }, { address: localhost:1 }] }',
  );
  expect(listen.content).toEqual([
    { host: '::', port: 8080, tls: null },
    { host: '::', port: 8443, tls: { cert: named('c'), key: { name: '/k', candidates: ['/k'] } } },
    { host: 'localhost', port: 1, tls: null },
  ]);
});

test('relative directories and sockets are beside the configuration file', () => {
  const written = configFile('state: data\nlisten: { socket: run/a.sock }\n');
  expect(loadConfig(written, null)).toMatchObject({
    state: join(dirname(written), 'data'),
    listen: { socket: join(dirname(written), 'run/a.sock') },
  });
  expect(parse('state: data').listen.socket).toBe('/etc/waystation/data/admin.sock');
  expect(parse('state: /s\nlisten: { socket: <state>/x.sock }').listen.socket).toBe('/s/x.sock');
});

test('sizes are bytes, percentages stay what they are', () => {
  expect(parse('cache: { max: 200GiB, keepFree: 2.5% }\ndrain: 0s')).toMatchObject({
    cache: { max: 214_748_364_800, keepFree: { percent: 2.5 } },
    drain: 0,
  });
});

test('the scrub has a time and a rate, each with its default, or is off', () => {
  const scrub = (text: string): unknown => parse(`cache: { scrub: ${text} }`).cache.scrub;
  expect(scrub('off')).toBeNull();
  expect(scrub('{ every: 7d }')).toEqual({ every: 604_800_000, rate: 16_777_216 });
  expect(scrub('{ rate: 1MiB/s }')).toEqual({ every: 2_592_000_000, rate: 1_048_576 });
});

test('the longest alias comes first', () => {
  expect(parse('aliases: { /pulp/: /content/x/, /pulp/content/: /content/ }').aliases).toEqual([
    ['/pulp/content/', '/content/'],
    ['/pulp/', '/content/x/'],
  ]);
});

test('the prefix is joined to each path, and equal base URLs are one', () => {
  const entries = [
    '{ path: edge/base, url: HTTP://A.example/x, urls: [http://b.example/, http://a.example/x/], mirrorlist: "http://m/?r=1" }',
  ];
  expect(repositories(yumConfig({ entries, lines: ['prefix: site/a'] }))).toMatchObject([
    { path: 'site/a/edge/base', urls: ['http://a.example/x/', 'http://b.example/'], mirrorlist: 'http://m/?r=1' },
  ]);
});

test('files are looked for among the credentials first, unless their name is absolute or climbs', () => {
  const entries = ['{ path: a, url: http://a, username: u, passwordFile: pw, gpgKey: /k, tls: { ca: ../ca } }'];
  const [repository] = parse(yumConfig({ entries }), '/run/credentials').subscriptions[0]?.repositories ?? [];
  expect(repository?.credentials?.passwordFile).toEqual({
    name: 'pw',
    candidates: ['/run/credentials/pw', '/etc/waystation/pw'],
  });
  expect(repository?.gpgKey).toEqual({ name: '/k', candidates: ['/k'] });
  expect(repository?.tls.ca).toEqual({ name: '../ca', candidates: ['/etc/ca'] });
});

const inheriting = (entry: string): string => `upstream: { proxy: http://p, noProxy: [.x], ca: uca }
subscriptions:
  - name: vendor
    hub: { type: yum, username: u, passwordFile: pw, headers: { X-A: { file: t }, User-Agent: me }, tls: { cert: c, key: k } }
    repositories: [{ path: a, url: http://a, ${entry} }]
`;

test('an entry inherits from its hub, and the hub from upstream', () => {
  expect(repositories(inheriting(''))).toMatchObject([
    {
      credentials: { username: 'u', passwordFile: named('pw') },
      headers: [
        { name: 'X-A', value: named('t') },
        { name: 'User-Agent', value: 'me' },
      ],
      tls: { ca: named('uca'), client: { cert: named('c'), key: named('k') } },
      proxy: { url: 'http://p', noProxy: ['.x'] },
      identity: { username: 'u', headers: ['X-A'], certificate: 'c' },
    },
  ]);
});

test('what an entry sets itself it has wholly of its own', () => {
  const own = 'username: v, passwordFile: pv, headers: {}, tls: { ca: own }, proxy: http://q';
  expect(repositories(inheriting(own))).toMatchObject([
    {
      credentials: { username: 'v', passwordFile: named('pv') },
      headers: [],
      tls: { ca: named('own'), client: null },
      proxy: { url: 'http://q', noProxy: [] },
      identity: { username: 'v', headers: [], certificate: null },
    },
  ]);
  expect(repositories(inheriting('proxy: none, tls: {}'))).toMatchObject([
    { proxy: null, tls: { ca: named('uca'), client: null } },
  ]);
});

test('an entry with half of a pair borrows nothing from its hub: it is refused', () => {
  expect(() => parse(inheriting('username: v'))).toThrow('repositories.0.username: needs passwordFile beside it');
});

test('overrides apply in order to the paths before the prefix', () => {
  const lines = [
    'prefix: site',
    'overrides: [{ path: "edge/*", gpgKey: one, repoGpgCheck: true }, { path: "**/b", gpgKey: two }, { path: "site/**", gpgKey: no }]',
  ];
  const entries = [
    '{ path: edge/a, url: http://a }',
    '{ path: edge/b, url: http://a }',
    '{ path: b, url: http://a }',
    '{ path: c, url: http://a, gpgKey: own }',
  ];
  const found = repositories(yumConfig({ entries, lines })).map(({ path, gpgKey, repoGpgCheck }) => [
    path,
    gpgKey?.name,
    repoGpgCheck,
  ]);
  expect(found).toEqual([
    ['site/edge/a', 'one', true],
    ['site/edge/b', 'two', true],
    ['site/b', 'two', false],
    ['site/c', 'own', false],
  ]);
});

test('a later override can take back what an earlier one asked for', () => {
  const own = { policy: 'on-demand', gpgKey: null, repoGpgCheck: true, access: null } as const;
  const overrides = [
    { path: '**', policy: 'full', repoGpgCheck: true },
    { path: 'b', access: 'open' },
    { path: 'a', repoGpgCheck: false },
  ] as const;
  expect(effectiveTreatment(overrides, 'a', own)).toEqual({
    policy: 'full',
    gpgKey: null,
    repoGpgCheck: false,
    access: null,
  });
  expect(effectiveTreatment(overrides, 'b', own)).toEqual({
    policy: 'full',
    gpgKey: null,
    repoGpgCheck: true,
    access: 'open',
  });
});
