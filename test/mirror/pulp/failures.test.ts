import { expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { CertificateAuthority } from '../../support/faulty-origin-certificates.ts';
import { SimulatedPulp } from '../../support/pulp/simulated-pulp.ts';
import { openHub } from './open-hub.ts';

const signal = AbortSignal.timeout(60_000);
const user = { username: 'pop', password: async (): Promise<string> => 'right' };

test('a session that has ended is begun anew, once', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/base']);
  let later = 0;
  const clock = { ...systemClock, monotonic: (): number => systemClock.monotonic() + later };
  const hub = await openHub({ url: pulp.origin, ...user, clock });
  await hub.discover(signal);
  pulp.sessions.clear();
  later = 14 * 24 * 3_600_000;
  pulp.seen.length = 0;
  expect((await hub.discover(signal)).repositories).toHaveLength(1);
  const asked = pulp.seen.map(({ method, path }) => `${method} ${path.split('/v3/')[1]}`);
  expect(asked).toEqual([
    'GET distributions/rpm/rpm/',
    'POST login/',
    'GET distributions/rpm/rpm/',
    'GET distributions/file/file/',
  ]);
  await hub.close();
});

test('where there is no login, or its cookies are worth nothing, the password is shown each time', async () => {
  await using without = await SimulatedPulp.start();
  without.carry(['edge/base']);
  without.knowsLogin = false;
  await using forgetful = await SimulatedPulp.start();
  forgetful.carry(['edge/base']);
  forgetful.intercept = () => {
    forgetful.sessions.clear();
    return false;
  };
  for (const pulp of [without, forgetful]) {
    const hub = await openHub({ url: pulp.origin, ...user });
    expect((await hub.discover(signal)).repositories).toHaveLength(1);
    pulp.seen.length = 0;
    await hub.discover(signal);
    expect(pulp.seen.map(({ method }) => method)).toEqual(['GET', 'GET']);
    await hub.close();
  }
});

test('a password that changes on both sides is taken over without a restart', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/base']);
  let password = 'right';
  const hub = await openHub({ url: pulp.origin, username: 'pop', password: async () => password });
  const [before] = (await hub.discover(signal)).repositories;
  pulp.password = 'newer';
  pulp.sessions.clear();
  await expect(hub.discover(signal)).rejects.toMatchObject({ code: 'upstream_unauthorized' });
  password = 'newer';
  const [after] = (await hub.discover(signal)).repositories;
  expect(after?.scope).toBe(before?.scope);
  await hub.close();
});

test('each kind of wrong configuration has its own words', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.intercept = (_request, response, url) => {
    if (!url.searchParams.has('q')) return false;
    response.writeHead(400, { 'content-type': 'application/json' }).end('{"q":["Syntax error in expression."]}');
    return true;
  };
  const cases = [
    [{ password: async () => 'wrong' }, 'upstream_unauthorized', /refuses user pop: Invalid username\/password\./],
    [{ domain: 'nosuch' }, 'upstream_missing', /has it the domain nosuch\?/],
    [{ url: `${pulp.origin}/elsewhere` }, 'upstream_missing', /is .*\/elsewhere a Pulp hub/],
    [{ select: 'q:no sense' }, 'upstream_status', /answers 400: Syntax error in expression\./],
  ] as const;
  for (const [wrong, code, message] of cases) {
    const hub = await openHub({ url: pulp.origin, ...user, ...wrong });
    await expect(hub.discover(signal)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await hub.close();
  }
});

test('what a known user may not have is refused once, without another login', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.intercept = (_request, response, url) => {
    if (!url.pathname.endsWith('/distributions/rpm/rpm/')) return false;
    response.writeHead(403, { 'content-type': 'application/json' }).end('{"detail":"You do not have permission."}');
    return true;
  };
  const hub = await openHub({ url: pulp.origin, ...user });
  await expect(hub.discover(signal)).rejects.toThrow('answers 403: You do not have permission.');
  pulp.seen.length = 0;
  await expect(hub.discover(signal)).rejects.toMatchObject({ code: 'upstream_unauthorized' });
  expect(pulp.seen.map(({ method }) => method)).toEqual(['GET', 'GET']);
  await hub.close();
});

