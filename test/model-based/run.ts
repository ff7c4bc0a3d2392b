/** One run of the model: carries out the steps of a scenario on a real Redis, and compares the result with the model. */

import * as assert from "uvu/assert";
import { type Backbone, connectBackbone } from "../../src/index.ts";
import { resolveRetention } from "../../src/model/retention-policy.ts";
import { Connection } from "../../src/redis/client/connection.ts";
import { Keys } from "../../src/redis/keys.ts";
import { RedisTrimmer } from "../../src/redis/store/trimmer.ts";
import { type LogLine, memoryLog } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { freshNamespace } from "../support/redis.ts";
import { Expected } from "./expected.ts";
import { Look, patienceMs } from "./look.ts";
import { Publisher } from "./publisher.ts";
import { type Relay, startRelay } from "./relay.ts";
import type { Scenario, Setting, Step } from "./steps.ts";
import { Team } from "./team.ts";
import { type Member, work, workerName } from "./work.ts";

/** The events that a run has gone through, so that a test can require each kind to have happened. */
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

/** @param leftovers receives the resources that a crashed member leaves in this process */
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
  readonly #relay: Relay;
  readonly #backbone: Backbone;
  readonly #trimmer: RedisTrimmer;
  readonly #log: LogLine[];
  readonly #expected = new Expected();
  readonly #publisher: Publisher;
  readonly #team: Team;
  readonly #look: Look;
  #redriven = 0;
  #isDisturbed = false;

  private constructor(
    setting: Setting,
    redisUrl: string,
    leftovers: (ending: Promise<void>) => void,
    relay: Relay,
    backbone: Backbone,
    log: LogLine[],
  ) {
    this.#setting = setting;
    this.#relay = relay;
    this.#backbone = backbone;
    this.#log = log;
    const { namespace } = backbone;
    const expected = this.#expected;
    this.#publisher = new Publisher(backbone, expected);
    this.#team = new Team({ setting, redisUrl, namespace, log: memoryLog(log), expected, leftovers });
    this.#look = new Look(backbone, this.#team);
    const connection = new Connection({ url: redisUrl, log: memoryLog([]), silenceMs: 5_000, purpose: "test" });
    this.#trimmer = new RedisTrimmer(connection, new Keys(namespace));
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
        await Promise.all(Array.from({ length: step.count }, () => this.#publisher.publish(step)));
        break;
      case "publishCut": {
        const publishing = this.#publisher.publishPlain(step);
        if (step.isDone) this.#relay.cutAtReply(1);
        else setImmediate(() => this.#relay.cut());
        await publishing;
        break;
      }
      case "publishAll":
        await this.#publisher.publishAll(step.fates, step.isBroken);
        break;
      case "repeat":
        await this.#publisher.repeat(step.back);
        break;
      case "start":
        if (!this.#team.isFull) await this.#team.start();
        break;
      case "drain": {
        const member = this.#team.choose(step.who, ({ isPaused }) => !isPaused);
        if (member === undefined) break;
        this.#disturb();
        await this.#team.drain(member);
        break;
      }
      case "crash": {
        const member = this.#team.mayCrash ? this.#team.choose(step.who) : undefined;
        if (member === undefined) break;
        this.#team.crash(member);
        this.#disturb();
        break;
      }
      case "occupy":
        this.#team.choose(step.who, ({ isPaused, isOccupied }) => !isPaused && !isOccupied)?.occupy();
        break;
      case "free":
        this.#team.choose(step.who, ({ isOccupied }) => isOccupied)?.free();
        break;
      case "pause": {
        const member = this.#team.choose(step.who, ({ isPaused }) => !isPaused);
        if (member === undefined) break;
        member.pause();
        this.#disturb();
        break;
      }
      case "resume":
        this.#team.choose(step.who, ({ isPaused }) => isPaused)?.resume();
        break;
      case "cut": {
        const member = this.#team.choose(step.who, ({ isPaused }) => !isPaused);
        if (member === undefined) break;
        if (step.later === 0) member.relay.cut();
        else member.relay.cutAtReply(step.later);
        this.#disturb();
        break;
      }
      case "trim":
        await this.#trim(step.keep);
        break;
      case "redrive":
        await this.#redrive();
        break;
      case "deliver":
        if (this.#team.isFree)
          await eventually(async () => (await this.#look.standing())?.lagEntries === 0, patienceMs);
        break;
      case "rest":
        await this.#rest();
        break;
    }
  }

  /** Resumes every member, finishes everything, and drains every member. */
  async end(): Promise<void> {
    await this.#rest();
    this.#team.resumeAll();
    await this.#rest();
    await this.#team.drainAll();
    await this.#compare();
  }

  passage(): Passage {
    const { published, trimmed } = this.#expected;
    return {
      events: published.size,
      claims: this.#count("took over from an owner that had fallen silent"),
      fences: this.#count("has lost the partition"),
      retries: this.#count("an attempt failed"),
      dead: this.#count("dead-lettered"),
      redriven: this.#redriven,
      trimmed: trimmed.size,
      crashes: this.#team.crashes,
      ordered: [...published.values()].filter(({ key }) => key !== "").length,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#team.abandon();
    this.#trimmer.close();
    await this.#backbone.close();
    await this.#relay[Symbol.asyncDispose]();
  }

  /** Unfinished work may move to other members from now on: attempts are not counted exactly. */
  #disturb(): void {
    this.#isDisturbed = true;
  }

  async #trim(keep: number): Promise<void> {
    if (!this.#team.hasStarted) return; // without a group the policy alone decides: nothing is held for it
    const retention = resolveRetention(work.name, { maxEntries: keep });
    const stream = { channel: work.name, partition: 0 };
    for (let hasMore = true; hasMore; ) ({ hasMore } = await this.#trimmer.trim(stream, retention, [workerName]));
    const left = new Set((await this.#look.entries()).map(({ n }) => n));
    const finished = await this.#finished();
    for (const event of this.#expected.published.values()) {
      if (left.has(event.n) || this.#expected.trimmed.has(event.n)) continue;
      assert.ok(finished.has(event.n), `event ${event.n} was trimmed before it was finished`);
      this.#expected.trimmed.add(event.n);
    }
  }

  async #finished(): Promise<ReadonlySet<number>> {
    const letters = await this.#look.letters();
    const outputs = await this.#look.outputs();
    return new Set([...outputs.map(({ n }) => n), ...letters.map(({ entryId }) => this.#expected.byEntry(entryId).n)]);
  }

  async #redrive(): Promise<void> {
    if (!this.#team.hasStarted) return;
    const { trimmed, mended } = this.#expected;
    // Mended first: a member may have it before the redrive has answered.
    const letters = (await this.#look.letters()).map(({ entryId }) => this.#expected.byEntry(entryId).n);
    const there = letters.filter((n) => !trimmed.has(n));
    for (const n of there) mended.add(n);
    const report = await this.#backbone.deadLetters({ channel: work.name, component: workerName }).redrive();
    assert.ok(report.redriven >= there.length, `${there.length} letters, ${JSON.stringify(report)}`);
    assert.is(report.gone + report.open + report.undelivered + report.unreadable, 0, JSON.stringify(report));
    this.#redriven += report.redriven;
  }

  /** Waits until nothing is unfinished, and compares. */
  async #rest(): Promise<void> {
    if (this.#team.serving.length === 0) await this.#team.start();
    for (const member of this.#team.serving) member.free();
    await (this.#team.serving[0] as Member).component.whenIdle();
    await this.#compare();
  }

  async #compare(): Promise<void> {
    // Members of a busy process may take each other for dead.
    if (this.#count("took over from an owner that had fallen silent") > 0) this.#disturb();
    this.#expected.compare(await this.#look.findings(), this.#setting, !this.#isDisturbed);
  }

  #count(text: string): number {
    return this.#log.filter((line) => line.text.startsWith(text)).length;
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
