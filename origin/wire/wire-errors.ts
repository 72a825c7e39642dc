/** Bytes came that are no response to what was asked. */
export class NotHttpError extends Error {
  override readonly name = 'NotHttpError';
}

/** The other side closed a connection before all was said. */
export class DisconnectedError extends Error {
  override readonly name = 'DisconnectedError';
}

/** Nothing came for longer than was agreed. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';
}
