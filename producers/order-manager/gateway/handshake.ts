/** Admits clients by a WebSocket's opening request, and refuses others. */

import { type IncomingMessage, STATUS_CODES } from "node:http";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { ConfigError } from "throughline";

const refusals = {
  400: "name your user, once, in the URL: ws://…/?user=YOUR_USER_ID",
  403: "pages of other origins may not connect",
  421: "the gateway is not known by this host: connect to its address, or allow the name with --allowed-hosts",
  503: "too many connections: try again later",
} as const;

/** An HTTP status with which a connection is refused. */
export type Refusal = keyof typeof refusals;

/** Tells whether a Host header names the gateway. */
export type HostCheck = (header: string | undefined) => boolean;

/**
 * Admits a connection and returns its user, which the authentication in front has established; else returns the
 * refusal.
 */
export function admit(
  request: IncomingMessage,
  isOurs: HostCheck,
  isFull: boolean,
): { readonly user: string } | Refusal {
  const { origin } = request.headers;
  const [host, ...otherHosts] = request.headersDistinct["host"] ?? [];
  // A foreign page whose name was made to resolve to our address (DNS rebinding) still sends that name as the host.
  if (otherHosts.length > 0 || !isOurs(host)) return 421;
  // A browser names the page that connects: no foreign page may place orders through a reader's loopback interface.
  if (origin !== undefined && URL.parse(origin)?.host !== host) return 403;
  const users = URL.parse(request.url ?? "/", "ws://gateway")?.searchParams.getAll("user") ?? [];
  const [user] = users;
  // Of two users, the proxy in front may have meant the other one.
  if (users.length !== 1 || user === undefined || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(user)) return 400;
  return isFull ? 503 : { user };
}

/** Answers with a refusal instead of a WebSocket, and ends the connection. */
export function refuse({ socket }: IncomingMessage, status: Refusal): void {
  const text = `${refusals[status]}\n`;
  socket.write(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
  socket.destroySoon(); // not only our half: the client may never end its own
}

/**
 * Makes the check of Host headers. The gateway's names are the addresses that it listens on, `localhost` where one of
 * them is loopback, and the allowed ones.
 * @throws {ConfigError} when an allowed one is neither a name nor an address
 */
export function checkHosts(allowed: readonly string[], host: string, address: () => string): HostCheck {
  const names = new Set(
    [...allowed, host].map((text) => {
      const name = canonical(text);
      if (name !== undefined) return name;
      throw new ConfigError(`"${text}" is no host: give a name or an address, without a port`);
    }),
  );
  return (header) => {
    const name = header && canonical(header.replace(/:\d{1,5}$/, ""));
    if (!name) return false;
    if (names.has(name)) return true;
    const addresses = addressesOf(address());
    return name === "localhost" ? addresses.some(isLoopback) : addresses.some((one) => canonical(one) === name);
  };
}

/** The canonical spelling of a name or an address; an IPv6 one may have brackets. Undefined for any other text. */
function canonical(text: string): string | undefined {
  const host = isIPv6(text) ? `[${text}]` : text;
  return /^(?:\[[\da-f:.]+\]|[\w.-]+)$/i.test(host) ? URL.parse(`http://${host}`)?.hostname : undefined;
}

/** The addresses of a socket. One that listens on all addresses has each one that the machine has now. */
function addressesOf(address: string): readonly string[] {
  if (address !== "0.0.0.0" && address !== "::") return [address];
  return Object.values(networkInterfaces()).flatMap((ones) => ones?.map((one) => one.address) ?? []);
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
