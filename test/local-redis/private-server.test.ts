/** A private Redis keeps its data between runs, ends with its run, and uses whatever server the machine has. */

import { chmod, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { findServer } from "../../src/local-redis/server-program.ts";
import { ConfigError } from "../../src/model/errors.ts";
import { eventually } from "../support/eventually.ts";
import { startProcess } from "../support/process.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const script = "test/fixtures/private-redis-run.ts";

async function temporaryDirectory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "throughline test "));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Runs commands on a connection of its own. */
async function withClient<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { retryStrategy: () => null });
  client.on("error", () => undefined); // the command's own rejection tells
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

/** A directory for a PATH, with programs that are sh scripts. */
async function programs(path: string, scripts: Readonly<Record<string, string>>): Promise<NodeJS.ProcessEnv> {
  for (const [name, body] of Object.entries(scripts)) {
    await writeFile(join(path, name), `#!/bin/sh\n${body}\n`);
    await chmod(join(path, name), 0o755);
  }
  await symlink("/bin/sh", join(path, "sh"));
  return { PATH: path };
}

test("keeps its data for the next run, on the same port, and starts empty when asked to", async () => {
  await using directory = await temporaryDirectory();
  const open = { directory: directory.path };
  const ports: number[] = [];
  {
    await using redis = await startPrivateRedis(open);
    ports.push(redis.port);
    await withClient(redis.url, (client) => client.set("kept", "yes"));
  }
  {
    await using redis = await startPrivateRedis(open);
    ports.push(redis.port);
    assert.is(await withClient(redis.url, (client) => client.get("kept")), "yes");
  }
  await using redis = await startPrivateRedis({ ...open, fresh: true });
  assert.is(await withClient(redis.url, (client) => client.dbsize()), 0);
  assert.is(ports[0], ports[1]);
});

test("writes an append-only file, evicts nothing, makes no snapshots, and listens on loopback alone", async () => {
  await using redis = await startPrivateRedis();
  const settings = await withClient(redis.url, async (client) => {
    const names = ["appendonly", "appendfsync", "maxmemory-policy", "save", "bind"];
    return Promise.all(names.map(async (name) => ((await client.config("GET", name)) as string[])[1]));
  });
  assert.equal(settings, ["yes", "everysec", "noeviction", "", "127.0.0.1"]);
});

test("removes a temporary directory at the end", async () => {
  const redis = await startPrivateRedis();
  assert.ok((await readdir(redis.directory)).length > 0);
  await redis[Symbol.asyncDispose]();
  await rejects(readdir(redis.directory), Error, /ENOENT/);
});

test("comes back after kill -9 on the same port with all acknowledged writes", async () => {
  await using redis = await startPrivateRedis();
  await withClient(redis.url, (client) => client.set("before", "1"));
  await redis.kill("SIGKILL");
  await rejects(
    withClient(redis.url, (client) => client.get("before")),
    Error,
  );
  await redis.restart();
  assert.is(await withClient(redis.url, (client) => client.get("before")), "1");
});

test("is gone soon after its run was killed with -9, even while it is stopped", async () => {
  await using directory = await temporaryDirectory();
  await using run = startProcess(script, [directory.path]);
  const url = (await run.line("up ")).slice(3);
  const server = Number(
    await withClient(url, async (client) => /process_id:(\d+)/.exec(await client.info("server"))?.[1]),
  );
  process.kill(server, "SIGSTOP");
  run.kill("SIGKILL");
  await run.ended;
  await eventually(() => !isAlive(server));
});

test("a run that was killed leaves its data to the next one, which may start at once", async () => {
  await using directory = await temporaryDirectory();
  await using run = startProcess(script, [directory.path]);
  const url = (await run.line("up ")).slice(3);
  await withClient(url, (client) => client.set("kept", "yes"));
  run.kill("SIGKILL");
  await using redis = await startPrivateRedis({ directory: directory.path });
  assert.is(await withClient(redis.url, (client) => client.get("kept")), "yes");
});

test("refuses a directory that another run uses, and says where that run's Redis is", async () => {
  await using directory = await temporaryDirectory();
  await using redis = await startPrivateRedis({ directory: directory.path });
  const error = await rejects(
    startPrivateRedis({ directory: directory.path, fresh: true }),
    ConfigError,
    /Another run uses/,
  );
  assert.match(error.message, `REDIS_URL=${redis.url}`);
});

