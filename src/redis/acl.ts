/** The permissions of each role in Redis: one table, from which the rules of a user are made. */

import { ConfigError } from "../model/errors.ts";
import { isName, isNamespace } from "../model/names.ts";
import { sliceOfSource } from "../model/source-names.ts";

export const aclRoles = ["producer", "component", "source", "replay", "observer", "operator", "owner"] as const;
/**
 * `producer` publishes and reads nothing. `component` consumes, settles, publishes from its handlers, takes part in maintenance, and reads
 * the namespace. `source` runs sources: it appends, keeps their positions, and reads nothing else. `replay` reads a namespace and publishes into
 * another. `observer` reads the namespace and changes nothing. `operator` reads, redrives and purges dead letters. `owner`
 * reads, prepares the namespace and repairs its channels.
 * Roles of one user add up.
 */
export type AclRole = (typeof aclRoles)[number];

export interface AclScope {
  readonly namespace: string;
  /**
   * The channels that the user publishes to, consumes or trims. `producer`, `component` and `source` need them: no rule of Redis can say "every
   * channel" without the dead letters and the settlement logs, whose keys begin and end like a channel's.
   */
  readonly channels?: readonly string[];
  /** The one component that the user runs. Default: any. */
  readonly component?: string;
  /** The one source that the user runs. Default: any. */
  readonly source?: string;
  /** The namespace that `replay` publishes into. Default: none. */
  readonly into?: string;
  /** True where `replay` queues runs for the background, and works on queued ones. */
  readonly background?: boolean;
  /** True where the user publishes to channels with a dedupe window. */
  readonly dedupes?: boolean;
  /** True where the user publishes to channels that evict their oldest entries when they are full. */
  readonly evicts?: boolean;
  /**
   * True where the user asks for durability by WAIT and WAITAOF. A server older than Redis 7.2 takes no rule that names
   * WAITAOF.
   */
  readonly waits?: boolean;
  /** True where the user connects to a cluster: it asks where the slots are, and a component moves outputs between nodes. */
  readonly clustered?: boolean;
}

/** The kinds of keys that `Keys` builds. */
type KeyKind =
  | "meta"
  | "stream"
  | "dead"
  | "attempts"
  | "parked"
  | "seen"
  | "owner"
  | "beats"
  | "batchNumbers"
  | "replies"
  | "state"
  | "sourceOwner"
  | "sourceBeats"
  | "sourceState"
  | "settled"
  | "anyOwner"
  | "anyParked"
  | "relay"
  | "relayed"
  | "sourceRelay"
  | "sourceRelayed"
  | "trimmed"
  | "maintenanceTurn"
  | "scratch"
  | "bull"
  | "replayed"
  | "replayRuns"
  | "replayBull"
  | "any";

/** Commands that are allowed on these keys, and on no others: a selector of Redis 7. `R` reads, `W` writes. */
interface Grant {
  readonly on: readonly KeyKind[];
  readonly access: "R" | "W" | "RW";
  readonly commands: readonly string[];
}

/**
 * Commands that every connection of ours sends, whatever its role. A script's own commands each need a permission
 * beside EVALSHA. EVAL and SCRIPT LOAD are left out: a user who has one of them can stop the server with a loop.
 */
const connecting = ["select", "ping", "time", "client|setname", "evalsha"];

/** Lets a role load its own scripts, and with them those that producers run: a producer may not load any. */
const loading = "script|load";

/** Reads the namespace's description, to compare it with what is expected. */
const comparing: Grant = { on: ["meta"], access: "R", commands: ["type", "hget", "hmget"] };

/** Reads and writes the namespace's description: also its channels and components. */
const describing: Grant = { on: ["meta"], access: "RW", commands: ["type", "hget", "hmget", "hset", "hsetnx"] };

const publishing: readonly Grant[] = [
  comparing,
  { on: ["stream"], access: "W", commands: ["xadd", "type", "exists", "xlen"] },
  { on: ["batchNumbers"], access: "RW", commands: ["hget", "hset", "pexpire"] },
];

const deduping: Grant = { on: ["seen"], access: "RW", commands: ["get", "set", "exists"] };

/** What is evicted is counted by what the components' rows say of it, whichever they are. */
const evicting: readonly Grant[] = [
  { on: ["stream"], access: "RW", commands: ["xtrim", "xrange", "xpending", "xinfo|stream", "xinfo|groups"] },
  { on: ["anyOwner", "anyParked"], access: "R", commands: ["hmget", "zcard", "zscore"] },
];

