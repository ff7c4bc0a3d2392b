/** `startServer`: a Redis or Valkey in a container, with the faults that may hit a container. */

import { once } from "node:events";
import { createServer } from "node:net";
import { GenericContainer, Wait } from "testcontainers";
import { docker, labelOf, type Owner } from "./engine.ts";
import { imageOf, type ServerImage } from "./images.ts";

export interface ServerOptions {
  /** Beside appendonly, as on a command line: `--appendfsync always`. */
  readonly settings?: readonly string[];
  /** Kept when the container goes. Default: the data goes with it. */
  readonly volume?: string;
  readonly files?: readonly { readonly content: string; readonly target: string }[];
  /** Shared with others. Default: one of its own. */
  readonly network?: string;
  /** Its name on the network. */
  readonly alias?: string;
  /** The port that the server listens on inside. Default 6379. */
  readonly inside?: number;
}

export interface Server extends AsyncDisposable {
  /** The URL, which no fault changes. */
  readonly url: string;
  readonly port: number;
  readonly id: string;
  /** SIGKILL to the server. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, with its data. */
  start(): Promise<void>;
  /** SIGTERM, and start again. */
  restart(): Promise<void>;
  /** Stops all its processes in the middle of whatever they do. */
  pause(): Promise<void>;
  unpause(): Promise<void>;
  /** Disconnects the container from its network. */
  disconnect(): Promise<void>;
  connect(): Promise<void>;
}

/** On a port of 127.0.0.1 that stays its own. Resolves when it takes commands. */
export async function startServer(owner: Owner, image: ServerImage, options: ServerOptions = {}): Promise<Server> {
  const { settings = [], volume, files = [], inside = 6379 } = options;
  const port = await freePort();
  const own = options.network === undefined ? await makeNetwork(owner) : undefined;
  const network = options.network ?? (own?.name as string);
  const base = ["--dir", "/data", "--appendonly", "yes", "--save", "", "--protected-mode", "no"];
  const container = new GenericContainer(imageOf(image))
    .withCommand([image.program, ...base, ...settings])
    .withLabels({ [owner.label]: owner.value })
    .withNetworkMode(network)
    .withExposedPorts({ container: inside, host: port })
    .withCopyContentToContainer(files.map((file) => ({ ...file, mode: 0o644 })))
    .withWaitStrategy(Wait.forLogMessage("Ready to accept connections"))
    .withStartupTimeout(30_000);
  if (options.alias !== undefined) container.withNetworkAliases(options.alias);
  if (volume !== undefined) container.withBindMounts([{ source: volume, target: "/data" }]);
  const started = await container.start();
  const id = started.getId();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    id,
    kill: async () => void (await docker("kill", id)),
    start: async () => void (await docker("start", id)),
    restart: async () => void (await docker("restart", id)),
    pause: async () => void (await docker("pause", id)),
    unpause: async () => void (await docker("unpause", id)),
    disconnect: async () => void (await docker("network", "disconnect", network, id)),
    connect: async () => void (await docker("network", "connect", network, id)),
    [Symbol.asyncDispose]: async () => {
      await docker("rm", "--force", "--volumes", id);
      await own?.[Symbol.asyncDispose]();
    },
  };
}

let made = 0;

/** A network or a volume, which lives as long as the scope that it is made in. */
export interface Made extends AsyncDisposable {
  readonly name: string;
}

export async function makeNetwork(owner: Owner): Promise<Made> {
  const name = `throughline-test-${owner.value}-${++made}`;
  await docker("network", "create", "--label", labelOf(owner), name);
  return { name, [Symbol.asyncDispose]: async () => void (await docker("network", "rm", name)) };
}

export async function makeVolume(owner: Owner): Promise<Made> {
  const name = `throughline-test-${owner.value}-${++made}`;
  await docker("volume", "create", "--label", labelOf(owner), name);
  return { name, [Symbol.asyncDispose]: async () => void (await docker("volume", "rm", name)) };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  probe.close();
  await once(probe, "close");
  return port;
}
