/**
 * Starts a private Redis on a free loopback port. It is durable in its directory, and ends with the run that started
 * it.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { ConfigError, StoreError } from "../model/errors.ts";
import { guardScript } from "./guard-script.ts";
import { about, stateOf } from "./probe.ts";
import { findServer, type RedisServer, type Say } from "./server-program.ts";

export interface PrivateRedisOptions {
  /** The directory of its port and its data, for the next run. Default: a temporary one, removed at the end. */
  readonly directory?: string;
  /** Removes first what an earlier run left in the directory. */
  readonly fresh?: boolean;
  readonly say?: Say;
  readonly env?: NodeJS.ProcessEnv;
  /** What else the caller can do where there is no server to start, a sentence. Default: to set REDIS_URL. */
  readonly otherwise?: string;
  /** More lines of its configuration. */
  readonly settings?: readonly string[];
}

/** A private server. Its disposal ends the server, and resolves when it is gone. */
export interface PrivateRedis extends AsyncDisposable {
  /** The server's address, the same after a restart. */
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  /** The program and its version, for people. */
  readonly description: string;
  /** Sends the server a signal. Resolves when the server is gone, if the signal ends it; else at once. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Rejects with a `StoreError` when the server ends unasked. */
  readonly died: Promise<never>;
  /** Starts it again on the same port with the same data, after ending it if it still runs. */
  restart(): Promise<void>;
}

/** Longest time for the server of an earlier run to save and go, ms; after it the directory counts as in use. */
const handOverMs = 3_000;
/** Longest silence of a starting server, ms. One that loads a large append-only file says so. */
const silentStartMs = 20_000;

/**
 * Starts a server and resolves when it takes commands. The port is also the lock of the directory: it is written there
 * once, and of two servers only one can listen on it; Redis listens before it touches its files.
 * @throws {ConfigError} when no server can be had, or another run uses the directory.
 */
