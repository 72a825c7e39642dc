import { expect, test } from 'vitest';
import { SimulatedPulp } from '../../support/pulp/simulated-pulp.ts';
import { MemoryNotes, openHub } from './open-hub.ts';

const signal = AbortSignal.timeout(60_000);
const user = { username: 'pop', password: async (): Promise<string> => 'right' };
const boot = {
  prn: 'prn:file.filedistribution:boot',
  name: 'boot',
  base_path: 'edge/boot',
  publication: '/publications/1/',
  pulp_labels: { pop: 'edge' },
};

test('file distributions are found by the same selection, beside those of packages, and remembered', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/base'], { pulp_labels: { pop: 'edge' } });
  pulp.fileDistributions = [boot, { ...boot, prn: 'other', base_path: 'other', pulp_labels: {} }];
  const asked = { url: pulp.origin, ...user, select: 'pop=edge', notes: new MemoryNotes() };
  const hub = await openHub(asked);
  const { repositories } = await hub.discover(signal);
  const expected = [
    ['edge/base', 'rpm'],
    ['edge/boot', 'file'],
  ];
  expect(repositories.map(({ path, content }) => [path, content])).toEqual(expected);
  await hub.close();
  const again = await openHub(asked);
  expect(again.remembered().map(({ path, content }) => [path, content])).toEqual(expected);
  await again.close();
});

test('a hub without the file plugin has none', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/base']);
  pulp.fileDistributions = null;
  const hub = await openHub({ url: pulp.origin, ...user });
  expect((await hub.discover(signal)).repositories.map(({ path }) => path)).toEqual(['edge/base']);
  await hub.close();
});

test('a checkpoint distribution of files serves its newest checkpoint', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.fileDistributions = [{ ...boot, publication: null, repository: '/repositories/boot/', checkpoint: true }];
  pulp.checkpoints.set('/repositories/boot/', '2026-11-23T09:49:06.708Z');
  pulp.files.set('edge/boot/20261123T094906Z/PULP_MANIFEST', 'here');
  const hub = await openHub({ url: pulp.origin, ...user });
  const [wanted] = (await hub.discover(signal)).repositories;
  expect((await wanted!.supplier.get('PULP_MANIFEST', null, signal)).kind).toBe('found');
  expect(pulp.seen.map(({ path }) => path)).toContain('/pulp/default/api/v3/publications/file/file/');
  await hub.close();
});
