import { userInfo } from 'node:os';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { nevraOfFile, putRepository } from '../../support/hand-made-repository.ts';
import { hubDirectory, numberedPackages } from '../../support/hub-directory.ts';

test('what gates said of a snapshot is kept with who asked and why', { timeout: 300_000 }, async () => {
  await using hub = await hubDirectory('gates: gates.yaml\n');
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'base', { packages: numberedPackages(3, () => 1), nevra: nevraOfFile });
  await hub.create('one', [{ type: 'yum', path: 'base', url: `${origin.url}base/` }]);
  expect(await hub.hub('snapshot', 'report', 'one')).toMatchObject({
    code: 0,
    stdout: 'no gate has looked at it yet\n',
  });

  const gates = join(hub.path, 'gates.yaml');
  await writeFile(gates, 'exec: [ { name: policy, command: [ /bin/false ] } ]\n');
  expect(await hub.hub('snapshot', 'check', 'one')).toMatchObject({ code: 1 });
  expect(await hub.hub('promote', 'prod', 'one')).toMatchObject({ code: 1 });
  await writeFile(gates, 'no-clash: {}\n');
  expect(await hub.hub('promote', 'prod', 'one')).toMatchObject({ code: 0 });

  const { reports } = JSON.parse((await hub.hub('snapshot', 'report', 'one', '--all', '--json')).stdout);
  const by = userInfo().username;
  const failed = { passed: false, findings: [{ gate: 'exec:policy', level: 'error', subject: '*', waived: null }] };
  expect(reports).toMatchObject([
    { occasion: 'promote', channel: 'prod', by, passed: true, packages: { all: 3, new: 3 }, findings: [] },
    { occasion: 'promote', channel: 'prod', by, ...failed },
    { occasion: 'check', channel: null, by, ...failed },
  ]);
  const last = await hub.hub('snapshot', 'report', 'one');
  expect(last.stdout).toMatch(new RegExp(`^promote to prod by ${by}, \\d{4}-`));
  expect(last.stdout).toMatch(/no-clash \(error\): nothing found\npassed\n$/);
  expect(JSON.parse((await hub.hub('snapshot', 'report', 'one', '--json')).stdout).reports).toEqual([reports[0]]);
  expect(await hub.hub('snapshot', 'report', 'nosuch')).toMatchObject({ code: 2 });
});