export async function startPrivateRedis(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
  const server = await findServer({
    env: options.env ?? process.env,
    say: options.say ?? (() => undefined),
    isRoot: process.getuid?.() === 0,
    otherwise: options.otherwise,
  });
  const isTemporary = options.directory === undefined;
  const wanted = isTemporary ? await mkdtemp(join(tmpdir(), "throughline-redis-")) : resolve(options.directory);
  await mkdir(wanted, { recursive: true, mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    throw new ConfigError(`${wanted} cannot be made for a Redis to keep its data in (${cause.code})`, { cause });
  });
  const directory = await realpath(wanted); // the server itself resolves links in the name, too

  const { fresh = false, settings = [] } = options;
  let { port, instance } = await startInDirectory(server, directory, fresh, settings);
  const { promise: died, reject: hasDied } = Promise.withResolvers<never>();
  died.catch(() => undefined); // a caller who awaits it is told
  /** The instance that was asked to end. */
  let asked: Instance | undefined;
  const watch = (watched: Instance): void => {
    void watched.ended.then(() => {
      if (asked === watched) return;
      hasDied(
        new StoreError(
          `The private Redis in ${directory} has ended by itself; its log is ${join(directory, "redis.log")}. ` +
            "Its data is kept: the same command goes on where this run was.",
        ),
      );
    });
  };
  watch(instance);
  const stop = async (): Promise<void> => {
    asked = instance;
    instance.process.stdin?.end();
    await instance.ended;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    directory,
    description: server.kind === "program" ? `${server.program} ${server.version}` : `${server.image} in Docker`,
    died,
    kill: async (signal) => {
      if (signal === "SIGKILL" || signal === "SIGTERM") asked = instance;
      instance.signal(signal);
      if (signal === "SIGKILL" || signal === "SIGTERM") await instance.ended;
    },
    restart: async () => {
      await stop();
      const again = await launch(server, directory, port, settings);
      if (again === "port taken")
        throw new ConfigError(`Port ${port}, on which this Redis ran, was taken by another program.`);
      instance = again;
      watch(instance);
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      if (isTemporary) await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Every port that was tried was taken by another program meanwhile. */
export class NoPortError extends ConfigError {}

async function startInDirectory(
  server: RedisServer,
  directory: string,
  fresh: boolean,
  settings: readonly string[],
): Promise<{ port: number; instance: Instance }> {
  for (let attempt = 1; attempt <= 5; attempt++) {
    const port = (await readPort(directory)) ?? (await claimPort(directory));
    const deadline = performance.now() + handOverMs;
    while (await isOurs(port, directory)) {
      if (performance.now() > deadline) {
        throw new ConfigError(
          `Another run uses ${directory}: its Redis answers on 127.0.0.1:${port}. End that run, keep this one's data elsewhere ` +
            `(npm start -- --data DIRECTORY), or share its Redis with REDIS_URL=redis://127.0.0.1:${port}.`,
        );
      }
      await pause(50);
    }
    if (fresh) await rm(join(directory, "appendonlydir"), { recursive: true, force: true });
    const instance = await launch(server, directory, port, settings);
    if (instance !== "port taken") return { port, instance };
    // Either another run has just started in this directory, which the next attempt sees, or another program has the
    // port.
    if (!(await isOurs(port, directory))) await rm(join(directory, "port"), { force: true });
  }
  throw new NoPortError(`No free port was found on 127.0.0.1 for a private Redis in ${directory}.`);
}

interface Instance {
  readonly process: ChildProcess;
  readonly ended: Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

async function launch(
  server: RedisServer,
  directory: string,
  port: number,
  settings: readonly string[],
): Promise<Instance | "port taken"> {
  const logFile = join(directory, "redis.log");
  await rm(logFile, { force: true });
  const isContained = server.kind === "docker";
  await writeFile(join(directory, "redis.conf"), configuration(directory, port, isContained, settings), {
    mode: 0o600,
  });
  const container = `throughline-${port}`;
  const [program, ...args] = isContained
    ? dockerCommand(server.image, directory, port, container)
    : ["sh", "-c", guardScript, "guard", server.program, join(directory, "redis.conf")];
  // A session of its own: Ctrl-C is for the run, which needs its Redis until it has drained.
  const child = spawn(program ?? "sh", args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  child.stdin.on("error", () => undefined); // the guard closes it when its server is gone
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  let hasEnded = false;
  const ended = new Promise<void>((done) => {
    child.once("close", () => {
      hasEnded = true;
      done();
    });
    child.once("error", (error) => {
      said += error.message;
      hasEnded = true;
      done();
    });
  });
  const pid = await Promise.race([firstLine(child), ended.then(() => undefined)]);

  let lastSign = performance.now();
  for (;;) {
    const state = await stateOf(port);
    // The process id is compared, as the server on the port may be that of another run, which was faster.
    if (state === "ready" && (await about(port))?.["process_id"] === pid) break;
    if (state !== "silent") lastSign = performance.now();
    if (hasEnded || performance.now() - lastSign > silentStartMs) {
      child.stdin.end();
      await ended;
      const log = `${await readFile(logFile, "utf8").catch(() => "")}\n${said}`;
      if (/already (in use|allocated)/i.test(log)) return "port taken";
      throw new ConfigError(`The private Redis in ${directory} did not start: ${lastLines(log)}`);
    }
    await pause(15);
  }
  return {
    process: child,
    ended,
    signal: (signal) => {
      if (hasEnded) return;
      if (isContained) spawn("docker", ["kill", "--signal", signal, container], { stdio: "ignore" });
      else process.kill(Number(pid), signal);
    },
  };
}

function configuration(directory: string, port: number, isContained: boolean, settings: readonly string[]): string {
  const quoted = (path: string): string => `"${path.replace(/[\\"]/g, "\\$&")}"`;
  return [
    isContained ? "bind 0.0.0.0" : "bind 127.0.0.1",
    isContained ? "protected-mode no" : "protected-mode yes",
    `port ${port}`,
    `dir ${quoted(directory)}`,
    `logfile ${quoted(join(directory, "redis.log"))}`,
    "daemonize no",
    "appendonly yes",
    "appendfsync everysec",
    'save ""',
    "maxmemory-policy noeviction",
    ...settings,
    "",
  ].join("\n");
}

/**
 * The command that runs the server in Docker. The guard runs inside: `--interactive` ties its standard input to ours,
 * so that the container ends with the run.
 */
function dockerCommand(image: string, directory: string, port: number, container: string): string[] {
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const published = `127.0.0.1:${port}:${port}`;
  const find = 'exec sh -c "$0" guard "$(command -v redis-server || command -v valkey-server)" "$1"';
  const options = ["--rm", "--interactive", "--name", container, "--user", user, "--publish", published];
  // The path is the same inside, so that the server names its directory as we do.
  const mounted = ["--volume", `${directory}:${directory}`, "--workdir", directory, "--entrypoint", "sh"];
  return ["docker", "run", ...options, ...mounted, image, "-c", find, guardScript, join(directory, "redis.conf")];
}

async function readPort(directory: string): Promise<number | undefined> {
  const port = Number(await readFile(join(directory, "port"), "utf8").catch(() => ""));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

/** Writes a free port into the directory, or takes the one that another run has written meanwhile. */
async function claimPort(directory: string): Promise<number> {
  const { promise, resolve: done, reject } = Promise.withResolvers<number>();
  const probe = createServer().once("error", reject);
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address();
    probe.close(() => done(typeof address === "object" && address !== null ? address.port : 0));
  });
  const port = await promise;
  try {
    await writeFile(join(directory, "port"), `${port}\n`, { flag: "wx" });
    return port;
  } catch {
    return (await readPort(directory)) ?? claimAgain(directory);
  }
}

/** Claims a port where the file holds none: somebody edited it, or the disk was full. */
async function claimAgain(directory: string): Promise<number> {
  await rm(join(directory, "port"), { force: true });
  return claimPort(directory);
}

/** True when the server on the port keeps its files in the directory. */
async function isOurs(port: number, directory: string): Promise<boolean> {
  return (await about(port))?.["config_file"] === join(directory, "redis.conf");
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((done) => {
    if (child.stdout !== null) createInterface({ input: child.stdout }).once("line", done);
  });
}

function lastLines(log: string): string {
  return log.trim().split("\n").slice(-5).join(" | ");
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
