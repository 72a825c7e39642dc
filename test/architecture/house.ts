/**
 * Which folder may import what: the law of the house, enforced by test/architecture/imports.test.ts and by
 * .oxlintrc.json, whose per-folder rules are compared with this table.
 */

/** Folders of the product → the other folders of ours that they may import. */
export const folders = {
  base: [],
  http: ['base'],
  yum: ['base'],
  config: ['base'],
  runs: ['base'],
  disk: ['base'],
  maps: ['base', 'disk'],
  cache: ['base', 'http', 'runs', 'disk', 'maps'],
  origin: ['base', 'http'],
  mirror: ['base', 'http', 'yum', 'origin', 'protocol'],
  protocol: ['base'],
  solver: ['base'],
  sync: ['base', 'yum', 'runs', 'cache', 'origin', 'mirror', 'protocol', 'solver'],
  web: ['base', 'http'],
  gateway: ['base', 'http', 'yum', 'cache', 'web'],
  hub: ['base', 'http', 'yum', 'runs', 'disk', 'maps', 'origin', 'mirror', 'protocol', 'solver', 'web'],
  cli: [
    'base',
    'http',
    'yum',
    'config',
    'runs',
    'disk',
    'maps',
    'cache',
    'origin',
    'mirror',
    'protocol',
    'solver',
    'sync',
    'web',
    'gateway',
    'hub',
  ],
} as const satisfies Record<string, readonly string[]>;

export type Folder = keyof typeof folders;

/** npm packages → the product folders that may import them. A package that is not here may be imported nowhere. */
export const packages: Readonly<Record<string, readonly Folder[]>> = {
  undici: ['origin', 'cli'],
  level: ['cache'],
  'lru-cache': ['cache', 'gateway', 'hub'],
  hono: ['web', 'gateway', 'hub', 'cli'],
  '@hono/node-server': ['web', 'gateway', 'hub', 'cli'],
  '@hono/zod-openapi': ['hub'],
  openpgp: ['yum'],
  saxes: ['yum', 'mirror'],
  'xz-decompress': ['yum', 'mirror'],
  picomatch: ['config', 'sync'],
  yaml: ['yum', 'config'],
  zod: ['config', 'protocol', 'mirror', 'hub', 'cache', 'sync'],
  jose: ['protocol', 'mirror', 'hub'],
  '@peculiar/x509': ['mirror', 'hub'],
  'reflect-metadata': ['mirror', 'hub'],
  pino: ['cli'],
  'prom-client': ['cli', 'gateway', 'web'],
  commander: ['cli'],
  'cli-table3': ['cli'],
};

const sockets = ['node:net', 'node:http', 'node:https', 'node:http2', 'node:tls', 'node:dgram', 'node:dns'];
const disk = ['node:fs', 'node:fs/promises'];

/** Modules of Node that a folder must not touch: pure folders have no world, the cache has no network. */
export const withheld: Readonly<Partial<Record<Folder, readonly string[]>>> = {
  base: [...sockets, ...disk],
  http: [...sockets, ...disk],
  yum: [...sockets, ...disk],
  protocol: [...sockets, ...disk],
  runs: [...sockets, ...disk],
  disk: sockets,
  maps: sockets,
  cache: sockets,
  solver: sockets,
  sync: sockets,
};

interface Ban {
  /** Matched against each called name and each member expression as written: `fetch`, `fs.createReadStream`. */
  readonly use: RegExp;
  readonly in: readonly Folder[];
  readonly because: string;
}

const everywhere = Object.keys(folders) as Folder[];

/** What folders must not use although it needs no import. */
export const bans: readonly Ban[] = [
  { use: /^(globalThis\.)?fetch$/, in: everywhere, because: 'requests leave from origin/' },
  { use: /(^|\.)createReadStream$/, in: ['web', 'gateway', 'disk', 'cache'], because: 'bodies leave by pooled reads' },
  { use: /^Date\.now$|^performance\.now$/, in: ['http', 'yum'], because: 'rules are given the time' },
  {
    use: /^process\.env$/,
    in: everywhere.filter((folder) => folder !== 'config'),
    because: 'config/ alone reads the environment',
  },
];
