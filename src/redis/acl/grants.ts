/** The permissions of each role in Redis: one table. */

import type { KeyKind } from "./key-patterns.ts";
import type { AclRole } from "./scope.ts";

/** Commands that are allowed on these keys, and on no others: a selector of Redis 7. `R` reads, `W` writes. */
export interface Grant {
  readonly on: readonly KeyKind[];
  readonly access: "R" | "W" | "RW";
  readonly commands: readonly string[];
}

/**
 * Commands that every connection of ours sends, whatever its role. A script's own commands each need a permission
 * beside EVALSHA. EVAL and SCRIPT LOAD are left out: a user who has one of them can stop the server with a loop.
 */
export const connecting: readonly string[] = ["select", "ping", "time", "client|setname", "evalsha"];

/** Lets a role load its own scripts, and with them those that producers run: a producer may not load any. */
const loading = "script|load";

/** Reads the namespace's description, to compare it with what is expected. */
const comparing: Grant = { on: ["meta"], access: "R", commands: ["type", "hget", "hmget"] };

/** Reads and writes the namespace's description: also its channels and components. */
const describing: Grant = { on: ["meta"], access: "RW", commands: ["type", "hget", "hmget", "hset", "hsetnx"] };

export const publishing: readonly Grant[] = [
  comparing,
  { on: ["stream"], access: "W", commands: ["xadd", "type", "exists", "xlen"] },
  { on: ["batchNumbers"], access: "RW", commands: ["hget", "hset", "pexpire"] },
];

export const deduping: Grant = { on: ["seen"], access: "RW", commands: ["get", "set", "exists"] };

/** What is evicted is counted by what the components' rows say of it, whichever they are. */
export const evicting: readonly Grant[] = [
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
export function relaying(relay: "relay" | "sourceRelay", relayed: "relayed" | "sourceRelayed"): readonly Grant[] {
  return [
    { on: [relay], access: "RW", commands: ["xadd", "xrange", "xtrim", "xdel", "xsetid", "xinfo|stream", "type"] },
    { on: [relayed], access: "RW", commands: ["hmget", "hset", "zadd", "zscore", "zremrangebyrank", "type"] },
  ];
}

/** Republishes into a namespace. XDEL and XSETID take a batch back that was refused in the middle. */
export const republishing: readonly Grant[] = [
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
export const waiting: Grant = { on: ["replayBull"], access: "RW", commands: ["eval", "evalsha", ...queueing] };

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

export const roleParts: Readonly<Record<AclRole, RolePart>> = {
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
