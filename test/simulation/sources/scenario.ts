/** One history of a source: members, an outside system and faults of a plan in one thread on virtual time, and what it has violated. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { keyOf } from "../../../src/memory/keyspace.ts";
import { MemoryServer } from "../../../src/memory/server.ts";
import { MemoryStore } from "../../../src/memory/store.ts";
import { type Channel, defineChannel } from "../../../src/model/channel.ts";
import { positionKey, sliceOfSource } from "../../../src/model/source-names.ts";
import { resolveSourceOptions } from "../../../src/sources/options.ts";
import { RunningSource } from "../../../src/sources/running-source.ts";
import { Conditions } from "../conditions.ts";
import { digestOf } from "../digest.ts";
import { Host } from "../host.ts";
import { Network } from "../network.ts";
import { Random } from "../random.ts";
import type { Outcome } from "../scenario.ts";
import { silentLog, untraced } from "../stand-ins.ts";
import { beginning, World } from "../world.ts";
import { Feed, type Message } from "./feed.ts";
import { channelName, SourceObserver, sourceName } from "./observer.ts";
import type { SourceFault, SourcePlan } from "./plan.ts";
import { runOf } from "./work.ts";

interface Member {
  readonly host: Host;
  readonly source: RunningSource<Message>;
  isLeaving: boolean;
}

/** After the last fault all that was said must be in the log within this time, ms: a run that has failed often waits 30 s for the next one. */
const healMs = 120_000;
/** A short history goes on for so long, events. */
const leastSteps = 200;
const trimEveryMs = 150;

/** Takes anything: what is simulated is not the validation. */
const anything: StandardSchemaV1<unknown, Message> = {
  "~standard": { version: 1, vendor: "simulation", validate: (value) => ({ value: value as Message }) },
};

/** `isTold`: with the lines of what happened. */
export async function runSourcePlan(plan: SourcePlan, isTold = false): Promise<Outcome> {
  return await new SourceScenario(plan, isTold).run();
}

class SourceScenario {
  readonly #plan: SourcePlan;
  readonly #world = new World();
  readonly #random: Random;
  readonly #server: MemoryServer;
  readonly #network: Network;
  readonly #conditions: Conditions;
  readonly #observer: SourceObserver;
  readonly #feed: Feed;
  readonly #channel: Channel<Message>;
  readonly #members: Member[] = [];
  #serverErrorMs = 0;
  #names = 0;

