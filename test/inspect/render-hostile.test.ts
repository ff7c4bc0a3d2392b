/** Hostile names, payloads and queries: no text for people contains anything that a terminal would obey, nor an extra line. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { rehearsalText, reportText, requestText, runText } from "../../src/cli/replay-render.ts";
import { toDeadLetter } from "../../src/inspect/dead-letters/dead-letter.ts";
import {
  LetterCounter,
  renderCounts,
  renderLetter,
  renderLine,
} from "../../src/inspect/dead-letters/dead-letter-text.ts";
import { entryJson } from "../../src/inspect/entries/entry-json.ts";
import { renderEntry } from "../../src/inspect/entries/entry-line.ts";
import { toLogEntry } from "../../src/inspect/entries/log-reader.ts";
import type { Standing } from "../../src/inspect/journey/component-progress.ts";
import type { Journey } from "../../src/inspect/journey/journey.ts";
import { renderJourney } from "../../src/inspect/journey/journey-text.ts";
import type { BackboneStatus } from "../../src/inspect/status/status.ts";
import { renderStatus } from "../../src/inspect/status/status-text.ts";
import type { RunRequest } from "../../src/ports/replay-runs.ts";
import { renderReplay } from "../../src/replay/component/captured-text.ts";
import type { ComponentReplay } from "../../src/replay/component/component-replay.ts";
import type { Difference } from "../../src/replay/diff/difference.ts";
import { renderDiff } from "../../src/replay/diff/difference-text.ts";
import type { Summary } from "../../trading/pipeline/summary.ts";
import { printSummary } from "../../trading/pipeline/summary-text.ts";
import { hostileText, unsafeIn } from "../support/hostile.ts";
import { test } from "../support/test.ts";

type Shown = Pick<ComponentReplay, "name" | "component" | "summary" | "state">;

/** All texts for people, over data whose texts all come from `text`. */
function everyText(text: () => string): Readonly<Record<string, string>> {
  const entry = toLogEntry(
    {
      channel: text(),
      entryId: "5-0",
      fields: [
        ...["id", text(), "key", text(), "payload", JSON.stringify({ [text()]: text() })],
        ...["baggage", `user.id=${encodeURIComponent(text().toWellFormed())}`, "causes", text(), "traceparent", text()],
        ...[text(), text()],
      ],
    },
    0,
  );
  const raw = toLogEntry({ channel: text(), entryId: "6-0", fields: ["id", text(), "payload", text()] }, 0);
  const unreadable = toLogEntry({ channel: text(), entryId: "7-0", fields: [text(), text()] }, 0);
  const letters = [entry, unreadable].map(({ fields }) =>
    toDeadLetter(
      {
        channel: text(),
        entryId: "9-0",
        fields: [
          ...fields,
          ...["dead-entry", "5-0", "dead-code", text(), "dead-error", text(), "dead-traceparent", text()],
        ],
      },
      { channel: text(), partition: 0, deadOf: text() },
    ),
  );
  const counter = new LetterCounter();
  for (const letter of letters) counter.add(letter);

  const standings: Standing[] = [
    { component: text(), state: "settled" },
    { component: text(), state: "pending", member: text(), attempt: 1, dueAt: null },
    { component: text(), state: "dead", deadLetterId: "9-0", code: text(), error: text(), attempts: 1, at: 1 },
  ];
  const journey: Journey = {
    query: text(),
    namespace: text(),
    at: 10,
    beginnings: [entry, raw, unreadable].map((one) => ({
      event: entryJson(one),
      asked: true,
      parent: null,
      level: 0,
      sinceParentMs: 0,
      sinceBeginningMs: 0,
      otherCauses: [text()],
      standings,
      copies: [text()],
      replayOf: { run: text(), originalId: text() },
      replays: [{ run: text(), namespace: text(), channel: text(), partition: 0, entryId: "8-0", id: text() }],
      children: [],
    })),
    continuations: [],
    events: 3,
    durationMs: 1,
    leftOut: 1,
    moreMatches: 2,
    complete: false,
  };
  const consumption = { ...counts, channel: text(), position: "1-0", oldestUnfinishedId: "2-0", dropped: true };
  const owner = { member: text(), live: false, epoch: 1, since: 1, wanted: text(), deaths: 2 };
  const relays = [{ to: 1, outputs: 1, exact: true, oldestMs: 2_000, channel: text() }];
  const component = { partition: 0, lastSeenAt: 1, owner, standBy: [text(), text()], channels: [consumption], relays };
  const facts = { host: text(), pid: 1, startedAt: 1 };
  const member = { component: text(), member: text(), lastSeenAt: null, live: false, owned: [], ...facts };
  const channel = { channel: text(), partition: 0, entries: 1, appended: 1, lastEntryId: "1-0", lastAppendAt: 1 };
  const status: BackboneStatus = {
    namespace: text(),
    at: 10,
    partitions: 1,
    outputs: { [text()]: [text()] },
    channels: [
      { ...channel, damage: { isBlocked: true, aheadMs: 1, removedByOthers: 1 }, refusal: text() },
      { ...channel, damage: { isBlocked: false, aheadMs: 1, removedByOthers: 0 }, refusal: null },
    ],
    components: [
      { ...component, component: text(), state: "served" },
      { ...component, component: text(), state: "unserved" },
      { ...component, component: text(), state: "abandoned" },
    ],
    sources: [
      {
        source: text(),
        channel: text(),
        partition: 0,
        owner,
        standBy: [text()],
        position: text(),
        positionAt: 1,
        relays,
      },
    ],
    members: [member],
  };
  const request: RunRequest = {
    run: text(),
    sourceNamespace: text(),
    source: { recording: text(), recordedAt: 1, entries: 1 },
    namespace: text(),
    into: text(),
    channels: [text(), text()],
    partitions: 1,
    where: text(),
    speed: "max",
    skipInvalid: false,
    live: false,
    createdAt: 1,
  };
  const { into: _into, ...rest } = request;
  const ofLog: RunRequest = { ...rest, source: { channels: [text()], from: "-", to: "+" } };
  const place = { eventId: text(), entryId: "1-0", partition: 0 };
  const about = { [text()]: [text()], [`${text()}.id`]: [text()] };
  const difference: Difference = {
    recorded: text(),
    replayed: text(),
    isSame: false,
    channels: { [text()]: { same: 1, changed: 1, missing: 1, added: 1 } },
    events: [
      { kind: "missing", channel: text(), recorded: place, replayed: undefined, causes: [text()], about, fields: [] },
      {
        kind: "changed",
        channel: text(),
        recorded: place,
        replayed: place,
        causes: [],
        about,
        fields: [{ path: text(), recorded: text(), replayed: { [text()]: text() } }],
      },
    ],
    outcomes: [
      {
        component: text(),
        channel: text(),
        eventId: text(),
        recorded: "acked",
        replayed: "deadLettered",
        error: text(),
        about,
      },
    ],
    concerned: about,
    notes: [text()],
  };
  const replay: Shown = {
    name: text(),
    component: text(),
    summary: {
      runId: text(),
      order: "appended",
      calls: 1,
      events: 1,
      outputs: 1,
      effects: 1,
      deadLettered: 1,
      otherOutcomes: 1,
      gaps: { absent: 1, unsettled: 1, unsubscribed: 1 },
    },
    *state() {
      yield { partition: 0, store: text(), key: text(), value: 1 };
    },
  };
  const run = { request, entries: 1, unreadable: 1, error: text(), seenAt: 1 };
  const report = { run: text(), sourceNamespace: text(), namespace: text(), channels: [text()] };
  const quantities = { ordered: 1, executed: 1, rejected: 0, cancelled: 0, open: 0 };
  const appended = { fresh: 1, total: 1, unreadable: 0 };
  const summary: Summary = {
    ok: false,
    breaches: [text(), text()],
    interrupted: false,
    file: {
      path: text(),
      orders: 1,
      known: 1,
      repeated: 0,
      skipped: 1,
      newQuantity: 1,
      skippedLines: [{ line: 1, reason: text() }],
    },
    orders: { count: 1, ...quantities },
    books: { clientOrders: quantities, exchangeOrders: quantities, exchange: quantities },
    entries: {
      ...{ "client-orders": appended, "exchange-orders": appended, "venue-orders": appended },
      ...{ reports: appended, fills: appended, executions: appended },
    },
    cancels: 1,
    deadLetters: 1,
  };
  return {
    summary: printSummary(summary),
    entry: renderEntry(entry, 200),
    rawEntry: renderEntry(raw, 200),
    unreadableEntry: renderEntry(unreadable, 200),
    journey: renderJourney(journey, 200),
    noJourney: renderJourney({ ...journey, events: 0, beginnings: [] }),
    status: renderStatus(status),
    letterLines: letters.map((letter) => renderLine(letter, 200)).join("\n"),
    letters: letters.map((letter) => renderLetter(letter, "redriven")).join("\n"),
    letterCounts: renderCounts(counter.counts),
    diff: renderDiff(difference),
    replayOfComponent: renderReplay(replay as ComponentReplay),
    noReplayOfComponent: renderReplay({ ...replay, summary: undefined } as ComponentReplay),
    request: requestText(request),
    requestOfLog: requestText(ofLog),
    run: runText({ ...run, state: "failed" }),
    report: reportText({
      ...report,
      entries: 1,
      appended: 1,
      unreadable: 1,
      complete: false,
      state: "stopped",
      maxLateMs: 200,
      durationMs: 1,
    }),
    rehearsal: rehearsalText({
      request,
      entries: new Map([[text(), 1]]),
      unreadable: 1,
      named: [],
      firstAt: 1,
      lastAt: 2,
    }),
  };
}

const counts = {
  lagEntries: 1,
  lagExact: true,
  lagMs: 1,
  pending: 1,
  oldestPendingMs: 1,
  parked: 1,
  deadLetters: 1,
  lost: 1,
};

test("text for people escapes the control characters and line feeds of what it shows", () => {
  let plain = 0;
  const harmless = everyText(() => `t${plain++}`);
  fc.assert(
    fc.property(fc.array(hostileText, { minLength: 1, maxLength: 40 }), (texts) => {
      let next = 0;
      // Numbered, because errors of one name are counted together.
      const hostile = everyText(() => `${texts[next % texts.length]}${next++}`);
      for (const [name, text] of Object.entries(hostile)) {
        assert.equal(unsafeIn(text), [], name);
        assert.is(text.split("\n").length, harmless[name]?.split("\n").length, `lines of ${name}:\n${text}`);
      }
    }),
    { numRuns: 150 },
  );
});