/** Commands of BullMQ's scripts for a queue and its workers. They touch nothing but BullMQ's own keys. */
const queueing: Grant["commands"] = [
  ...["del", "exists", "get", "set", "incr", "persist", "pexpire", "pttl", "rename"],
  ...["hget", "hgetall", "hmget", "hset", "hmset", "hdel", "hexists", "hincrby"],
  ...["lindex", "llen", "lpop", "lpush", "lrange", "lrem", "ltrim", "rpoplpush", "rpush"],
  ...["sadd", "scard", "smembers", "srem", "xadd", "xtrim"],
  ...["bzpopmin", "zadd", "zcard", "zpopmin", "zrange", "zrangebyscore", "zrem", "zremrangebyrank"],
  ...["zremrangebyscore", "zrevrange", "zrevrangebyscore", "zscore"],
];

const consuming: readonly Grant[] = [
  describing,
  {
    on: ["stream"],
    access: "RW",
    commands: [
      ...["xack", "xclaim", "xpending", "xrange", "xlen", "type", "exists"],
      ...["xgroup|create", "xgroup|setid", "xgroup|createconsumer", "xgroup|delconsumer"],
      ...["xread", "xinfo|stream", "xinfo|groups", "xinfo|consumers"],
      // XDEL and XSETID take an output back when a later write of the same settlement is refused. XTRIM is for
      // retention.
      ...["xadd", "xdel", "xsetid", "xtrim"],
    ],
  },
  { on: ["dead"], access: "RW", commands: ["xadd", "xrange", "type"] },
  { on: ["attempts"], access: "RW", commands: ["hget", "hgetall", "hkeys", "hset", "hdel", "del", "type"] },
  {
    on: ["parked"],
    access: "RW",
    commands: ["zadd", "zrem", "zscore", "zcard", "zrange", "zrangebyscore", "del", "type"],
  },
  { on: ["owner"], access: "RW", commands: ["hget", "hmget", "hset", "hdel", "hincrby", "type"] },
  { on: ["beats"], access: "RW", commands: ["hget", "hset", "hdel", "hgetall", "type"] },
  { on: ["state"], access: "RW", commands: ["hget", "hmget", "hscan", "hset", "hdel", "type"] },
  { on: ["settled"], access: "RW", commands: ["xadd", "type", "xtrim"] },
  { on: ["trimmed"], access: "RW", commands: ["hget", "hset", "hincrby", "type"] },
  { on: ["maintenanceTurn"], access: "RW", commands: ["get", "set"] },
  // BullMQ sends a script whole where the server does not have it.
  { on: ["bull"], access: "RW", commands: ["eval", ...queueing] },
];

/** Owns the slices of sources, appends, and keeps positions. XDEL and XSETID take an append back when a later write of it is refused. */
const bringing: readonly Grant[] = [
  describing,
  { on: ["stream"], access: "RW", commands: ["xadd", "type", "exists", "xlen", "xdel", "xsetid", "xinfo|stream"] },
  { on: ["sourceOwner"], access: "RW", commands: ["hget", "hmget", "hset", "hdel", "hincrby", "type"] },
  { on: ["sourceBeats"], access: "RW", commands: ["hget", "hset", "hdel", "hgetall", "type"] },
  { on: ["sourceState"], access: "RW", commands: ["hget", "hmget", "hset", "hdel", "type"] },
];

/** Outputs for another node wait in one stream, and that node remembers which have come. */
function relaying(relay: "relay" | "sourceRelay", relayed: "relayed" | "sourceRelayed"): readonly Grant[] {
  return [
    { on: [relay], access: "RW", commands: ["xadd", "xrange", "xtrim", "xdel", "xsetid", "xinfo|stream", "type"] },
    { on: [relayed], access: "RW", commands: ["hmget", "hset", "zadd", "zscore", "zremrangebyrank", "type"] },
  ];
}

/** Republishes into a namespace. XDEL and XSETID take a batch back that was refused in the middle. */
const republishing: readonly Grant[] = [
  { on: ["meta"], access: "RW", commands: ["type", "exists", "hget", "hgetall", "hset", "hsetnx"] },
  { on: ["stream"], access: "RW", commands: ["xadd", "type", "exists", "xlen", "xdel", "xsetid", "xinfo|stream"] },
  { on: ["replayed"], access: "RW", commands: ["hget", "hmget", "hgetall", "hset", "hincrby"] },
];

/** Keeps the notes about runs that replay a namespace. Their keys lie beside the namespace. */
const noting: Grant = {
  on: ["replayRuns"],
  access: "RW",
  // EVALSHA is named here because these keys lie outside of those that the first rules let a script be called with.
  commands: ["evalsha", "hget", "hgetall", "hset", "hsetnx", "zadd", "zrange"],
};

