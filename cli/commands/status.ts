import type { Status } from '../../base/status.ts';
import type { Explanation } from '../../gateway/admin/ports.ts';
import { serviceClient } from '../client.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';
import { explanationText, requestPathOf } from './explanation-text.ts';
import { statusText } from './status-text.ts';

/** `waystation status [PATH]`: what the service says, as a table, or as the document itself with `json`. */
export async function status(
  request: { readonly socket: string; readonly path: string | undefined; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const { path, json } = request;
  const client = serviceClient(request.socket);
  try {
    const query = path === undefined ? 'status' : `explain?path=${encodeURIComponent(requestPathOf(path))}`;
    const answer = await client.get(`/api/v1/${query}`);
    if (json) terminal.out(JSON.stringify(answer, null, 2));
    else if (path === undefined) terminal.out(statusText(answer as Status, Date.now(), terminal.paint));
    else terminal.out(explanationText(answer as Explanation, terminal.paint));
    return exitCodes.ok;
  } finally {
    await client.close();
  }
}
