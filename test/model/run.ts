/** One run of the model: carries out the steps of a scenario on a real Redis, and compares what is there with what must be. */

import * as assert from "uvu/assert";
import { type Backbone, connectBackbone, type EventRef, item, PayloadError } from "../../src/index.ts";
import { Connection } from "../../src/redis/connections.ts";
import { Keys } from "../../src/redis/keys.ts";
import { RedisTrimmer } from "../../src/redis/trimmer.ts";
import { resolveRetention } from "../../src/retention/policy.ts";
import { type LogLine, memoryLog } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { freshNamespace } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { Expected, type Findings, type Published } from "./expected.ts";
import { type Relay, startRelay } from "./relay.ts";
import type { Fate, Scenario, Setting, Step } from "./steps.ts";
import { done, Member, plainWork, tallyName, type Work, work, workerName } from "./work.ts";

/** What a run has gone through, so that nobody takes for tested what never happened. */
export interface Passage {
  readonly events: number;
  readonly claims: number;
  readonly fences: number;
  readonly retries: number;
  readonly dead: number;
  readonly redriven: number;
  readonly trimmed: number;
  readonly crashes: number;
  /** Events whose order was compared. */
  readonly ordered: number;
}

/** What has not come about by then never will, ms: a busy disk may hold Redis up for ten seconds. */
const patienceMs = 60_000;
const maxMembers = 3;
/** Fewer than what makes an entry suspect of killing its process. */
const maxCrashes = 2;

/** @param leftovers takes what a crashed member leaves behind in this process */
export async function runScenario(
  { setting, steps }: Scenario,
  redisUrl: string,
  leftovers: (ending: Promise<void>) => void,
): Promise<Passage> {
  await using run = await Run.begin(setting, redisUrl, leftovers);
  for (let i = 0; i < setting.members; i++) await within("start", run.take({ kind: "start" }));
  for (const step of steps) await within(step.kind, run.take(step));
  await within("the end", run.end());
  return run.passage();
}

class Run implements AsyncDisposable {
  readonly #setting: Setting;
  readonly #redisUrl: string;
  readonly #leftovers: (ending: Promise<void>) => void;
  readonly #relay: Relay;
  readonly #backbone: Backbone;
  readonly #trimmer: RedisTrimmer;
  readonly #log: LogLine[];
  readonly #expected = new Expected();
  readonly #members: Member[] = [];
  #next = 1;
  /** Events that were published with an id of their own. */
  readonly #repeatable: number[] = [];
  #started = 0;
  #crashes = 0;
  #redriven = 0;
  #isDisturbed = false;
  /** A member is away, or was a moment ago: what is published now may be delivered to it, and come late to another. */
  #mayStray = false;
  #seenClaims = 0;
  /** Events that were finished at an earlier comparison. */
  readonly #compared = new Set<number>();

  private constructor(
    setting: Setting,
    redisUrl: string,
    leftovers: (ending: Promise<void>) => void,
    relay: Relay,
    backbone: Backbone,
    log: LogLine[],
  ) {
    this.#setting = setting;
    this.#redisUrl = redisUrl;
    this.#leftovers = leftovers;
    this.#relay = relay;
    this.#backbone = backbone;
    this.#log = log;
    const connection = new Connection({ url: redisUrl, log: memoryLog([]), silenceMs: 5_000, purpose: "test" });
    this.#trimmer = new RedisTrimmer(connection, new Keys(backbone.namespace));
  }