/** Keeps the runs that wait for a worker. Their keys lie beside the namespace as well. */
const waiting: Grant = { on: ["replayBull"], access: "RW", commands: ["eval", "evalsha", ...queueing] };

const reading: Grant = {
  on: ["any", "meta"],
  access: "R",
  commands: [
    ...["xrange", "xrevrange", "xread", "xlen", "xpending", "xinfo|stream", "xinfo|groups", "xinfo|consumers"],
    ...["get", "hget", "hgetall", "hmget", "hscan", "zrange", "zcard", "zscore", "type", "exists"],
  ],
};

/** Finds an event's replays. Reading a shadow itself takes the right to read that namespace. */
const lookingUpRuns: Grant = { on: ["replayRuns"], access: "R", commands: ["hget", "hgetall", "zrange"] };

const mending: readonly Grant[] = [
  { on: ["stream"], access: "RW", commands: ["xclaim"] },
  { on: ["attempts"], access: "RW", commands: ["hset", "hdel"] },
  { on: ["parked"], access: "RW", commands: ["zadd", "zrem"] },
  { on: ["dead"], access: "RW", commands: ["xdel"] },
  { on: ["replies"], access: "RW", commands: ["hget", "hset", "pexpire"] },
];

/** Removes the groups of a component that will not come back. */
const retiring: readonly Grant[] = [
  { on: ["meta"], access: "RW", commands: ["hdel"] },
  { on: ["stream"], access: "RW", commands: ["xgroup|destroy", "xinfo|consumers"] },
  { on: ["attempts", "parked"], access: "RW", commands: ["del"] },
  { on: ["owner"], access: "RW", commands: ["hdel", "del"] },
  { on: ["beats"], access: "RW", commands: ["del"] },
];

/** Describes a namespace before its components do, retires components, and mends what a producer can spoil. */
const owning: readonly Grant[] = [
  describing,
  {
    on: ["stream"],
    access: "RW",
    commands: ["xadd", "xdel", "xtrim", "xsetid", "xack", "xclaim", "xgroup|setid"],
  },
  { on: ["attempts"], access: "RW", commands: ["hget", "hkeys", "hset", "hdel"] },
  { on: ["parked"], access: "RW", commands: ["zadd", "zrange", "zrem", "zscore"] },
  { on: ["owner"], access: "RW", commands: ["hmget", "hset"] },
  ...retiring,
  { on: ["trimmed"], access: "RW", commands: ["hget", "hset"] },
  { on: ["scratch"], access: "RW", commands: ["xadd", "xdel", "xsetid", "del"] },
];

interface RolePart {
  readonly grants: readonly Grant[];
  /** Commands without a key, beside those of every connection. */
  readonly commands?: readonly string[];
}

const table: Readonly<Record<AclRole, RolePart>> = {
  // INFO gives the server's maxmemory-policy: a server that evicts keys causes duplicates. BullMQ asks INFO for the
  // version.
  producer: { grants: publishing, commands: ["info"] },
  component: { grants: [...consuming, reading, lookingUpRuns], commands: [loading, "info"] },
  source: { grants: bringing, commands: [loading, "info"] },
  replay: { grants: [reading, noting], commands: [loading] },
  observer: { grants: [reading, lookingUpRuns] },
  operator: { grants: [reading, lookingUpRuns, ...mending], commands: [loading] },
  owner: { grants: [reading, ...owning], commands: [loading] },
};

/**
 * The rules of a user who has these roles and no others, in ACL SETUSER's words: everything but name and password.
 * @throws {ConfigError} on a name that could not be one of ours, as its rule might open more than it says, and on a
 * role without the channels that it needs
 */
