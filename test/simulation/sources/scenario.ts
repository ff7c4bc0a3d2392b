/** One history of a source: members, an outside system and faults of a plan in one thread on virtual time, and what it has violated. */

import { keyOf } from "../../../src/memory/keyspace.ts";
import { MemoryStore } from "../../../src/memory/store.ts";
import { type Channel, defineChannel } from "../../../src/model/channel.ts";
import { positionKey, sliceOfSource } from "../../../src/model/source-names.ts";
import { resolveSourceOptions } from "../../../src/sources/options.ts";
import { RunningSource } from "../../../src/sources/running-source.ts";
import { anything } from "../channels.ts";
import { applyCommonFault, forbid, spoil } from "../common-faults.ts";
import { Random } from "../random.ts";
import { type Outcome, Stage, type StageMember } from "../stage.ts";
import { silentLog, untraced } from "../stand-ins.ts";
import { Feed, type Message } from "./feed.ts";
import { channelName, SourceObserver, sourceName } from "./observer.ts";
import type { SourceFault, SourcePlan } from "./plan.ts";
import { runOf } from "./work.ts";

interface Member extends StageMember {
  readonly source: RunningSource<Message>;
}

const trimEveryMs = 150;

/** `isTold`: with the lines of what happened. */
export async function runSourcePlan(plan: SourcePlan, isTold = false): Promise<Outcome> {
  return await new SourceScenario(plan, isTold).run();
}

class SourceScenario extends Stage<Member, SourceFault> {
  readonly #plan: SourcePlan;
  /** A run that has failed often waits 30 s for the next one. */
  protected readonly healMs = 120_000;
  readonly #observer: SourceObserver;
  readonly #feed: Feed;
  readonly #channel: Channel<Message>;

  constructor(plan: SourcePlan, isTold: boolean) {
    super(plan, "source ", isTold);
    this.#plan = plan;
    this.#observer = new SourceObserver(this.server, plan, this.conditions);
    this.#feed = new Feed(this.world, new Random(plan.seed, "feed"), this.#observer.parts);
    this.#channel = defineChannel<Message>({
      name: channelName,
      schema: anything<Message>(),
      key: ({ key }) => key,
      placement: plan.isPlaced ? "source" : "key",
      ...(plan.cap > 0 && { retention: { hardCap: plan.cap } }),
    });
    this.server.watch(() => this.#observer.look());
  }

  async run(): Promise<Outcome> {
    const { members, messages, faults, cap } = this.#plan;
    for (let i = 0; i < members; i++) this.join();
    for (const { at, part, key } of messages) this.world.at(at, () => this.#feed.say(part, key));
    if (cap > 0) this.#trim();
    return await this.play(faults, Math.max(0, ...messages.map(({ at }) => at)));
  }

  protected get hasFailed(): boolean {
    return this.conditions.violations.length > 0;
  }

  #trim(): void {
    this.world.after(trimEveryMs, () => {
      this.#observer.trim();
      this.#trim();
    });
  }

  join(): Member {
    const plan = this.#plan;
    const host = this.newHost();
    const { conditions } = this;
    const [feed, observer] = [this.#feed, this.#observer];
    const options = { takeoverAfterMs: plan.takeoverAfterMs, drainTimeoutMs: 1_000 };
    const source = new RunningSource<Message>({
      name: sourceName,
      channel: this.#channel,
      run: runOf({ host, plan, feed, observer, conditions }),
      options: resolveSourceOptions(sourceName, { ...options, runs: plan.isSingle ? "single" : "perPartition" }),
      member: host.name,
      about: "",
      partitions: plan.partitions,
      store: new MemoryStore(this.server, plan.partitions, () => this.network.open(host)),
      tracing: untraced,
      clock: host,
      chance: host,
      log: silentLog,
      onChannel: () => undefined,
      describe: () => undefined,
      closed: () => undefined,
    });
    conditions.say(() => `join ${host.name}`);
    const member = { host, source, isLeaving: false };
    this.members.push(member);
    return member;
  }

  protected drain({ source }: Member): Promise<unknown> {
    return source[Symbol.asyncDispose]();
  }

  get #unfinished(): readonly string[] {
    const living = this.living.map(({ host }) => host.name);
    return Array.from({ length: this.#observer.parts }, (_, part) => {
      const owner = this.#observer.ownerOf(part);
      const [position, count] = [this.#observer.positionOf(part), this.#feed.countOf(part)];
      const isOwned = living.includes(owner.split("/", 1)[0] ?? "");
      return position === count && isOwned ? "" : `${part} stands at ${position} of ${count}, owned by "${owner}"`;
    }).filter((text) => text !== "");
  }

  protected get isWell(): boolean {
    return this.network.unheard === 0 && this.#unfinished.length === 0;
  }

  protected findWrong(): readonly string[] {
    return this.isWell ? [] : [`it does not end: ${this.#unfinished.join(", ")}`];
  }

  apply(fault: SourceFault): void {
    if (applyCommonFault(this, fault)) return;
    const { kind, which, ms, backMs } = fault;
    const partition = which % this.#plan.partitions;
    switch (kind) {
      case "hangUp":
        this.#feed.hangUp(which % 3 === 0 ? undefined : which % this.#observer.parts);
        return;
      case "spoil":
        spoil(this, keyOf.stream(partition, channelName), ms);
        return;
      case "forbid":
        forbid(this, which % 3 === 0 ? this.#positionKey(which) : keyOf.stream(partition, channelName), ms);
        return;
      case "loseBeats":
        this.server.keys.delete(keyOf.members(sliceOfSource(sourceName)));
        return;
      case "failover":
        this.#failOver(ms, backMs);
        return;
    }
  }

  #positionKey(which: number): string {
    return keyOf.state(which % this.#observer.parts, sliceOfSource(sourceName), positionKey.store);
  }

  /** A replica that has not received the last writes takes over. */
  #failOver(ms: number, backMs: number): void {
    const goBack = this.#observer.snapshot();
    this.world.after(ms, () => {
      goBack();
      this.conditions.say(() => "failed over");
      this.failedOver(backMs);
    });
  }
}
