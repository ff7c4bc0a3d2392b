/** Rules of the protocol left out, and bugs put back, each as an edit of the sources that must apply. */

import type { Mutation } from "./mutation.ts";
import { sourceMutations } from "./sources/mutations.ts";

const owner = "memory/owner.ts";
const row = "memory/row.ts";
const settle = "memory/settle.ts";
const session = "memory/session.ts";
const ownership = "ownership/ownership.ts";
const confirmation = "ownership/confirmation.ts";
const settler = "consume/settler.ts";
const queue = "consume/settlement-queue.ts";
const inFlight = "consume/in-flight.ts";
const relay = "memory/relay.ts";
const mover = "ownership/relay.ts";

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
    faults: [],
    foundBy: 22,
    after: 22,
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
    faults: ["failover"],
    foundBy: 125,
    after: 26,
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
    faults: ["failover"],
    foundBy: 1_453,
    after: 261,
  },
  {
    name: "owner-not-compared",
    what: "scripts compare that somebody owns the slice, and not who",
    of: "▲",
    edits: [{ file: row, find: "row.epoch === claim.epoch && row.owner === claim.owner", replace: 'row.owner !== ""' }],
    faults: [],
    foundBy: 2,
    after: 2,
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
    faults: ["destroyGroup"],
    foundBy: 64,
    after: 6,
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
    faults: ["failover"],
    foundBy: 464,
    after: 88,
  },
  {
    name: "look-without-the-newest-read",
    what: "a look does not ask whether the newest entry that was read is still there",
    of: "▲",
    edits: [
      {
        file: owner,
        find: "isBehind: newest.map(isThere).includes(false)",
        replace: "isBehind: newest.length > 0 && newest.every(() => isThere === undefined)",
      },
    ],
    faults: ["failover"],
    foundBy: 2_384,
    after: 431,
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
    faults: ["full"],
    foundBy: 414,
    after: 60,
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
    faults: ["spoil"],
    foundBy: 5,
    after: 1,
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
    faults: ["spoil"],
    foundBy: 2_731,
    after: 403,
  },
  {
    name: "gone-and-there-again",
    what: "an entry that was gone counts as lost although a failover has brought it back",
    of: "rule",
    edits: [
      {
        file: settle,
        find: "if (isGone && entryOf(stream, entry.entryId) !== undefined) return true;",
        replace: "",
      },
    ],
    faults: ["failover", "remove"],
    foundBy: "kept",
    after: 31_736,
  },
  {
    name: "not-compared-with-the-log",
    what: "entries are settled that a failover has lost",
    of: "▲",
    edits: [
      {
        file: settle,
        find: "return newest !== undefined && isVanished(stream, newest);",
        replace: "return isVanished === undefined;",
      },
    ],
    faults: ["failover", "cut"],
    foundBy: "kept",
    after: 907,
  },
  {
    name: "member-without-epoch-and-token",
    what: "scripts compare the member alone, without its epoch and its token",
    of: "▲",
    edits: [
      {
        file: row,
        find: "row.epoch === claim.epoch && row.owner === claim.owner",
        replace: 'row.owner.split("/", 1)[0] === claim.owner.split("/", 1)[0]',
      },
    ],
    faults: ["full", "cutAll"],
    foundBy: 6_472,
    after: 571,
  },
  {
    name: "gaps-between-looks",
    what: "a watcher goes on counting although it has not looked for long",
    of: "▲",
    edits: [
      {
        file: "ownership/row-watch.ts",
        find: "this.#isNew || sentAt - this.#receivedAt > this.#longestGapMs",
        replace: "this.#isNew && this.#longestGapMs > 0",
      },
    ],
    faults: ["failover", "stop"],
    foundBy: 10_734,
    after: 615,
  },
  {
    name: "goes-on-after-long-silence",
    what: "an owner that was out of touch for long goes on under the claim that it had",
    of: "rule",
    edits: [
      {
        file: ownership,
        find: "(this.#isReleaseDoubtful || !this.mayStart))",
        replace: "this.#isReleaseDoubtful)",
      },
    ],
    faults: ["failover", "unreachable"],
    foundBy: 11_412,
    after: 426,
  },
  {
    name: "goes-on-while-it-leaves",
    what: "a member that leaves starts handlers again when its session was lost in a handover",
    of: "rule",
    edits: [
      {
        file: ownership,
        find: "if (this.#isHandingOver && !this.#isLeaving) tenure.goOn();",
        replace: "if (this.#isHandingOver) tenure.goOn();",
      },
    ],
    faults: ["unreachable", "leave"],
    foundBy: "kept",
    after: 3_986,
  },
  {
    name: "acquired-over-a-lost-session",
    what: "a store's late answer that the slice was taken is believed",
    of: "rule",
    edits: [
      {
        file: ownership,
        find: 'acquired.outcome === "lost" || session !== this.#session) return false;',
        replace: 'acquired.outcome === "lost") return false;',
      },
      {
        file: ownership,
        find: "      if (session !== this.#session) return false;\n      if (isTaken)",
        replace: "      if (isTaken)",
      },
      // Else the history that it spoils ends all the same.
      {
        file: ownership,
        find: "    if (retaken !== undefined && retaken !== this.#tenure) return false;\n",
        replace: "",
      },
    ],
    faults: ["full", "cutAll"],
    foundBy: "kept",
    after: 14_443,
  },
  {
    name: "read-over-a-lost-session",
    what: "what a store has read late is taken after the server was asked what it has",
    of: "rule",
    edits: [
      {
        file: "consume/reader.ts",
        find: "session === this.#session && !this.#isOver && this.#context.hold.isInUse(session)",
        replace: "session === this.#session && !this.#isOver",
      },
    ],
    faults: ["cut", "failover"],
    foundBy: "kept",
    after: 243_589,
  },
  {
    name: "deaf-to-lost-races",
    what: "a member that has lost the race for a slice has not heard of its row",
    of: "rule",
    edits: [
      {
        file: ownership,
        find: 'this.#heardOf(acquired.outcome === "lost" ? acquired.row : acquired);',
        replace: 'this.#heardOf(acquired.outcome === "lost" ? undefined : acquired);',
      },
    ],
    faults: ["flush"],
    foundBy: 70_744,
    after: 2_814,
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
    faults: ["spoil"],
    foundBy: 29,
    after: 8,
  },
  {
    name: "lane-in-two-batches",
    what: "a lane has settlements in several unanswered batches",
    of: "▲",
    edits: [
      {
        file: queue,
        find: "settlement.locks.some((lock) => held.has(lock) || this.#isSent(lock))",
        replace: "settlement.locks.some((lock) => held.has(lock))",
      },
      {
        file: queue,
        find: "if (!locks.some((lock) => this.#isSent(lock) || this.#locks.has(lock))) return false;",
        replace: "if (locks.length >= 0) return false;",
      },
    ],
    faults: ["spoil"],
    foundBy: 54,
    after: 11,
  },
  {
    name: "state-is-no-lane",
    what: "settlements that share state, and not a key, may overtake one another",
    of: "rule",
    edits: [
      {
        file: "consume/attempt.ts",
        find: "if (names.length > 0) this.locks =",
        replace: "if (names.length < 0) this.locks =",
      },
    ],
    faults: ["spoil"],
    foundBy: 739,
    after: 97,
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
    faults: ["wallClock"],
    foundBy: 762,
    after: 22,
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
    faults: [],
    foundBy: 2,
    after: 2,
  },
  {
    name: "beat-not-compared",
    what: "who takes over does not compare the beat that it saw",
    of: "rule",
    edits: [
      {
        file: owner,
        find: "isHeldBy(row, seen) && row.beat === (seen.beat ?? row.beat) &&",
        replace: "isHeldBy(row, seen) &&",
      },
    ],
    faults: ["stop"],
    foundBy: 2_572,
    after: 701,
  },
  {
    name: "no-stall-check",
    what: "handlers start however long ago the ownership was confirmed",
    of: "rule",
    edits: [
      {
        file: confirmation,
        find: "return passedMs <= most && wallPassedMs <= most && Math.abs(wallPassedMs - passedMs) <= this.#takeoverAfterMs / 8;",
        replace: "return passedMs <= most * 1_000 && wallPassedMs <= Number.POSITIVE_INFINITY;",
      },
    ],
    faults: ["suspend"],
    foundBy: 124,
    after: 2,
  },
  {
    name: "stall-check-without-the-wall-clock",
    what: "a host that was suspended goes by its monotonic clock alone",
    of: "rule",
    edits: [
      {
        file: confirmation,
        find: "passedMs <= most && wallPassedMs <= most && Math.abs(wallPassedMs - passedMs) <= this.#takeoverAfterMs / 8;",
        replace: "passedMs <= most && wallPassedMs <= Number.POSITIVE_INFINITY;",
      },
    ],
    faults: ["suspend"],
    foundBy: 124,
    after: 2,
  },
  {
    name: "clocks-that-disagree",
    what: "a host whose wall clock was set back before it was suspended goes by its clocks",
    of: "rule",
    edits: [
      {
        file: confirmation,
        find: " && Math.abs(wallPassedMs - passedMs) <= this.#takeoverAfterMs / 8;",
        replace: ";",
      },
    ],
    faults: ["wallClock", "suspend"],
    foundBy: "kept",
    after: 10_923,
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
    faults: ["cut"],
    foundBy: 22,
    after: 7,
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
    faults: ["spoil"],
    foundBy: 5,
    after: 1,
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
    faults: ["cut"],
    foundBy: 32,
    after: 9,
  },
  {
    name: "gaps-in-numbers",
    what: "a batch is settled although one before it is missing",
    of: "rule",
    edits: [
      { file: settle, find: 'if (number > row.seq + 1) return { outcome: "ahead", seq: row.seq };', replace: "" },
    ],
    faults: ["cut"],
    foundBy: 2_226,
    after: 835,
  },
  {
    name: "released-before-it-is-settled",
    what: "a partition is handed over while settlements are under way",
    of: "rule",
    edits: [
      {
        file: "consume/owned-partition.ts",
        find: "change, () => this.#handling.running === 0 && this.#settler.isIdle",
        replace: "change, () => this.#handling.running === 0",
      },
      {
        file: owner,
        find: "if (!isHeldBy(row, claim) || row.seq !== seq) return false;",
        replace: "if (!isHeldBy(row, claim) || seq < 0) return false;",
      },
    ],
    faults: ["leave"],
    foundBy: 116,
    after: 24,
  },
  {
    name: "released-while-handlers-run",
    what: "a partition is handed over while handlers run",
    of: "rule",
    edits: [
      {
        file: "consume/owned-partition.ts",
        find: "change, () => this.#handling.running === 0 && this.#settler.isIdle",
        replace: "change, () => this.#settler.isIdle",
      },
    ],
    faults: [],
    foundBy: 66,
    after: 66,
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
    faults: [],
    foundBy: 13,
    after: 13,
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
    faults: [],
    foundBy: 104,
    after: 104,
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
    faults: [],
    foundBy: 21,
    after: 21,
  },
  {
    name: "state-built-on-others",
    what: "a handler commits although another one has changed what it had read",
    of: "rule",
    edits: [
      {
        file: "consume/state.ts",
        find: "if (!this.#state.isCurrent(name, cell)) return undefined;",
        replace: 'if (!this.#state.isCurrent(name, cell) && name === "") return undefined;',
      },
    ],
    faults: [],
    foundBy: 13,
    after: 13,
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
    faults: ["serverClock"],
    foundBy: 633,
    after: 21,
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
    faults: ["cut"],
    foundBy: 634,
    after: 253,
  },
  {
    name: "one-solitary-start-is-enough",
    what: "an entry is a dead letter after one solitary start that was killed from outside",
    of: "bug",
    edits: [
      { file: "consume/delivery.ts", find: "export const maxStarts = 3;", replace: "export const maxStarts = 1;" },
    ],
    faults: ["kill"],
    foundBy: 528,
    after: 129,
  },
  {
    name: "crash-loop",
    what: "nothing is suspected: an entry that kills its process does so for ever",
    of: "rule",
    edits: [
      {
        file: "consume/owned-partition.ts",
        find: "const suspectDeaths = 2;",
        replace: "const suspectDeaths = 2_000;",
      },
    ],
    faults: [],
    foundBy: 47,
    after: 47,
  },
  {
    name: "group-made-again-at-the-end",
    what: "a group that is gone is made again at the stream's end, and read from there",
    of: "bug",
    edits: [
      {
        file: owner,
        find: "start = { at: saved.at,",
        replace: "start = { at: group === undefined ? stream.lastId : saved.at,",
      },
    ],
    faults: ["destroyGroup"],
    foundBy: 54,
    after: 5,
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
    faults: ["flush"],
    foundBy: 176,
    after: 8,
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
    faults: ["forbid"],
    foundBy: "kept",
    after: 204,
  },
  {
    name: "handlers-fail-with-the-connection",
    what: "a lost connection fails the handlers that read state, and uses up their attempts",
    of: "bug",
    edits: [
      {
        file: "consume/owned-partition.ts",
        find: "(keys) => this.#ask((session) => session.readState(keys)),",
        replace: "async (keys) => (await this.#session?.readState(keys)) ?? [],",
      },
    ],
    faults: [],
    foundBy: 156,
    after: 156,
  },
  {
    name: "the-answer-of-the-read-before",
    what: "who owns a partition again is given the answer of the read that waited before",
    of: "bug",
    edits: [
      {
        file: session,
        find: "this.#waitFor(cursors, maxPerChannel, blockMs).then(resolve, reject);",
        replace: `const asked = this as { unanswered?: Promise<readonly StoredEntry[]> | undefined };
    const own = this.#waitFor(cursors, maxPerChannel, blockMs);
    (asked.unanswered ?? own).then(resolve, reject);
    asked.unanswered = own;
    const answered = (): void => void (asked.unanswered = asked.unanswered === own ? undefined : asked.unanswered);
    own.then(answered, answered);`,
      },
    ],
    faults: [],
    foundBy: 431,
    after: 431,
  },
  {
    name: "nobody-is-told-that-it-may-start",
    what: "those who wait are told of a confirmation only where the clocks still disagree",
    of: "bug",
    edits: [
      {
        file: ownership,
        find: `    this.#confirmation.add(sent);
    // Always: whether it may start turns with the clocks, too, and of that nobody is told.
    this.#tenure?.confirmed();`,
        replace: `    const couldStart = this.mayStart;
    this.#confirmation.add(sent);
    if (!couldStart) this.#tenure?.confirmed();`,
      },
    ],
    faults: ["wallClock"],
    foundBy: "kept",
    after: 9561,
  },
  {
    name: "a-batch-that-was-given-up-is-written",
    what: "who cuts refused batches anew does not ask whether one was written after all",
    of: "bug",
    edits: [
      {
        file: ownership,
        find: "const seen = { ...this.#claim, seq: tenure.answered };",
        replace: "const seen: any = this.#claim;",
      },
    ],
    faults: ["full"],
    foundBy: "kept",
    after: 26764,
  },
  {
    name: "a-tenure-that-has-ended-is-taken-up",
    what: "who takes a slice again does not ask whether its tenure has ended meanwhile",
    of: "bug",
    edits: [
      {
        file: ownership,
        find: "    if (retaken !== undefined && retaken !== this.#tenure) return false;\n",
        replace: "",
      },
    ],
    faults: ["full"],
    foundBy: "kept",
    after: 774360,
  },
  {
    name: "removed-and-shown-for-ever",
    what: "what waited for a retry and was removed before its new owner had read it again stays in the pending list",
    of: "bug",
    edits: [{ file: owner, find: "    passOver(stream, group, position, attempts);\n", replace: "" }],
    faults: ["remove"],
    foundBy: "kept",
    after: 596081,
  },
  {
    name: "relayed-outputs-not-known",
    what: "the other node does not know an output by its event when it comes again",
    of: "▲",
    edits: [{ file: relay, find: "  if (recent.has(eventIdIn(own))) return undefined;\n", replace: "" }],
    faults: [],
    foundBy: 10_000_003,
    after: 3,
  },
  {
    name: "relay-behind-not-told",
    what: "a node that has gone back does not say that it lacks what was moved",
    of: "rule",
    edits: [
      {
        file: relay,
        find: '  if (compareIds(before.last, after) < 0) return { outcome: "behind", last: before.last };\n',
        replace: "",
      },
    ],
    faults: ["nodeFailover"],
    foundBy: 10_000_004,
    after: 2,
  },
  {
    name: "relay-not-asked-when-quiet",
    what: "a node to which nothing more is moved is not asked whether it has gone back",
    of: "rule",
    edits: [{ file: mover, find: '    lane.check = "later";\n', replace: "    return;\n" }],
    faults: ["nodeFailover"],
    foundBy: 10_000_260,
    after: 74,
  },
  {
    name: "relay-keeps-nothing",
    what: "what was moved is removed at once",
    of: "rule",
    edits: [
      {
        file: relay,
        find: "compareIds(entry.id, floor) >= 0",
        replace: "compareIds(entry.id, id) > 0",
      },
    ],
    faults: ["nodeFailover"],
    foundBy: 10_000_004,
    after: 2,
  },
  {
    name: "relay-passes-over-refused",
    what: "an output that the other node refuses is passed over",
    of: "rule",
    edits: [
      {
        file: relay,
        find: "      reason = refused;\n      break;\n",
        replace: "      last = output.id;\n      count++;\n      continue;\n",
      },
    ],
    faults: ["spoil"],
    foundBy: 10_000_047,
    after: 4,
  },
  {
    name: "outputs-past-the-relay",
    what: "a settlement writes outputs to another node by itself",
    of: "▲",
    edits: [
      {
        file: settle,
        find: "this.#server.relays && to !== partition",
        replace: "false && to !== partition",
      },
    ],
    faults: ["nodeFailover"],
    foundBy: 10_000_004,
    after: 2,
  },
  {
    name: "relay-not-resumed",
    what: "a new owner, or one whose session was lost, does not look at what is left in its relay",
    of: "rule",
    edits: [{ file: mover, find: "    for (const lane of this.#lanes) this.#begin(lane);\n", replace: "" }],
    faults: [],
    foundBy: 10_000_004,
    after: 4,
  },
];

export function findMutation(name: string): Mutation {
  const mutation = [...mutations, ...sourceMutations].find((one) => one.name === name);
  if (mutation === undefined) throw new Error(`there is no mutation "${name}"`);
  return mutation;
}
