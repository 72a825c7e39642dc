import { signDetached } from '../rpm-fixtures.ts';

/** Pulp's signing service runs this for each repomd.xml: signs `argv[2]`, names the public key `argv[3]` as Pulp asks. */
const [, , file = '', key = ''] = process.argv;
await signDetached(file);
process.stdout.write(`${JSON.stringify({ file, signature: `${file}.asc`, key })}\n`);