  static async begin(setting: Setting, redisUrl: string, leftovers: (ending: Promise<void>) => void): Promise<Run> {
    const log: LogLine[] = [];
    const relay = await startRelay(redisUrl);
    const backbone = await connectBackbone({ url: relay.url, namespace: freshNamespace(), log: memoryLog(log) });
    return new Run(setting, redisUrl, leftovers, relay, backbone, log);
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "publish":
        await Promise.all(Array.from({ length: step.count }, () => this.#publish(this.#newWork(step))));
        break;
      case "publishCut": {
        const publishing = this.#publishPlain(this.#newWork(step));
        if (step.isDone) this.#relay.cutAtReply(1);
        else setImmediate(() => this.#relay.cut());
        await publishing;
        break;
      }
      case "publishAll":
        await this.#publishAll(step.fates, step.isBroken);
        break;
      case "repeat":
        await this.#repeat(step.back);
        break;
      case "start":
        if (this.#members.length < maxMembers) await this.#start();
        break;
      case "drain": {
        const member = this.#choose(step.who, ({ isPaused }) => !isPaused);
        if (member === undefined) break;
        await this.#disturb();
        this.#members.splice(this.#members.indexOf(member), 1);
        await member.drain();
        break;
      }
      case "crash": {
        const member = this.#crashes < maxCrashes ? this.#choose(step.who) : undefined;
        if (member === undefined) break;
        this.#crashes++;
        this.#members.splice(this.#members.indexOf(member), 1);
        this.#leftovers(member.crash());
        await this.#disturb();
        break;
      }
      case "occupy":
        this.#choose(step.who, ({ isPaused, isOccupied }) => !isPaused && !isOccupied)?.occupy();
        break;
      case "free":
        this.#choose(step.who, ({ isOccupied }) => isOccupied)?.free();
        break;
      case "pause": {
        const member = this.#choose(step.who, ({ isPaused }) => !isPaused);
        if (member === undefined) break;
        member.pause();
        await this.#disturb();
        break;
      }
      case "resume":
        this.#choose(step.who, ({ isPaused }) => isPaused)?.resume();
        break;
      case "cut": {
        const member = this.#choose(step.who, ({ isPaused }) => !isPaused);
        if (member === undefined) break;
        if (step.later === 0) member.relay.cut();
        else member.relay.cutAtReply(step.later);
        await this.#disturb();
        break;
      }
      case "trim":
        await this.#trim(step.keep);
        break;
      case "redrive":
        await this.#redrive();
        break;
      case "deliver":
        if (this.#serving.length > 0)
          await eventually(async () => (await this.#standing())?.lagEntries === 0, patienceMs);
        break;
      case "rest":
        await this.#rest();
        break;
    }
  }

  /** Everybody comes back, everything is finished, and everybody leaves in good order. */
  async end(): Promise<void> {
    await this.#rest();
    for (const member of this.#members) member.resume();
    await this.#rest();
    for (const member of this.#members.splice(0)) await member.drain();
    await this.#compare();
  }

  passage(): Passage {
    const { published, trimmed, strayed } = this.#expected;
    return {
      events: published.size,
      claims: this.#count("took over from a silent member"),
      fences: this.#count("fenced:"),
      retries: this.#count("an attempt failed"),
      dead: this.#count("dead-lettered"),
      redriven: this.#redriven,
      trimmed: trimmed.size,
      crashes: this.#crashes,
      ordered: [...published.values()].filter(({ n, key }) => key !== "" && !strayed.has(n)).length,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.#members) this.#leftovers(member.crash());
    this.#trimmer.close();
    await this.#backbone.close();
    await this.#relay[Symbol.asyncDispose]();
  }

  /** Members that do their work. */
  get #serving(): readonly Member[] {
    return this.#members.filter(({ isPaused }) => !isPaused);
  }

  #choose(who: number, fits: (member: Member) => boolean = () => true): Member | undefined {
    const fitting = this.#members.filter(fits);
    return fitting[who % Math.max(1, fitting.length)];
  }

  async #start(): Promise<void> {
    const name = `m${++this.#started}`;
    const { namespace } = this.#backbone;
    const { mended, strayed } = this.#expected;
    // What conflicts with another member's work is handled again behind what its lane has begun meanwhile.
    const repeats = (n: number): unknown => this.#started > 1 && strayed.add(n);
    const witness = { mended, repeats };
    this.#members.push(
      await Member.start(name, this.#redisUrl, namespace, this.#setting, memoryLog(this.#log), witness),
    );
  }

  #newWork({ fate, key }: Pick<Work, "fate" | "key">): Work {
    return { n: this.#next++, key, fate };
  }

  async #publish(event: Work): Promise<void> {
    const { entryId } = await this.#backbone.publish(work, event, { eventId: `e-${event.n}` });
    this.#repeatable.push(event.n);
    this.#add({ ...event, entryId });
  }

  async #publishPlain(event: Work): Promise<void> {
    const { entryId } = await this.#backbone.publish(plainWork, event);
    this.#add({ ...event, entryId });
  }

  async #publishAll(fates: readonly Fate[], isBroken: boolean): Promise<void> {
    const events = fates.map((fate) => this.#newWork({ fate, key: "a" }));
    const items = events.map((event) => item(work, event, { eventId: `e-${event.n}` }));
    if (isBroken) {
      const broken = item(work, { n: 0.5, key: "a", fate: "well" });
      await rejects(this.#backbone.publishAll([...items, broken]), PayloadError);
      return;
    }
    const refs = await this.#backbone.publishAll(items);
    for (const [i, event] of events.entries()) {
      this.#add({ ...event, entryId: (refs[i] as EventRef).entryId });
    }
  }

  #add(event: Published): void {
    this.#expected.add(event);
    if (this.#mayStray) this.#expected.strayed.add(event.n);
  }

  async #repeat(back: number): Promise<void> {
    const event = this.#expected.published.get(this.#repeatable.at(-1 - back) ?? 0);
    if (event === undefined) return;
    const { n, key, fate } = event;
    const { entryId } = await this.#backbone.publish(work, { n, key, fate }, { eventId: `e-${n}` });
    assert.is(entryId, event.entryId, `event ${n}, published again, is the same entry`);
  }

  /** What is unfinished now may pass through other hands. */
  async #disturb(): Promise<void> {
    this.#isDisturbed = true;
    this.#mayStray = true;
    const finished = new Set((await this.#outputs()).map(({ n }) => n));
    for (const { n } of this.#expected.published.values()) {
      if (!finished.has(n)) this.#expected.strayed.add(n);
    }
  }

  async #trim(keep: number): Promise<void> {
    if (this.#started === 0) return; // without a group the policy alone decides: nothing is held for it
    const retention = resolveRetention(work.name, { maxEntries: keep });
    const stream = { channel: work.name, partition: 0 };
    for (let hasMore = true; hasMore; ) ({ hasMore } = await this.#trimmer.trim(stream, retention, [workerName]));
    const left = new Set((await this.#entries()).map(({ n }) => n));
    const finished = await this.#finished();
    for (const event of this.#expected.published.values()) {
      if (left.has(event.n) || this.#expected.trimmed.has(event.n)) continue;
      assert.ok(finished.has(event.n), `event ${event.n} was trimmed before it was finished`);
      this.#expected.trimmed.add(event.n);
    }
  }

  async #finished(): Promise<ReadonlySet<number>> {
    const letters = await this.#letters();
    const outputs = await this.#outputs();
    return new Set([...outputs.map(({ n }) => n), ...letters.map(({ entryId }) => this.#expected.byEntry(entryId).n)]);
  }

  async #redrive(): Promise<void> {
    if (this.#started === 0) return;
    const { trimmed, mended } = this.#expected;
    // Mended first: a member may have it before the redrive has answered.
    const letters = (await this.#letters()).map(({ entryId }) => this.#expected.byEntry(entryId).n);
    const there = letters.filter((n) => !trimmed.has(n));
    for (const n of there) mended.add(n);
    const report = await this.#backbone.deadLetters({ channel: work.name, component: workerName }).redrive();
    assert.ok(report.redriven >= there.length, `${there.length} letters, ${JSON.stringify(report)}`);
    assert.is(report.gone + report.open + report.undelivered + report.unreadable, 0, JSON.stringify(report));
    this.#redriven += report.redriven;
  }

  /** Waits until nothing is unfinished, and compares. */
  async #rest(): Promise<void> {
    if (this.#serving.length === 0) await this.#start();
    for (const member of this.#serving) member.free();
    await (this.#serving[0] as Member).component.whenIdle();
    await this.#compare();
  }

  async #compare(): Promise<void> {
    // Members of a busy process may take each other for dead.
    const claims = this.#count("took over from a silent member");
    const { published, strayed } = this.#expected;
    if (claims > this.#seenClaims) {
      this.#isDisturbed = true;
      for (const n of published.keys()) if (!this.#compared.has(n)) strayed.add(n);
    }
    this.#seenClaims = claims;
    this.#expected.compare(await this.#look(), this.#setting, !this.#isDisturbed);
    for (const n of published.keys()) this.#compared.add(n);
    this.#mayStray = this.#members.some(({ isPaused, relay }) => isPaused || relay.isAboutToCut);
  }

  #count(text: string): number {
    return this.#log.filter((line) => line.text.startsWith(text)).length;
  }

  async #look(): Promise<Findings> {
    const keys = ["", "a", "b"];
    const view = this.#backbone.view<{ count: number; sum: number }>(workerName, tallyName);
    const [entries, outputs, letters, standing, ...tallies] = await Promise.all([
      this.#entries(),
      this.#outputs(),
      this.#letters(),
      eventually(() => this.#standing(), patienceMs), // the component is described a moment after it has joined
      ...keys.map((key) => view.get(key)),
    ]);
    return { entries, outputs, letters, standing, tallies: new Map(keys.map((key, i) => [key, tallies[i]])) };
  }

  async #entries(): Promise<Findings["entries"]> {
    return await this.#payloads<Work, Findings["entries"][number]>(work.name, ({ n }, entryId) => ({ entryId, n }));
  }

  async #outputs(): Promise<Findings["outputs"]> {
    return await this.#payloads<Findings["outputs"][number], Findings["outputs"][number]>(done.name, (one) => one);
  }

  async #payloads<P, T>(channel: string, take: (payload: P, entryId: string) => T): Promise<readonly T[]> {
    const taken: T[] = [];
    for await (const { entryId, envelope } of this.#backbone.read(channel)) {
      taken.push(take(JSON.parse(envelope?.payload ?? "null") as P, entryId));
    }
    return taken;
  }

  async #letters(): Promise<Findings["letters"]> {
    if (this.#started === 0) return [];
    const letters: Findings["letters"][number][] = [];
    const dead = this.#backbone.deadLetters({ channel: work.name, component: workerName });
    for await (const { entryId, attempts } of dead.list()) letters.push({ entryId, attempts });
    return letters;
  }

  async #standing(): Promise<Findings["standing"] | undefined> {
    const { components } = await this.#backbone.status();
    const worker = components.find(({ component }) => component === workerName);
    const found = worker?.channels.find(({ channel }) => channel === work.name);
    if (found === undefined) return undefined;
    const { lagEntries, pending, parked, deadLetters, lost } = found;
    return { lagEntries, pending, parked, deadLetters, lost };
  }
}

async function within<T>(what: string, step: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} did not end within ${patienceMs} ms`)), patienceMs);
  try {
    return await Promise.race([step, promise]);
  } finally {
    clearTimeout(timer);
  }
}