  constructor(plan: SourcePlan, isTold: boolean) {
    this.#plan = plan;
    const world = this.#world;
    this.#random = new Random(plan.seed, "source faults");
    const serverNow = (): number => beginning + world.now + this.#serverErrorMs;
    this.#server = new MemoryServer(serverNow, (ms, run) => {
      const timer = world.after(ms, run);
      return () => timer.cancel();
    });
    const network = { leastMs: 0.1, mostMs: plan.latencyMs, lies: plan.lies };
    this.#network = new Network(world, new Random(plan.seed, "source network"), network);
    this.#conditions = new Conditions(world, isTold);
    this.#observer = new SourceObserver(this.#server, plan, this.#conditions);
    this.#feed = new Feed(world, new Random(plan.seed, "feed"), this.#observer.parts);
    this.#channel = defineChannel<Message>({
      name: channelName,
      schema: anything,
      key: ({ key }) => key,
      placement: plan.isPlaced ? "source" : "key",
      ...(plan.cap > 0 && { retention: { hardCap: plan.cap } }),
    });
    this.#server.watch(() => this.#observer.look());
  }

  async run(): Promise<Outcome> {
    const world = this.#world;
    const { members, messages, faults, cap } = this.#plan;
    for (let i = 0; i < members; i++) this.#join();
    for (const { at, part, key } of messages) world.at(at, () => this.#feed.say(part, key));
    if (cap > 0) this.#trim();
    let last = Math.max(0, ...messages.map(({ at }) => at));
    for (const fault of faults) {
      last = Math.max(last, fault.at + Math.abs(fault.kind.endsWith("Clock") ? 0 : fault.ms));
      world.at(fault.at, () => this.#apply(fault));
    }
    const { violations, lines } = this.#conditions;
    const hasFailed = (): boolean => violations.length > 0;
    await world.run(last, hasFailed);
    if (!hasFailed()) {
      if (this.#living.length === 0) this.#join();
      await world.run(last + healMs, () => hasFailed() || (world.steps >= leastSteps && this.#isWell));
      if (!hasFailed() && !this.#isWell) this.#conditions.violated(`it does not end: ${this.#unfinished.join(", ")}`);
    }
    return { violations, steps: world.steps, lines, digest: digestOf(world, this.#server.keys) };
  }

  #trim(): void {
    this.#world.after(trimEveryMs, () => {
      this.#observer.trim();
      this.#trim();
    });
  }

  #join(): void {
    const plan = this.#plan;
    const name = `m${++this.#names}`;
    const host = new Host(name, this.#world, new Random(plan.seed, `source ${name}`));
    const [feed, observer, conditions] = [this.#feed, this.#observer, this.#conditions];
    const options = { takeoverAfterMs: plan.takeoverAfterMs, drainTimeoutMs: 1_000 };
    const source = new RunningSource<Message>({
      name: sourceName,
      channel: this.#channel,
      run: runOf({ host, plan, feed, observer, conditions }),
      options: resolveSourceOptions(sourceName, { ...options, runs: plan.isSingle ? "single" : "perPartition" }),
      member: name,
      about: "",
      partitions: plan.partitions,
      store: new MemoryStore(this.#server, plan.partitions, () => this.#network.open(host)),
      tracing: untraced,
      clock: host,
      chance: host,
      log: silentLog,
      onChannel: () => undefined,
      describe: () => undefined,
      closed: () => undefined,
    });
    conditions.say(() => `join ${name}`);
    this.#members.push({ host, source, isLeaving: false });
  }

  #leave(member: Member): void {
    member.isLeaving = true;
    this.#conditions.say(() => `leave ${member.host.name}`);
    member.source[Symbol.asyncDispose]().then(() => {
      this.#conditions.say(() => `left ${member.host.name}`);
      member.host.kill();
      this.#network.cut(member.host, true);
    });
  }

  /** Its process ends; another one takes its place a little later, as a supervisor would have it. */
  #kill(host: Host): void {
    this.#conditions.say(() => `kill ${host.name}`);
    host.kill();
    this.#network.cut(host, true);
    this.#world.after(this.#random.between(50, 900), () => this.#join());
  }

  get #living(): readonly Member[] {
    return this.#members.filter(({ host, isLeaving }) => !host.isDead && !isLeaving);
  }

  get #unfinished(): readonly string[] {
    const living = this.#living.map(({ host }) => host.name);
    return Array.from({ length: this.#observer.parts }, (_, part) => {
      const owner = this.#observer.ownerOf(part);
      const [position, count] = [this.#observer.positionOf(part), this.#feed.countOf(part)];
      const isOwned = living.includes(owner.split("/", 1)[0] ?? "");
      return position === count && isOwned ? "" : `${part} stands at ${position} of ${count}, owned by "${owner}"`;
    }).filter((text) => text !== "");
  }

  /** All that was said is in the log, all is owned by those that live, and nothing is on its way that may still change it. */
  get #isWell(): boolean {
    return this.#network.unheard === 0 && this.#unfinished.length === 0;
  }

  #apply({ kind, which, ms, backMs }: SourceFault): void {
    const [world, network, conditions, server] = [this.#world, this.#network, this.#conditions, this.#server];
    const living = this.#living;
    const member = living[which % Math.max(1, living.length)];
    const partition = which % this.#plan.partitions;
    conditions.say(() => `fault ${kind} ${ms}`);
    switch (kind) {
      case "join":
        if (living.length < 4) this.#join();
        return;
      case "leave":
        if (member !== undefined) this.#leave(member);
        if (living.length < 3) this.#join();
        return;
      case "kill":
        if (member !== undefined) this.#kill(member.host);
        return;
      case "stop":
      case "suspend":
        member?.host.stop(kind === "suspend");
        world.after(ms, () => member?.host.goOn());
        return;
      case "wallClock":
        if (member !== undefined && !member.host.isStopped) member.host.wallErrorMs += ms;
        return;
      case "cut":
        network.cut(member?.host, which % 2 === 0);
        return;
      case "cutAll":
        network.cut(undefined, which % 2 === 0);
        return;
      case "unreachable":
        if (member === undefined) return;
        network.setReachable(member.host, false);
        world.after(ms, () => network.setReachable(member.host, true));
        return;
      case "still":
        network.stillUntil = world.now + ms;
        return;
      case "hangUp":
        this.#feed.hangUp(which % 3 === 0 ? undefined : which % this.#observer.parts);
        return;
      case "full":
        server.isFull = true;
        world.after(ms, () => {
          server.isFull = false;
        });
        return;
      case "spoil":
        this.#spoil(keyOf.stream(partition, channelName), ms);
        return;
      case "forbid":
        this.#forbid(which % 3 === 0 ? this.#positionKey(which) : keyOf.stream(partition, channelName), ms);
        return;
      case "loseBeats":
        server.keys.delete(keyOf.members(sliceOfSource(sourceName)));
        return;
      case "serverClock":
        this.#serverErrorMs += ms;
        if (ms < 0) conditions.isClockBack = true;
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
    this.#world.after(ms, () => {
      goBack();
      this.#serverErrorMs -= backMs;
      if (backMs > 0) this.#conditions.isClockBack = true;
      this.#conditions.say(() => "failed over");
      this.#network.cut(undefined, false);
    });
  }

  #spoil(key: string, ms: number): void {
    if (this.#conditions.isBlind) return;
    const restore = this.#server.keys.spoil(key);
    this.#conditions.isBlind = true;
    this.#world.after(ms, () => {
      restore();
      this.#conditions.isBlind = false;
    });
  }

  #forbid(key: string, ms: number): void {
    if (this.#conditions.isBlind) return;
    this.#server.keys.forbidden.add(key);
    this.#conditions.isBlind = true;
    this.#world.after(ms, () => {
      this.#server.keys.forbidden.delete(key);
      this.#conditions.isBlind = false;
    });
  }
}