test('a hub whose domains are turned on meanwhile is found again', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/base']);
  let before = true;
  pulp.intercept = (_request, response, url) => {
    if (!before || !url.pathname.endsWith('/status/')) return false;
    before = false;
    response.end('{"versions":[],"domain_enabled":false}');
    return true;
  };
  const hub = await openHub({ url: pulp.origin, ...user });
  await expect(hub.discover(signal)).rejects.toMatchObject({ code: 'upstream_missing' });
  expect((await hub.discover(signal)).repositories).toHaveLength(1);
  await hub.close();
});

test('nobody to log in as, where somebody has to be known, is said with the hub’s words', async () => {
  await using pulp = await SimulatedPulp.start();
  const hub = await openHub({ url: pulp.origin });
  await expect(hub.discover(signal)).rejects.toMatchObject({
    code: 'upstream_unauthorized',
    message: expect.stringContaining('Authentication credentials were not provided.'),
  });
  await hub.close();
});

test.each([
  ['a page of HTML with 200', 200, 'text/html', '<html>Welcome to the hotel</html>', 'upstream_lied'],
  ['JSON without a count', 200, 'application/json', '{"results":[]}', 'upstream_lied'],
  ['rows that are no distributions', 200, 'application/json', '{"count":1,"results":[{"prn":"x"}]}', 'upstream_lied'],
  ['a 502', 502, 'text/html', '<html>Bad Gateway</html>', 'upstream_status'],
])('%s is a failure, and the last list holds', async (...[, status, type, body, code]) => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/base']);
  const hub = await openHub({ url: pulp.origin, ...user });
  await hub.discover(signal);
  pulp.intercept = (_request, response) => {
    response.writeHead(status, { 'content-type': type }).end(body);
    return true;
  };
  await expect(hub.discover(signal)).rejects.toMatchObject({ code });
  expect(hub.remembered().map(({ path }) => path)).toEqual(['edge/base']);
  pulp.intercept = () => false;
  expect((await hub.discover(signal)).repositories).toHaveLength(1);
  await hub.close();
});

test('an empty list is told as it is, and says of itself that it deletes nothing', async () => {
  await using pulp = await SimulatedPulp.start();
  const hub = await openHub({ url: pulp.origin, ...user, select: 'pop=nobody' });
  expect((await hub.discover(signal)).repositories).toEqual([]);
  expect(hub.authoritative).toBe(false);
  await hub.close();
});

test('a distribution whose path cannot be served is left out, the others go on', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['a/../b', 'edge/base', 'per%cent']);
  const hub = await openHub({ url: pulp.origin, ...user });
  expect((await hub.discover(signal)).repositories.map(({ path }) => path)).toEqual(['edge/base']);
  await hub.close();
});

test('TLS that does not match is told apart: whom to trust, the name, no TLS at all', async () => {
  await using authority = await CertificateAuthority.create();
  await using other = await CertificateAuthority.create();
  await using good = await SimulatedPulp.start({ tls: await authority.issue('hub') });
  await using misnamed = await SimulatedPulp.start({ tls: await authority.issue('hub', ['DNS:hub.example.com']) });
  await using plain = await SimulatedPulp.start();
  good.carry(['edge/base']);
  const trusting = (ca: string): { ca: () => Promise<string> } => ({ ca: async () => ca });
  const fine = await openHub({ url: good.origin, ...user, tls: trusting(authority.cert) });
  expect((await fine.discover(signal)).repositories).toHaveLength(1);
  await fine.close();
  const cases = [
    [good.origin, other.cert, /certificate is not trusted: see tls\.ca/],
    [misnamed.origin, authority.cert, /certificate is for another name/],
    [plain.origin.replace('http:', 'https:'), authority.cert, /does not speak TLS/],
  ] as const;
  for (const [url, ca, message] of cases) {
    const hub = await openHub({ url, ...user, tls: trusting(ca) });
    const expected = { code: 'upstream_unreachable', message: expect.stringMatching(message) };
    await expect(hub.discover(signal)).rejects.toMatchObject(expected);
    await hub.close();
  }
});

test('no credential gets into a message', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.password = 'another';
  const url = pulp.origin.replace('//', '//pop:s3cret@');
  const hub = await openHub({ url });
  expect(hub.url).not.toContain('s3cret');
  await expect(hub.discover(signal)).rejects.toThrow(/^(?!.*s3cret).*refuses the user of its URL/);
  await hub.close();
});
