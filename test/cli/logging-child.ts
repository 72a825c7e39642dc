/** A process that logs and then ends in the way that it is told: the log must be whole. */
import { serviceLog } from '../../cli/logging.ts';

const log = serviceLog();
const count = Number(process.argv[3]);
for (let index = 0; index < count; index += 1) log.logger.info({ index }, 'line');
if (process.argv[2] === 'exit') process.exit(3);
if (process.argv[2] === 'throw') throw new Error('on purpose');
