/** The catalogue of faults: the promised result of each, and the tests that show it. `docs/reference/guarantees.md` has the same table. */

/** A test file, and a part of the names of those of its tests that belong to the row. */
export interface RowTest {
  readonly file: string;
  readonly part: string;
}

export interface Row {
  readonly fault: string;
  readonly outcome: string;
  readonly tests: readonly RowTest[];
}

const at = (file: string, ...parts: readonly string[]): readonly RowTest[] =>
  parts.map((part) => ({ file: `test/${file}.test.ts`, part }));

export const rows: readonly Row[] = [
  {
    fault: "reply lost, or connection cut before it, after append and after settle",
    outcome: "one entry, one effect",
    tests: at(
      "faults/connections",
      'when the reply to "append"',
      'when the reply to "settle"',
      'when the reply to "acknowledge"',
      'when the reply to "renew"',
    ),
  },
  {
    fault: "reply lost on a read",
    outcome: "read again: reading changes nothing on the server",
    tests: [
      ...at("faults/connections", 'when the reply to "read"'),
      ...at("faults/failover", "reads again what a lost reply had brought"),
      ...at(
        "consume/reading",
        "reads again what a lost reply to a read had brought",
        "believed alive after we had given it up",
      ),
    ],
  },
  {
    fault: "kill -9 of a member before, in, after the handler, between settlement and reply",
    outcome: "taken over; outputs and state once, the order of each key kept",
    tests: at("faults/members", "killed before", "killed in", "killed after", "killed between"),
  },
  {
    fault: "SIGSTOP of an owner beyond `takeoverAfterMs`, then SIGCONT",
    outcome: "its late settlement is fenced",
    tests: [
      ...at("faults/members", "fences an owner that was stopped"),
      ...at("consume/members", "fences an owner that was stopped"),
    ],
  },
  {
    fault: "members join and leave under load",
    outcome: "partitions move; one owner each, one handler run an event, the order of each key kept",
    tests: at("consume/members", "members share the partitions", "keeps an owner while its handler is slow"),
  },
  {
    fault: "owner's row deleted, edited, or of another type",
    outcome: "made again from the group; never two owners; refused and said until it is mended",
    tests: at("consume/members", "an owner's row that is deleted", "a row of another type is refused"),
  },
  {
    fault: "somebody reads or acknowledges in the component's group",
    outcome: "told by name and undone; nothing is lost by it",
    tests: at("consume/members", "somebody who reads or acknowledges"),
  },
  {
    fault: "the venue of the trading pipeline killed, restarted, cut off in mid-report",
    outcome: "it has all that it acknowledged; no order and no report is lost or applied twice",
    tests: [
      ...at("faults/venue", "kill -9 of the venue"),
      ...at("trading/venue/process", "killed under load"),
      ...at("consumers/order-sender/request-session", "sends again what was not confirmed"),
    ],
  },
  {
    fault: "kill -9 of the Order Sender between the venue's confirmation and the settlement",
    outcome: "the next owner sends the same order, which the venue knows",
    tests: at("faults/venue", "kill -9 of the Order Sender"),
  },
  {
    fault: "an owner of a venue's session is stopped, taken over, and wakes",
    outcome: "the venue ends its session, and refuses its fence",
    tests: [
      ...at("faults/venue", "SIGSTOP of an owner"),
      ...at("trading/venue/session", "the session of a newer fence"),
    ],
  },
  {
    fault: "a venue repeats, leaves out, invents, contradicts, garbles, or comes from another time",
    outcome: "left out, asked for again, or a dead letter that names the order; the rest is applied",
    tests: at(
      "consumers/order-sender/report-run",
      "reports that are repeated",
      "what a venue invents",
      "a venue with another journal",
    ),
  },
  {
    fault: "an entry that kills its process",
    outcome: "a dead letter after the limit; the others go on",
    tests: at("consume/members", "dead-letters an entry that kills its process"),
  },
  {
    fault: "kill -9 of Redis, `everysec`",
    outcome: "nothing acknowledged is lost, unless an fsync stalls",
    tests: at("faults/redis-killed", "loses nothing acknowledged when Redis is killed"),
  },
  {
    fault: "append-only file cut at random places",
    outcome: "a consistent prefix: never an acknowledgement without its output",
    tests: at("faults/redis-killed", "wherever its log is cut"),
  },
  {
    fault: "Redis stopped for 30 s, `CLIENT PAUSE`",
    outcome: "bounded waits, then it goes on; nothing twice",
    tests: at("faults/redis-killed", "waits for a Redis that stands still"),
  },
  {
    fault: "`CLIENT KILL` every 100 ms",
    outcome: "progress, no loss, order kept",
    tests: at("faults/connections", "killed every 100 ms"),
  },
  {
    fault: "traffic swallowed without a reset",
    outcome: "the watchdog cuts the connection; no hang",
    tests: at("faults/connections", "fallen silent without a reset"),
  },
  {
    fault: "a step of a connection's handshake cut, refused, left unanswered",
    outcome: "a lost connection; nothing is sent on it, nothing comes into another database",
    tests: at(
      "redis/client/handshake",
      "sends nothing before its handshake is complete",
      "writes nothing into another database",
    ),
  },
  {
    fault: "the primary is demoted under its clients, or a client connects to a replica",
    outcome: "both say that it is a replica, and wait until it is the primary",
    tests: at("faults/demoted", "waits for a replica to be promoted", "says that a demoted primary is a replica"),
  },
  {
    fault: "replica promoted without the last writes",
    outcome: "these are lost, and that is said; stream, groups, state, outputs agree",
    tests: at("faults/failover", "agrees with itself after a failover"),
  },
  {
    fault: "`maxmemory` reached, and every process started again",
    outcome: "they start; maintenance frees, also what a dead member had kept; then all goes on",
    tests: at("faults/full-restart", "starts where memory is full", "finishes what a dead member had in hand"),
  },
  {
    fault: "`maxmemory` reached",
    outcome: "publishes and settlements with effects refused clean, acknowledgements alone work; recovers",
    tests: at("faults/redis-killed", "while memory is full, and recovers", "acknowledges entries without effects"),
  },
  {
    fault: "disk full",
    outcome: "refused, said; no acknowledgement without its output",
    tests: at("faults/disk-full", "while the disk is full"),
  },
  {
    fault: "output or dead-letter key of a wrong type",
    outcome: "the entry stays pending; an alarm; the others go on",
    tests: at("faults/refused", "key of their outputs has a wrong type", "key of the dead letters has a wrong type"),
  },
  {
    fault: "permission withdrawn",
    outcome: "the same",
    tests: at("faults/refused", "is withdrawn"),
  },
  {
    fault: "`FLUSHALL`, `DEL`, `XGROUP DESTROY`",
    outcome: "an alarm; groups made again where they stood; readers survive",
    tests: at(
      "faults/gone",
      "one member is destroyed",
      "two members is destroyed",
      "stream is deleted",
      "everything is flushed",
    ),
  },
  {
    fault: "`SCRIPT FLUSH`",
    outcome: "scripts are loaded again, order kept",
    tests: at("faults/connections", "reloads its scripts"),
  },
  {
    fault: "the server's clock an hour back, and forth",
    outcome: "ids rise; retries in time; nobody is taken for dead who lives",
    tests: at("faults/clock", "an hour back and forth"),
  },
  {
    fault: "a slow component, retries, and heavy trimming",
    outcome: "nothing unfinished is trimmed",
    tests: at("faults/trimming", "trims nothing that a slow component has not finished"),
  },
  {
    fault: "a TLS certificate that is wrong or expired",
    outcome: "refused",
    tests: at("redis/client/tls", "unknown, expired, or another host's"),
  },
  {
    fault: "strangers at the gateway's or health's port: resets, half-closes, idle and broken requests",
    outcome: "cut or refused, few at a time, in seconds; the process lives, serves others, drains",
    tests: at(
      "producers/order-manager/hostile-clients",
      "refused and reset their connection",
      "drains although clients are in the middle of a request",
    ),
  },
  {
    fault: "10 MB, depth 100,000, `__proto__`, 1 MB of baggage, invalid UTF-8, a traceparent of rubbish",
    outcome: "rejected or a dead letter, or handled without what is rubbish; the process lives",
    tests: at(
      "faults/hostile",
      "rejects or buries what is hostile",
      "refuses to publish payloads that it would not handle",
    ),
  },
  {
    fault:
      "kill -9 of a process with a source: when it has taken its partition, read its position, before an append, between it and its reply",
    outcome: "taken over; what the outside numbers comes in once, in its order",
    tests: at(
      "faults/sources",
      "killed when it has taken",
      "killed when it reads",
      "killed before its append",
      "killed between an append",
    ),
  },
  {
    fault: "SIGSTOP of a source's owner beyond `takeoverAfterMs`, then SIGCONT",
    outcome: "its late appends are fenced, and the outside refuses its fence",
    tests: at("faults/sources", "fences a source's owner"),
  },
  {
    fault: "a source's outside system hangs up, its Redis is cut, killed or full, its processes are replaced",
    outcome: "it goes on from its position; each thing once",
    tests: at(
      "faults/sources",
      "connections to the outside and to Redis break",
      "Redis is killed and comes back",
      "although Redis is away",
    ),
  },
  {
    fault: "Collector absent, hanging, restarting",
    outcome: "no effect on the pipeline; spans of a restart arrive",
    tests: at("telemetry/collector", "Collector"),
  },
  {
    fault: "SIGTERM under load, all components deployed anew",
    outcome: "nothing lost, nothing twice, exit code 0 in time",
    tests: [
      ...at("faults/deploy", "every component is replaced under load"),
      ...at("faults/members", "drains members that are replaced"),
    ],
  },
];

/** The table of `docs/reference/guarantees.md`, a line each. */
export function tableOf(all: readonly Row[]): readonly string[] {
  return all.map(({ fault, outcome, tests }) => {
    const files = [...new Set(tests.map(({ file }) => file))];
    const links = files.map((file) => `[${file.replace(/^test\/|\.test\.ts$/g, "")}](../../${file})`);
    return `| ${fault} | ${outcome} | ${links.join(", ")} |`;
  });
}