test("of two runs that start at once in one directory, one wins and the other is refused", async () => {
  await using directory = await temporaryDirectory();
  const started = await Promise.allSettled([1, 2].map(() => startPrivateRedis({ directory: directory.path })));
  const winners = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  await Promise.all(winners.map((redis) => redis[Symbol.asyncDispose]()));
  assert.is(winners.length, 1);
  assert.match(String(started.find((result) => result.status === "rejected")?.reason), "Another run uses");
});

test("moves to another port when some other program has taken its own", async () => {
  await using first = await startPrivateRedis();
  await using directory = await temporaryDirectory();
  await writeFile(join(directory.path, "port"), String(first.port));
  await using second = await startPrivateRedis({ directory: directory.path });
  assert.is.not(second.port, first.port);
});

test("shows the server's own words when it does not start", async () => {
  await using directory = await temporaryDirectory();
  await writeFile(join(directory.path, "appendonlydir"), "a file where the server wants a directory");
  await rejects(startPrivateRedis({ directory: directory.path }), ConfigError, /did not start:.*append/is);
});

test("takes valkey-server where redis-server is too old", async () => {
  await using directory = await temporaryDirectory();
  const env = await programs(directory.path, {
    "redis-server": "echo Redis server v=6.0.16 sha=0",
    "valkey-server": "echo Valkey server v=8.1.1 sha=0",
  });
  const found = await findServer({ env, say: () => undefined, isRoot: false });
  assert.equal(found, { kind: "program", program: "valkey-server", version: "8.1.1" });
});

test("takes Docker where an engine answers, and pulls the image that the variable names", async () => {
  await using directory = await temporaryDirectory();
  const env = await programs(directory.path, {
    docker:
      'case "$1 $2" in "version --format") echo 28.0;; "image inspect") exit 1;; "pull --quiet") echo pulled;; esac',
  });
  const said: string[] = [];
  const found = await findServer({
    env: { ...env, THROUGHLINE_REDIS_IMAGE: "valkey:9" },
    say: (line) => void said.push(line),
    isRoot: false,
  });
  assert.equal(found, { kind: "docker", image: "valkey:9" });
  assert.equal(said, ["No redis-server is installed; Docker pulls the image valkey:9."]);
});

test("skips a Docker client without an engine and says what to install", async () => {
  await using directory = await temporaryDirectory();
  const env = await programs(directory.path, {
    docker: "echo Cannot connect >&2; exit 1",
    "redis-server": "echo Redis server v=6.2.1 sha=0",
  });
  const error = await rejects(
    findServer({ env, say: () => undefined, isRoot: false }),
    ConfigError,
    /only redis-server 6.2.1/,
  );
  assert.match(error.message, /REDIS_URL/);
});

test("as root, installs the package after reading the package lists, and says so", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const env = await programs(path, {
    "apt-cache": `[ -e "${path}/updated" ] && echo "  Candidate: 5:7.0.15-1~deb12u10"`,
    "apt-get": [
      'case "$1" in',
      `  update) : >"${path}/updated";;`,
      `  install) printf '#!/bin/sh\\necho Redis server v=7.0.15 sha=0\\n' >"${path}/redis-server"; /bin/chmod 755 "${path}/redis-server";;`,
      "esac",
    ].join("\n"),
  });
  const said: string[] = [];
  const found = await findServer({ env, say: (line) => void said.push(line), isRoot: true });
  assert.equal(found, { kind: "program", program: "redis-server", version: "7.0.15" });
  assert.equal(
    said.map((line) => /\(.*\)/.exec(line)?.[0]),
    ["(apt-get update)", "(apt-get install redis-server)"],
  );
});

test("does not install a package that is too old", async () => {
  await using directory = await temporaryDirectory();
  const env = await programs(directory.path, {
    "apt-cache": 'echo "  Candidate: 5:6.0.16-1ubuntu1"',
    "apt-get": '[ "$1" = install ] && echo "must not install" >&2; exit 0',
  });
  await rejects(findServer({ env, say: () => undefined, isRoot: true }), ConfigError, /none was found/);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
