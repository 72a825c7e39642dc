/** RFC 9110 §5.6.2: a field name is a token. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Set by the transfer itself; another value would break ranges, validation or framing. */
const reserved =
  /^(accept-encoding|connection|content-.*|expect|host|if-.*|keep-alive|proxy-connection|range|te|trailer|transfer-encoding|upgrade)$/i;

/** Carries secrets by its nature. */
const secret = /^(authorization|proxy-authorization|cookie)$/i;

/** Says nothing about who asks, so content had with it needed no credentials. */
const harmless = /^(user-agent|accept|accept-language|referer)$/i;

/** Why a text cannot name an extra request header, null when it can. */
export function headerNameProblem(name: string): string | null {
  if (!token.test(name)) return 'is not a header name';
  return reserved.test(name) ? 'is set by waystation itself' : null;
}

/** Whether the header's value has to be in a file (contract: secrets only as files). */
export function mustBeFile(name: string): boolean {
  return secret.test(name);
}

/** Whether content that was had with this header counts as guarded: any header but the few harmless ones. */
export function identifies(name: string): boolean {
  return !harmless.test(name);
}
