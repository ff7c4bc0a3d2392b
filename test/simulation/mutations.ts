/** Rules of the protocol left out, and bugs put back, each as an edit of the sources that must apply. */

export interface Edit {
  /** Below `src/`. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutation {
  readonly name: string;
  /** The rule that is left out, or the bug that is back. */
  readonly what: string;
  /** Marked ▲ in the design, a rule beside it, or a bug of CHANGELOG.md. */
  readonly of: "▲" | "rule" | "bug";
  readonly edits: readonly Edit[];
  /** The first seed that finds it, of those whose faults concern it. */
  readonly foundBy: number;
  /** The histories of such seeds until then, from seed 1 on. */
  readonly after: number;
}

const owner = "memory/owner.ts";
const settle = "memory/settle.ts";
const session = "memory/session.ts";
const ownership = "ownership/ownership.ts";
const settler = "ownership/settler.ts";
const inFlight = "ownership/in-flight.ts";

export const mutations: readonly Mutation[] = [
  {
    name: "epoch-of-the-row-alone",
    what: "the epoch is the row's + 1, whatever was seen and whatever time it is",
    of: "▲",
    edits: [
      {
        file: owner,
        find: "Math.max((row?.epoch ?? 0) + 1, highestEpoch + 1, server.now())",
        replace: "(row?.epoch ?? 0) + 1",
      },
    ],
    foundBy: 4,
    after: 4,
  },
  {
    name: "epoch-without-the-highest-seen",
    what: "the epoch does not heed the highest that the member ever saw",
    of: "▲",
    edits: [
      {
        file: owner,
        find: "(row?.epoch ?? 0) + 1, highestEpoch + 1, server.now()",
        replace: "(row?.epoch ?? 0) + 1, server.now()",
      },
    ],
    foundBy: 827,
    after: 76,
  },
  {
    name: "epoch-without-the-time",
    what: "the epoch does not heed the server's time",
    of: "▲",
    edits: [
      {
        file: owner,
        find: "(row?.epoch ?? 0) + 1, highestEpoch + 1, server.now()",
        replace: "(row?.epoch ?? 0) + 1, highestEpoch + 1",
      },
    ],
    foundBy: 83,
    after: 9,
  },
  {
    name: "owner-not-compared",
    what: "scripts compare that somebody owns the slice, and not who",
    of: "▲",
    edits: [
      { file: owner, find: "row.epoch === claim.epoch && row.owner === claim.owner", replace: 'row.owner !== ""' },
    ],
    foundBy: 8,
    after: 8,
  },
  {
    name: "pending-list-not-made-again",
    what: "a group that was destroyed is made again without what is parked",
    of: "▲",
    edits: [
      {
        file: owner,
        find: "shownOf(stream, attemptsOf(server, slice, channel), member)",
        replace: "new Map<string, string>([])",
      },
    ],
    foundBy: 260,
    after: 34,
  },
  {
    name: "no-look",
    what: "a new session begins without a look",
    of: "▲",
    edits: [
      {
        file: ownership,
        find: "const isOurs = row !== undefined && row.epoch === this.#claim.epoch && row.owner === this.#claim.owner;",
        replace: "const isOurs = true;",
      },
      { file: ownership, find: "isBehind || row.seq < tenure.answered", replace: "isBehind && row === undefined" },
    ],
    foundBy: 148,
    after: 16,
  },
  {
    name: "look-without-the-newest-read",
    what: "a look does not ask whether the newest entry that was read is still there",
    of: "▲",
    edits: [
      {
        file: owner,
        find: "isBehind: !newest.every(isThere)",
        replace: "isBehind: newest.length > 0 && newest.every(() => isThere === undefined)",
      },
    ],
    foundBy: 6743,
    after: 651,
  },
  {
    name: "number-with-other-content",
    what: "a refused batch is cut anew under the same number, without taking the slice again",
    of: "▲",
    edits: [
      {
        file: settler,
        find: "hold.retake().then((isTaken) => {",
        replace: "Promise.resolve(hold.mayStart || true).then((isTaken) => {",
      },
      {
        file: settler,
        find: "      this.#number = 0;\n      this.#answered = 0;\n",
        replace: "      this.#number = this.#answered;\n",
      },
    ],
    foundBy: 4069,
    after: 443,
  },
  {
    name: "refused-not-named-open",
    what: "what a script refuses inside a batch it does not name in open",
    of: "▲",
    edits: [
      {
        file: settle,
        find: "new Set([...refused, ...refusedBefore].filter(",
        replace: "new Set([...refused, ...refusedBefore].slice(0, 0).filter(",
      },
    ],
    foundBy: 44,
    after: 8,
  },
  {
    name: "refused-once-only",
    what: "what was refused is forgotten by the next batch, which does not know of it yet",
    of: "▲",
    edits: [
      {
        file: settle,
        find: "new Set([...refused, ...refusedBefore].filter(",
        replace: "new Set([...refused, ...refusedBefore.slice(0, 0)].filter(",
      },
    ],
    foundBy: 2843,
    after: 418,
  },
  {
    name: "later-of-a-lane-not-refused",
    what: "what comes later of a refused lane in the same batch is settled",
    of: "▲",
    edits: [
      {
        file: settle,
        find: "settlement.locks.some((lock) => this.#refusedLocks.has(lock))",
        replace: "settlement.locks.length < 0",
      },
    ],
    foundBy: 93,
    after: 16,
  },
  {
    name: "lane-in-two-batches",
    what: "a lane has settlements in several unanswered batches",
    of: "▲",
    edits: [
      {
        file: settler,
        find: "new Set(this.#unanswered.flatMap(({ batch }) => batch.settlements.flatMap(({ locks }) => locks)))",
        replace: "new Set<string>([])",
      },
    ],
    foundBy: 1445,
    after: 210,
  },
  {
    name: "state-is-no-lane",
    what: "settlements that share state, and not a key, may overtake one another",
    of: "rule",
    edits: [
      {
        file: "ownership/attempt.ts",
        find: "collector === undefined ? lanes : [...lanes, ...collector.view.names]",
        replace: "lanes",
      },
    ],
    foundBy: 511,
    after: 83,
  },
  {
    name: "takeover-by-the-wall-clock",
    what: "the watcher's wall clock says how long a row has stood still",
    of: "▲",
    edits: [
      {
        file: ownership,
        find: "const sentAt = clock.now();\n    const { row } = await this.#ask(session, []);\n    this.#watch.saw(row, sentAt, clock.now());",
        replace:
          "const sentAt = clock.wallNow();\n    const { row } = await this.#ask(session, []);\n    this.#watch.saw(row, sentAt, clock.wallNow());",
      },
    ],
    foundBy: 8963,
    after: 433,
  },
  {
    name: "takeover-by-the-members-beats",
    what: "an owner is dead when its member's beats are missing, whatever its row says",
    of: "▲",
    edits: [
      {
        file: ownership,
        find: "} else if (this.#watch.unchangedMs >= takeoverAfterMs) {",
        replace: "} else if (this.#watch.unchangedMs >= takeoverAfterMs || shouldOwn()) {",
      },
    ],
    foundBy: 12,
    after: 12,
  },
  {
    name: "beat-not-compared",
    what: "who takes over does not compare the beat that it saw",
    of: "rule",
    edits: [
      {
        file: owner,
        find: "isHeldBy(row, seen) && (seen.beat === undefined || seen.beat === row.beat)",
        replace: "isHeldBy(row, seen)",
      },
    ],
    foundBy: 2141,
    after: 176,
  },
  {
    name: "no-stall-check",
    what: "handlers start however long ago the ownership was confirmed",
    of: "rule",
    edits: [
      {
        file: ownership,
        find: "return clock.now() - this.#confirmedAt.now <= most && clock.wallNow() - this.#confirmedAt.wallNow <= most;",
        replace: "return clock.now() - this.#confirmedAt.now <= most * 1_000;",
      },
    ],
    foundBy: 17,
    after: 3,
  },
  {
    name: "stall-check-without-the-wall-clock",
    what: "a host that was suspended goes by its monotonic clock alone",
    of: "rule",
    edits: [{ file: ownership, find: " && clock.wallNow() - this.#confirmedAt.wallNow <= most;", replace: ";" }],
    foundBy: 342,
    after: 15,
  },
  {
    name: "named-in-the-row-and-waits",
    what: "a member that finds itself named in a row without the token waits until it is dead",
    of: "▲",
    edits: [
      {
        file: ownership,
        find: "if (owner === member) await this.#take(session, row, false);\n    else if",
        replace: "if",
      },
    ],
    foundBy: 35,
    after: 12,
  },
  {
    name: "refused-for-ever",
    what: "the row is not told that an entry is settled that it names as refused",
    of: "rule",
    edits: [
      {
        file: settler,
        find: "for (const delivery of submission.deliveries) delivery.isNoted = true; // the row names it as refused",
        replace: "",
      },
    ],
    foundBy: 44,
    after: 8,
  },
  {
    name: "no-numbers",
    what: "a batch is settled as often as it is sent",
    of: "rule",
    edits: [
      {
        file: settle,
        find: "if (number <= row.seq) return this.#replyAgain(row);",
        replace: "",
      },
    ],
    foundBy: 39,
    after: 15,
  },
  {
    name: "gaps-in-numbers",
    what: "a batch is settled although one before it is missing",
    of: "rule",
    edits: [
      { file: settle, find: 'if (number > row.seq + 1) return { outcome: "ahead", seq: row.seq };', replace: "" },
    ],
    foundBy: 1770,
    after: 380,
  },
  {
    name: "released-before-it-is-settled",
    what: "a partition is handed over while settlements are under way",
    of: "rule",
    edits: [
      {
        file: "ownership/owned-partition.ts",
        find: "this.#handling.running === 0 && this.#settler.isIdle",
        replace: "this.#handling.running === 0",
      },
      {
        file: owner,
        find: "if (!isHeldBy(row, claim) || row.seq !== seq) return false;",
        replace: "if (!isHeldBy(row, claim) || seq < 0) return false;",
      },
    ],
    foundBy: 75,
    after: 12,
  },
  {
    name: "released-while-handlers-run",
    what: "a partition is handed over while handlers run",
    of: "rule",
    edits: [
      {
        file: "ownership/owned-partition.ts",
        find: "this.#handling.running === 0 && this.#settler.isIdle",
        replace: "this.#settler.isIdle",
      },
    ],
    foundBy: 43,
    after: 43,
  },
  {
    name: "open-forgotten",
    what: "a new owner begins at the position, without what is open",
    of: "rule",
    edits: [
      {
        file: inFlight,
        find: "for (const [i, entryId] of start.open.entries())",
        replace: "for (const [i, entryId] of start.open.slice(0, 0).entries())",
      },
    ],
    foundBy: 12,
    after: 12,
  },
  {
    name: "reads-before-open",
    what: "a new owner reads on while it does not know yet which keys are open",
    of: "rule",
    edits: [
      {
        file: inFlight,
        find: "this.#awayCount < maxAway && !this.#away.has(undefined)",
        replace: "this.#awayCount < maxAway",
      },
    ],
    foundBy: 12,
    after: 12,
  },
  {
    name: "overtakes-what-was-let-go",
    what: "what is read may overtake what was let go of its key",
    of: "rule",
    edits: [
      {
        file: inFlight,
        find: 'this.#blocked.has(laneOf(delivery)) || (lane !== "" && this.#away.has(lane))',
        replace: 'this.#blocked.has(laneOf(delivery)) && lane !== ""',
      },
    ],
    foundBy: 22,
    after: 22,
  },
  {
    name: "state-built-on-others",
    what: "a handler commits although another one has changed what it had read",
    of: "rule",
    edits: [
      {
        file: "ownership/state.ts",
        find: "if (!this.#state.isCurrent(name, cell)) return undefined;",
        replace: 'if (!this.#state.isCurrent(name, cell) && name === "") return undefined;',
      },
    ],
    foundBy: 12,
    after: 12,
  },
  {
    name: "retries-wait-for-the-clock",
    what: "retries come an hour late when the server's clock was set back",
    of: "bug",
    edits: [
      {
        file: session,
        find: "(dueAt <= now || dueAt > now + longestDelayMs)",
        replace: "dueAt <= now + 0 * longestDelayMs",
      },
    ],
    foundBy: 105,
    after: 6,
  },
  {
    name: "counts-an-attempt-twice",
    what: "an attempt that is counted again because its reply was lost counts twice",
    of: "bug",
    edits: [
      {
        file: settle,
        find: "known.attempt >= attempt ? known : { ...known, attempt, starts: known.starts + 1 }",
        replace: "{ ...known, attempt: known.attempt + 1, starts: known.starts + 1 }",
      },
    ],
    foundBy: 441,
    after: 171,
  },
  {
    name: "one-solitary-start-is-enough",
    what: "an entry is a dead letter after one solitary start that was killed from outside",
    of: "bug",
    edits: [
      { file: "ownership/delivery.ts", find: "export const maxStarts = 3;", replace: "export const maxStarts = 1;" },
    ],
    foundBy: 171,
    after: 60,
  },
  {
    name: "crash-loop",
    what: "nothing is suspected: an entry that kills its process does so for ever",
    of: "rule",
    edits: [
      {
        file: "ownership/owned-partition.ts",
        find: "const suspectDeaths = 2;",
        replace: "const suspectDeaths = 2_000;",
      },
    ],
    foundBy: 12,
    after: 12,
  },
  {
    name: "group-made-again-at-the-end",
    what: "a group that is gone is made again at the stream's end, and read from there",
    of: "bug",
    edits: [
      {
        file: owner,
        find: "start = { ...saved, open,",
        replace: "start = { ...saved, ...(group === undefined ? { at: stream.lastId } : {}), open,",
      },
    ],
    foundBy: 104,
    after: 12,
  },
  {
    name: "passes-over-after-a-flush",
    what: "a component with from: now passes over what came after everything was gone",
    of: "bug",
    edits: [
      {
        file: ownership,
        find: 'const begin = this.#isKnown ? "0" : this.#context.begin;',
        replace: "const begin = this.#context.begin;",
      },
    ],
    foundBy: 343,
    after: 20,
  },
  {
    name: "dead-letters-again-and-again",
    what: "a dead letter is written before it is known whether the entry may be acknowledged",
    of: "bug",
    edits: [
      {
        file: settle,
        find: 'if (positions.some(({ channel }) => this.#hasGoneBack(channel))) return { outcome: "regressed" };',
        replace: `try {
      if (positions.some(({ channel }) => this.#hasGoneBack(channel))) return { outcome: "regressed" };
    } catch (refusal) {
      for (const { kind, entries } of settlements)
        if (kind === "buried")
          for (const { channel, entryId } of entries)
            append(this.#server.keys.madeStream(keyOf.dead(this.#slice.partition, channel, this.#slice.component)), ["dead-entry", entryId], this.#server.now());
      throw refusal;
    }`,
      },
    ],
    foundBy: 2562,
    after: 117,
  },
  {
    name: "handlers-fail-with-the-connection",
    what: "a lost connection fails the handlers that read state, and uses up their attempts",
    of: "bug",
    edits: [
      {
        file: "ownership/owned-partition.ts",
        find: "(keys) => this.#ask((session) => session.readState(keys)),",
        replace: "async (keys) => (await this.#session?.readState(keys)) ?? [],",
      },
    ],
    foundBy: 471,
    after: 471,
  },
];

export function findMutation(name: string): Mutation {
  const mutation = mutations.find((one) => one.name === name);
  if (mutation === undefined) throw new Error(`there is no mutation "${name}"`);
  return mutation;
}

/** The file's source with the mutation. @throws where an edit does not apply */
export function applied({ name, edits }: Mutation, file: string, source: string): string {
  let mutated = source;
  for (const edit of edits) {
    if (edit.file !== file) continue;
    const parts = mutated.split(edit.find);
    if (parts.length !== 2)
      throw new Error(`mutation "${name}" does not apply: ${file} has its text ${parts.length - 1} times, not once`);
    mutated = parts.join(edit.replace);
  }
  return mutated;
}
