/** The console's options with their defaults, checked before anything listens. */

import { isIP } from "node:net";
import { type Channel, ConfigError, type Log, type ServersPlace, type TlsOptions } from "../index.ts";
import type { ComponentHandlers } from "../replay.ts";

export interface ConsoleOptions extends ServersPlace {
  /** TLS for a rediss:// URL. */
  readonly tls?: TlsOptions | undefined;
  readonly namespace: string;
  /** The address to listen on. Default 127.0.0.1; any other than a loopback address needs a `token`. */
  readonly host?: string | undefined;
  /** The port; 0 for a free one. Default 8090. */
  readonly port?: number | undefined;
  /** The secret that a browser must bring once, by `?token=…`: 16 characters or more. */
  readonly token?: string | undefined;
  /** Names and addresses by which browsers reach the console beside its own address. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Lets the page redrive and purge dead letters, and begin and cancel replays. Default: it only reads. */
  readonly allowActions?: boolean | undefined;
  /** Attributes, such as `user.id` or `payload.email`, whose values are shown as pseudonyms. */
  readonly mask?: readonly string[] | undefined;
  /** Components by name, for the views that need their handlers. Asked for when the first such view is opened. */
  readonly loadComponents?: (() => Promise<Readonly<Record<string, ComponentHandlers>>>) | undefined;
  /** Channels whose `correlation` tells what a difference is about. */
  readonly loadChannels?: (() => Promise<readonly Channel<unknown>[]>) | undefined;
  readonly log?: Log | undefined;
}

/** A console that listens. Its disposal ends the open pages' connections, and the replays that it runs. */
export interface Console extends AsyncDisposable {
  /** The address to open in a browser, with the token where there is one. */
  readonly url: string;
}

export interface ResolvedConsoleOptions extends ConsoleOptions {
  readonly host: string;
  readonly port: number;
  readonly token: string | undefined;
  readonly allowedHosts: readonly string[];
  readonly allowActions: boolean;
  readonly mask: readonly string[];
  readonly log: Log;
}

const known: ReadonlySet<string> = new Set([
  ...[
    "url",
    "cluster",
    "sentinel",
    "tls",
    "namespace",
    "host",
    "port",
    "token",
    "allowedHosts",
    "allowActions",
    "mask",
  ],
  ...["loadComponents", "loadChannels", "log"],
]);

/** Shorter ones can be guessed. */
const minTokenLength = 16;

export function resolveConsoleOptions(options: ConsoleOptions): ResolvedConsoleOptions {
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw new ConfigError(`the console has no option "${name}"`);
  }
  const { host = "127.0.0.1", port = 8_090, token, mask = [] } = options;
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new ConfigError(`port is ${port}; it must be a whole number from 0 to 65535`);
  }
  if (token !== undefined && !/^[\w.~-]+$/.test(token)) {
    throw new ConfigError('the token may have letters, digits, ".", "_", "~" and "-" only: it is part of an address');
  }
  if (token !== undefined && token.length < minTokenLength) {
    throw new ConfigError(
      `the token has ${token.length} characters; with fewer than ${minTokenLength} it can be guessed`,
    );
  }
  if (token === undefined && !isLoopback(host)) {
    throw new ConfigError(
      `the console is to listen on ${host}, where others than this machine reach it: give it a token, which a browser must bring`,
    );
  }
  for (const attribute of mask) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(attribute)) {
      throw new ConfigError(`"${attribute}" is no attribute to mask: expected a name such as user.id or payload.email`);
    }
  }
  return Object.freeze({
    ...options,
    host,
    port,
    token,
    allowedHosts: options.allowedHosts ?? [],
    allowActions: options.allowActions ?? false,
    mask,
    log: options.log ?? { debug: ignore, info: ignore, warn: ignore, error: ignore },
  });
}

/** Tells whether only this machine reaches the address. A name other than localhost may mean any. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function ignore(): void {}
