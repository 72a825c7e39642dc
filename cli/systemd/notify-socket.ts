/**
 * The datagram socket of sd_notify(3). Node has no unix datagrams, so libc is called; its calls never block: a service
 * manager that does not read must not stop the event loop.
 */
export interface NotifySocket {
  /** @returns whether the lines were taken. */
  send(lines: readonly string[]): boolean;
  close(): void;
}

/** linux/socket.h; the same on x64 and arm64. */
const unix = 1;
const datagram = 2;
const closeOnExec = 0o2000000;
const dontWait = 0x40;
const noSignal = 0x4000;
/** Bytes of sockaddr_un.sun_path. */
const longestAddress = 108;

/**
 * @param address a path, or a name in the abstract namespace with a leading `@`, as in $NOTIFY_SOCKET
 * @throws Error when the address is none, or no socket can be had
 */
export function openNotifySocket(address: string): NotifySocket {
  const to = socketAddress(address);
  // Not imported above: outside the built executable the experimental module prints a warning when it is loaded.
  const library = process.getBuiltinModule('node:ffi').dlopen(null, {
    socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
    sendto: { arguments: ['i32', 'buffer', 'u64', 'i32', 'buffer', 'u32'], return: 'i64' },
    close: { arguments: ['i32'], return: 'i32' },
  });
  const { socket, sendto, close } = library.functions;
  const file = socket(unix, datagram | closeOnExec, 0);
  if (file < 0) throw new Error('no unix datagram socket can be had');
  return {
    send(lines) {
      const message = Buffer.from(lines.join('\n'));
      const sent = sendto(file, message, BigInt(message.length), dontWait | noSignal, to, to.length);
      return sent === BigInt(message.length);
    },
    close() {
      close(file);
      library.lib.close();
    },
  };
}

/** struct sockaddr_un of exactly the length that counts: an abstract name has no end mark. */
function socketAddress(address: string): Buffer {
  const abstract = address.startsWith('@');
  if (!abstract && !address.startsWith('/')) throw new Error(`$NOTIFY_SOCKET is neither a path nor @name: ${address}`);
  const path = Buffer.from(abstract ? `\0${address.slice(1)}` : `${address}\0`);
  if (path.length > longestAddress) throw new Error('$NOTIFY_SOCKET is too long');
  const family = Buffer.alloc(2);
  // sa_family_t is in the machine's own order; both platforms are little-endian.
  family.writeUInt16LE(unix);
  return Buffer.concat([family, path]);
}
