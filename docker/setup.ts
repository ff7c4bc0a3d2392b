/**
 * Prepares the Compose stack before its Redis and its Collector start: `setup.ts DIRECTORY`.
 * Writes redis/users.acl, with a least-privilege user for each component and for people, the same and the configuration for the nodes of a cluster,
 * and collector/backends.yaml.
 * The passwords come from the environment.
 */

import { createHash, randomBytes } from "node:crypto";
import { copyFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AclRole, AclScope } from "throughline";
import { aclRules } from "throughline";

const [directory = ""] = process.argv.slice(2);
const { NAMESPACE: namespace = "" } = process.env;

interface User {
  readonly name: string;
  readonly roles: readonly AclRole[];
  readonly scope?: Omit<AclScope, "namespace">;
}

const users: readonly User[] = [
  {
    name: "order-manager",
    roles: ["producer", "component"],
    scope: { component: "order-manager", channels: ["client-orders", "executions"], dedupes: true },
  },
  {
    name: "algorithm",
    roles: ["component"],
    scope: { component: "algorithm", channels: ["client-orders", "exchange-orders", "fills", "executions"] },
  },
  {
    name: "order-sender",
    roles: ["component", "source"],
    scope: {
      component: "order-sender",
      channels: ["exchange-orders", "venue-orders", "reports", "fills"],
      source: "venue-simulated",
    },
  },
  { name: "operator", roles: ["operator"] },
  { name: "console", roles: ["operator"] },
];

/** The password of a user: `OPERATOR_PASSWORD` for `operator`. @throws when it is missing, or could be guessed */
function passwordOf(name: string): string {
  const variable = `${name.toUpperCase().replaceAll("-", "_")}_PASSWORD`;
  const password = process.env[variable] ?? "";
  if (!/^[\w.~-]{16,}$/.test(password)) {
    throw new Error(
      `${variable} must be set to 16 or more letters, digits, ".", "_", "~" or "-": "sh docker/passwords.sh >.env" makes them all`,
    );
  }
  return password;
}

function lineOf(name: string, password: string, rules: readonly string[]): string {
  const hash = createHash("sha256").update(password).digest("hex");
  return ["user", name, `#${hash}`, ...rules].join(" ");
}

/** Writes a file beside the old one and renames it, so that nobody reads half of it. */
async function put(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o644 });
  await rename(`${path}.new`, path);
}

/** The users of one Redis, or of the nodes of a cluster, with further lines. */
function usersFile(clustered: boolean, ...further: readonly string[]): string {
  return [
    // Nobody may log in as `default`. It keeps its rights, because a server loads its own append-only file under them:
    // without them it would skip every transaction, which is what all scripts' writes are, and start empty.
    "user default off ~* &* +@all",
    // An aclfile resets each user by itself: the first rule, `reset`, is left out.
    ...users.map(({ name, roles, scope }) =>
      lineOf(name, passwordOf(name), aclRules(roles, { namespace, clustered, ...scope }).slice(1)),
    ),
    ...further,
    "",
  ].join("\n");
}

/** A password that is kept from the last time: a Redis that runs on has the users of then. */
async function keptPassword(name: string): Promise<string> {
  const path = join(directory, "redis", name);
  const password = await readFile(path, "utf8").catch(() => randomBytes(24).toString("hex"));
  await put(path, password);
  return password;
}

await mkdir(join(directory, "redis"), { recursive: true });
await mkdir(join(directory, "collector"), { recursive: true });
const health = lineOf("health", await keptPassword("health-password"), ["on", "-@all", "+ping"]);
await put(join(directory, "redis/users.acl"), usersFile(false, health));

// Of the profile `cluster`: replicas follow their primaries, and docker/cluster.sh makes the nodes one cluster.
const replicating = await keptPassword("replica-password");
await put(
  join(directory, "redis/cluster-users.acl"),
  usersFile(
    true,
    health,
    lineOf("replica", replicating, ["on", "-@all", "+psync", "+replconf", "+ping"]),
    lineOf("uniting", await keptPassword("uniting-password"), ["on", "-@all", "+cluster", "+ping", "+info"]),
  ),
);
await put(
  join(directory, "redis/cluster.conf"),
  [
    "cluster-enabled yes",
    "cluster-node-timeout 2000",
    // A node that is away stops its own partitions and no others.
    "cluster-require-full-coverage no",
    "masteruser replica",
    `masterauth ${replicating}`,
    "",
  ].join("\n"),
);
await copyFile(new URL("collector/jaeger.yaml", import.meta.url), join(directory, "collector/backends.yaml"));
process.stdout.write(`Wrote the users ${users.map(({ name }) => name).join(", ")}, and the Collector's backends.\n`);
