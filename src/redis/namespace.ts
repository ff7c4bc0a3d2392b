/** Opens a namespace: a server that is new enough, and a format and partition count that are ours. */

import { ConfigError } from "../errors.ts";
import type { Connection } from "./connections.ts";
import { formatVersion, type Keys } from "./keys.ts";
import { scripts } from "./scripts.ts";

/** @throws {ConfigError} when the server or the namespace cannot be worked with; nothing was written then */
export async function openNamespace(
  connection: Connection,
  keys: Keys,
  partitions: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  await refuseOldServer(connection, signal);
  const meta = keys.meta();
  // Whole, not by its digest: it runs once.
  const opened = await connection.repeat(
    () => connection.client.eval(scripts.meta.source, 1, meta, formatVersion, partitions),
    signal,
  );
  const [kind, format, found] = opened as string[];
  if (kind !== "hash") {
    throw new ConfigError(
      `the key "${meta}" is a ${kind}, not ours: choose another namespace than "${keys.namespace}"`,
    );
  }
  if (format !== formatVersion) {
    throw new ConfigError(
      `namespace "${keys.namespace}" has format version ${format}; this version of Throughline speaks ${formatVersion}. ` +
        "Nothing was changed: use the version that wrote it, or another namespace",
    );
  }
  if (found !== String(partitions)) {
    throw new ConfigError(
      `namespace "${keys.namespace}" has ${found} partitions, not ${partitions}: with another count the keys of its events would ` +
        "lie elsewhere. Connect with the count it has",
    );
  }
}

/** Adds a channel or a component to what the namespace says about itself; `status` reads it. */
export async function describe(
  connection: Connection,
  keys: Keys,
  partitions: number,
  name: string,
  text: string,
): Promise<void> {
  await connection.ready();
  const { client } = connection;
  // After a FLUSHALL it is the first to speak.
  await Promise.all([
    client.hsetnx(keys.meta(), "format", formatVersion),
    client.hsetnx(keys.meta(), "partitions", partitions),
    client.hset(keys.meta(), name, text),
  ]);
}

// HELLO answers for itself, where INFO may be forbidden by a least-privilege user.
async function refuseOldServer(connection: Connection, signal: AbortSignal | undefined): Promise<void> {
  const reply = (await connection.repeat(() => connection.client.call("HELLO"), signal)) as unknown[];
  const field = (name: string): string => String(reply[reply.indexOf(name) + 1]);
  const [major = 0] = field("version").split(".").map(Number);
  if (field("server") === "redis" && major < 7) {
    throw new ConfigError(`this is Redis ${field("version")}: Throughline needs Redis 7.0 or newer, or Valkey`);
  }
}
