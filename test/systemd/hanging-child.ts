import { writeSync } from 'node:fs';
import { silentLogger } from '../../base/log.ts';
import { readEnvironment } from '../../config/environment.ts';
import { serviceManager } from '../../cli/systemd/service-manager.ts';

// A service that is live, and whose event loop then hangs: at once, or when it is told to by a byte on stdin.
const manager = serviceManager({ environment: readEnvironment(), status: () => 'about to hang', log: silentLogger });
manager.live();

function hang(): void {
  writeSync(1, 'hanging\n');
  for (;;);
}

if (process.argv[2] === 'at-once') setImmediate(hang);
else process.stdin.once('data', hang);