export function aclRules(roles: readonly AclRole[], scope: AclScope): readonly string[] {
  check(roles, scope);
  const {
    namespace,
    into,
    background = false,
    evicts = false,
    dedupes = false,
    waits = false,
    clustered = false,
  } = scope;
  const parts = roles.map((role) => table[role]);
  const grants = parts.flatMap((part) => part.grants);
  if (evicts && roles.some(isNarrow)) grants.push(...evicting);
  if (clustered && roles.includes("component")) grants.push(...relaying("relay", "relayed"));
  if (clustered && roles.includes("source")) grants.push(...relaying("sourceRelay", "sourceRelayed"));
  if (dedupes && roles.includes("producer")) grants.push(deduping);
  const inBackground = background && roles.includes("replay");
  if (inBackground) grants.push(waiting);
  const selectors = grants.map((grant) => selectorOf(grant, scope));
  const spaces = [namespace];
  if (into !== undefined && roles.includes("replay")) {
    selectors.push(
      ...[...publishing, deduping, ...republishing].map((grant) => selectorOf(grant, { namespace: into })),
    );
    spaces.push(into);
  }
  const commands = new Set([...connecting, ...parts.flatMap((part) => part.commands ?? [])]);
  if (inBackground) commands.add("info"); // BullMQ asks for it
  if (clustered) commands.add("cluster|slots");
  if (waits) commands.add("wait").add("waitaof");
  // A script may be called with the keys of these first rules. What the script then does to them is up to the
  // selectors.
  const keys = spaces.flatMap((space) => [`~{${space}:*}:*`, `~${space}:meta`]);
  return ["reset", "on", "-@all", ...[...commands].map((command) => `+${command}`), ...keys, ...new Set(selectors)];
}

function selectorOf({ on, access, commands }: Grant, scope: AclScope): string {
  const flag = access === "RW" ? "~" : `%${access}~`;
  const keys = on.flatMap((kind) => patternsOf(kind, scope)).map((pattern) => `${flag}${pattern}`);
  return `(${[...commands.map((command) => `+${command}`), ...keys].join(" ")})`;
}

/** Roles that write to channels. */
function isNarrow(role: AclRole): boolean {
  return role === "producer" || role === "component" || role === "source";
}

function patternsOf(
  kind: KeyKind,
  { namespace, channels = ["*"], component = "*", source = "*" }: AclScope,
): readonly string[] {
  const tag = `{${namespace}:*}`;
  const perChannel = (rest: string): readonly string[] => channels.map((channel) => `${tag}:${channel}${rest}`);
  switch (kind) {
    case "meta":
      return [`${namespace}:meta`];
    case "stream":
      return perChannel("");
    case "dead":
    case "attempts":
    case "parked":
      return perChannel(`:${kind}:${component}`);
    case "seen":
      return perChannel(":seen:*");
    case "owner":
    case "settled":
      return [`${tag}:${kind}:${component}`];
    case "beats":
      return [`{${namespace}:members}:${component}`];
    case "anyOwner":
      return [`${tag}:owner:*`];
    case "anyParked":
      return perChannel(":parked:*");
    case "state":
      return [`${tag}:${kind}:${component}:*`];
    case "sourceOwner":
      return [`${tag}:owner:${sliceOfSource(source)}`];
    case "sourceBeats":
      return [`{${namespace}:members}:${sliceOfSource(source)}`];
    case "sourceState":
      return [`${tag}:state:${sliceOfSource(source)}:*`];
    case "batchNumbers":
      return [`${tag}:numbers:p*`];
    case "replies":
      return [`${tag}:numbers:o*`];
    case "relay":
    case "relayed":
      return [`${tag}:${kind}:${component}:*`];
    case "sourceRelay":
      return [`${tag}:relay:${sliceOfSource(source)}:*`];
    case "sourceRelayed":
      return [`${tag}:relayed:${sliceOfSource(source)}:*`];
    case "trimmed":
      return [`${tag}:trimmed`];
    case "maintenanceTurn":
      return [`{${namespace}:0}:maintenance:turn:*`];
    case "scratch":
      return [`${tag}:repair`];
    case "replayed":
      return [`${tag}:replayed:*`];
    case "replayRuns":
      return [`{${namespace}-replays:0}:replays*`];
    case "replayBull":
      return [`{${namespace}-replays:0}:bull:*`];
    case "bull":
      return [`{${namespace}:0}:bull:*`];
    case "any":
      return [`${tag}:*`];
  }
}

function check(roles: readonly AclRole[], { namespace, into, channels = [], component, source }: AclScope): void {
  const narrow = roles.find(isNarrow);
  if (narrow !== undefined && channels.length === 0) {
    throw new ConfigError(
      `the role ${narrow} needs the channels that it is for: without them it could write dead letters and settlement logs as well, ` +
        "whose keys no rule of Redis can tell from a channel's",
    );
  }
  for (const name of [namespace, ...(into === undefined ? [] : [into])]) {
    if (!isNamespace(name)) throw new ConfigError(`"${name}" is no namespace`);
  }
  if (namespace === into) {
    throw new ConfigError(
      `a replay into "${into}" itself would be handled as live: choose another namespace to replay into`,
    );
  }
  for (const name of [...channels, component, source]) {
    if (name !== undefined && !isName(name))
      throw new ConfigError(`"${name}" is no name of a channel, component or source`);
  }
}
