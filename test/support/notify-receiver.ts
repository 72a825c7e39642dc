import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** One datagram, as a service manager would get it. */
export interface Notification {
  /** The sender, as the kernel vouches for it. */
  readonly pid: number;
  readonly lines: readonly string[];
}

const program = `
import json, socket, struct, sys
address = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
receiver.bind('\\0' + address[1:] if address[0] == '@' else address)
print('null', flush=True)
while True:
    data, ancillary, flags, sender = receiver.recvmsg(4096, socket.CMSG_SPACE(12))
    pid = struct.unpack('3i', ancillary[0][2])[0]
    print(json.dumps({'pid': pid, 'lines': data.decode().split('\\n')}), flush=True)
`;

/** The other end of sd_notify(3): a real unix datagram socket, which Node itself cannot have (so python3 does). */
export class NotifyReceiver implements AsyncDisposable {
  readonly received: Notification[] = [];
  readonly #child: ChildProcess;
  readonly #waiters = new Set<() => void>();
  #listening = false;

  /** @param address a path, or `@name` */
  static async start(address: string): Promise<NotifyReceiver> {
    const receiver = new NotifyReceiver(address);
    while (!receiver.#listening) await receiver.#change();
    return receiver;
  }

  private constructor(address: string) {
    const child = spawn('python3', ['-c', program, address], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    createInterface(child.stdout).on('line', (line) => {
      const message = JSON.parse(line) as Notification | null;
      if (message === null) this.#listening = true;
      else this.received.push(message);
      for (const wake of this.#waiters) wake();
    });
  }

  /** All lines so far, or those from datagram number `from` on. */
  lines(from = 0): readonly string[] {
    return this.received.slice(from).flatMap(({ lines }) => lines);
  }

  /** Resolves with the first datagram, from number `from` on, that has this line. */
  async line(wanted: string, from = 0): Promise<Notification> {
    for (;;) {
      const found = this.received.slice(from).find(({ lines }) => lines.includes(wanted));
      if (found !== undefined) return found;
      await this.#change();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        resolve();
      };
      this.#waiters.add(wake);
    });
  }
}
