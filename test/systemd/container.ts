import { chmod, copyFile, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from '../support/command.ts';

const checkout = join(import.meta.dirname, '../..');
/** On 127.0.0.1 inside the container. */
const originPort = 9000;

/** An origin that wants a password: what the unit's credential is for. */
const origin = `
import base64, http.server, os
os.chdir('/origin')
class Guarded(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get('authorization') == 'Basic ' + base64.b64encode(b'pop:from the credential').decode():
            super().do_GET()
        else:
            self.send_error(401)
http.server.ThreadingHTTPServer(('127.0.0.1', ${originPort}), Guarded).serve_forever()
`;

const configuration = {
  subscriptions: [
    {
      name: 'site',
      hub: { type: 'yum' },
      repositories: [
        {
          path: 'site/tools',
          url: `http://127.0.0.1:${originPort}/`,
          username: 'pop',
          passwordFile: 'hub-password',
          access: 'open',
        },
      ],
    },
  ],
};

const hubConfiguration = {
  publicUrl: 'https://localhost:8443',
  store: { type: 'directory', path: '/srv/waystation' },
};

const files: Readonly<Record<string, string>> = {
  'etc/passwd': 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n',
  'etc/group': 'root:x:0:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
  'etc/os-release': 'ID=test\n',
  'etc/machine-id': '',
  'etc/waystation/waystation.yaml': JSON.stringify(configuration, null, 2),
  'etc/waystation-hub/hub.yaml': JSON.stringify(hubConfiguration, null, 2),
  'etc/hosts': '127.0.0.1 localhost\n',
  'etc/credstore/waystation.hub-password': 'from the credential\n',
  'etc/systemd/system/test.target': '[Unit]\nWants=systemd-journald.service driver.service\n',
  // However the driver ends, the container ends with it.
  'etc/systemd/system/driver.service': `[Service]
Type=oneshot
TimeoutStartSec=90s
TimeoutStopSec=1s
ExecStart=/bin/sh /driver.sh
ExecStopPost=/bin/systemctl --force poweroff
`,
  // The same unit, only quicker: nobody waits half a minute for a watchdog in a test.
  'etc/systemd/system/waystation.service.d/quick.conf': '[Service]\nWatchdogSec=3s\nRestartSec=200ms\n',
  'etc/systemd/system/hanging.service': `[Service]
Type=notify
WatchdogSec=1s
TimeoutStopSec=1s
Restart=on-failure
ExecStart=${process.execPath} ${join(import.meta.dirname, 'hanging-child.ts')} at-once
`,
  'origin.py': origin,
};

/** What the driver wrote: `install.out`, `install.code`, … */
export interface Results {
  text(name: string): Promise<string>;
  /** The properties that `systemctl show` printed. */
  properties(name: string): Promise<Readonly<Record<string, string>>>;
}

/**
 * Boots a real systemd over this machine's /usr with the executable in its place, lets the driver play the operator,
 * and resolves when the container has ended. Needs root and systemd-nspawn.
 * @param root an empty folder
 */
export async function runInContainer(root: string, executable: string): Promise<Results> {
  // It becomes /, which the service's user has to enter.
  await chmod(root, 0o755);
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(root, name));
  for (const name of ['usr', 'added/bin', 'var', 'run', 'tmp', 'dev', 'proc', 'sys', 'root', 'results'])
    await mkdir(join(root, name), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(root, name, '..'), { recursive: true });
    await writeFile(join(root, name), text);
  }
  await copyFile(executable, join(root, 'added/bin/waystation'));
  await chmod(join(root, 'etc/credstore/waystation.hub-password'), 0o600);
  await copyFile(join(import.meta.dirname, 'container-driver.sh'), join(root, 'driver.sh'));
  await cp(join(checkout, 'systemd'), join(root, 'systemd'), { recursive: true });
  await cp(join(checkout, 'demo/repository'), join(root, 'origin'), { recursive: true });
  const { stdout, stderr } = await command('systemd-nspawn', [
    '--quiet',
    '--register=no',
    '--keep-unit',
    '--private-network',
    '--console=pipe',
    `--directory=${root}`,
    `--overlay-ro=/usr:${join(root, 'added')}:/usr`,
    `--bind-ro=${checkout}`,
    '--boot',
    'systemd.unit=test.target',
  ]);
  const text = async (name: string): Promise<string> => readFile(join(root, 'results', name), 'utf8');
  await text('finished').catch((cause: unknown) => {
    throw new Error(`the container ended too early:\n${stdout}${stderr}`, { cause });
  });
  return {
    text,
    properties: async (name) =>
      Object.fromEntries(
        (await text(`${name}.out`))
          .trim()
          .split('\n')
          .map((line) => line.split(/=(.*)/s)),
      ) as Record<string, string>,
  };
}
