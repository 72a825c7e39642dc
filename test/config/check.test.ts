import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { checkConfig } from '../../config/check.ts';
import { describe as describeConfig } from '../../config/describe.ts';
import { parseConfig } from '../../config/load.ts';
import { configFile, yumConfig } from './config-file.ts';

const full = `
listen:
  content: ["[::]:8080", { address: "[::]:8443", tls: { cert: c.pem, key: k.pem } }]
publicUrl: http://pop.example.com:8080
state: /s
cache: { max: 200GiB, keepFree: 2% }
upstream: { proxy: http://proxy:3128, noProxy: [.x], ca: ca.pem }
aliases: { /pulp/: /content/ }
subscriptions:
  - name: vendor
    hub: { type: yum, username: u, passwordFile: pw, headers: { X-Token: hunter2, X-B: { file: t } } }
    repositories:
      - { path: a, metalink: "http://m.example/?token=hunter2", access: open }
      - { path: b, url: http://a.example }
    overrides: [{ path: b, gpgKey: g.asc, repoGpgCheck: true }]
`;

test('a good file is counted, without needing any of the files that it names', () => {
  const file = configFile(full);
  const report = checkConfig(file);
  expect(report.valid).toBe(true);
  expect(report.lines).toEqual([
    `${file}: valid: 1 subscription, 2 repositories`,
    `${file}: note: b is had with credentials and has no access rule: clients get 403 guarded_at_hub`,
  ]);
});

test('one repository is one, and none is none', () => {
  const one = configFile(yumConfig({ entries: ['{ path: a, url: http://a }'] }));
  expect(checkConfig(one).lines).toEqual([`${one}: valid: 1 subscription, 1 repository`]);
  const none = configFile('');
  expect(checkConfig(none).lines).toEqual([`${none}: valid: 0 subscriptions, 0 repositories`]);
});

test('the description has what is in effect, and no header value or query', () => {
  const text = describeConfig(parseConfig(full, '/etc/w.yaml', null));
  expect(text).not.toContain('hunter2');
  expect(parse(text)).toMatchObject({
    listen: {
      content: ['[::]:8080', { address: '[::]:8443', tls: { cert: 'c.pem', key: 'k.pem' } }],
      admin: ['127.0.0.1:8081'],
      socket: '/s/admin.sock',
    },
    cache: { max: '200GiB', keepFree: '2%', scrub: { every: '720h', rate: '16MiB/s' } },
    drain: '1m',
    subscriptions: [
      {
        name: 'vendor',
        refresh: '15m',
        keep: { generations: 3, grace: '72h' },
        repositories: [
          {
            path: 'a',
            metalink: 'http://m.example/?…',
            access: 'open',
            repoGpgCheck: false,
            headers: { 'X-Token': '[hidden]', 'X-B': { file: 't' } },
          },
          {
            path: 'b',
            urls: ['http://a.example/'],
            gpgKey: 'g.asc',
            repoGpgCheck: true,
            username: 'u',
            passwordFile: 'pw',
            tls: { ca: 'ca.pem' },
            proxy: 'http://proxy:3128',
            noProxy: ['.x'],
          },
        ],
      },
    ],
  });
});

test('no problem repeats a value, wherever a secret was put by mistake', () => {
  const entries = [
    '{ path: a, url: "http://u:hunter2@a" }',
    '{ path: b, url: http://a, username: "u:hunter2", passwordFile: "hunter2\\nx" }',
    '{ path: "hunter2//x", url: "hunter2" }',
    '{ path: c, url: http://a, headers: { Authorization: "Basic hunter2", Cookie: hunter2, X: "hunter2\\n" } }',
    '{ path: d, url: http://a, password: hunter2, tls: { key: "-----BEGIN hunter2\\n" }, proxy: "http://u:hunter2@p", access: hunter2 }',
  ];
  const text = `state: [hunter2]\ndrain: hunter2\ncache: hunter2\npublicUrl: http://u:hunter2@x\nlisten: { content: hunter2, socket: [hunter2] }\nupstream: { proxy: "http://hunter2@p", ca: "hunter2\\n", noProxy: ["hunter2 x"] }\n${yumConfig({ entries, lines: ['refresh: hunter2', 'policy: hunter2', 'flip: hunter2', 'prefix: /hunter2', 'select: hunter2'] })}`;
  const { lines } = checkConfig(configFile(text));
  expect(lines.length).toBeGreaterThan(25);
  expect(lines.join('\n')).not.toContain('hunter2');
});
