/** One history: members, load and faults of a plan in one thread on virtual time, and what it has violated. */

import { append, keyOf } from "../../src/memory/keyspace.ts";
import { rowOf } from "../../src/memory/row.ts";
import { compareIds } from "../../src/model/entry-ids.ts";
import { encodeEntry, wireEntry } from "../../src/model/envelope.ts";
import { eventIdIn } from "../../src/model/stored-entry.ts";
import { component, follower, inputs, outputs, partitionOf } from "./channels.ts";
import { findWrong } from "./checks.ts";
import type { Watched } from "./effects.ts";
import { applyFault, type Faulty } from "./faults.ts";
import type { Host } from "./host.ts";
import { type Member, memberOn } from "./member.ts";
import { Observer } from "./observer.ts";
import { Outside } from "./outside.ts";
import type { Fault, Plan, PlannedEvent } from "./plan.ts";
import { isFinished, isShared, unfinishedOf } from "./progress.ts";
import { type Outcome, Stage } from "./stage.ts";
import { noCarrier, SimulatedTimers } from "./stand-ins.ts";
import { Tries } from "./work.ts";

const watched: Watched = { name: component, inputs: Object.keys(inputs), outputs: Object.keys(outputs) };
const watchedFollower: Watched = { name: follower, inputs: [inputs.parking.name, outputs.sound.name], outputs: [] };
/** `isTold`: with the lines of what happened. */
export async function runPlan(plan: Plan, isTold = false): Promise<Outcome> {
  return await new Scenario(plan, isTold).run();
}

class Scenario extends Stage<Member, Fault> implements Faulty<Member> {
  readonly plan: Plan;
  /** Dead letters of what kills its process need five deaths. */
  protected readonly healMs = 60_000;
  readonly observer: Observer;
  readonly #following: Observer | undefined;
  /** Ids of events that a fault may have taken with it. */
  readonly lost = new Set<string>();
  readonly #outside = new Outside();
  readonly #tries = new Tries();
  readonly #planned: ReadonlyMap<string, PlannedEvent>;
  readonly #timers: SimulatedTimers;
  readonly #followerTimers: SimulatedTimers;
  /** Appended, by event id. */
  readonly #published = new Map<string, string>();
  /** Partitions that the component has owned. */
  readonly #begun = new Set<number>();
  #duties = new Map<string, string>();

  constructor(plan: Plan, isTold: boolean) {
    super(plan, "", isTold);
    this.plan = plan;
    this.#planned = new Map(plan.events.map((event) => [event.id, event]));
    const { server, conditions } = this;
    const { partitions, takeoverAfterMs } = plan;
    const parts = { server, partitions, takeoverAfterMs, conditions };
    this.observer = new Observer({ ...parts, watched, planned: this.#planned });
    const noEffect = { get: () => ({ effect: "none" }) as PlannedEvent };
    this.#following = plan.hasFollower
      ? new Observer({ ...parts, watched: watchedFollower, planned: noEffect })
      : undefined;
    this.observer.onKill((host) => this.kill(host));
    this.#timers = new SimulatedTimers(this.world, this.chance("timers"));
    this.#followerTimers = new SimulatedTimers(this.world, this.chance("follower's timers"));
    server.watch(() => {
      if (plan.isFromNow) this.#passOver();
      this.observer.look();
      this.#following?.look();
    });
  }

  async run(): Promise<Outcome> {
    const { plan, world } = this;
    for (let i = 0; i < plan.members; i++) this.join();
    for (const event of plan.events) world.at(event.at, () => this.#publish(event));
    return await this.play(plan.faults, Math.max(...plan.events.map(({ at }) => at)));
  }

  apply(fault: Fault): void {
    applyFault(this, fault);
  }

  /** Among many members something is repeated at nearly every moment: the end, with nothing on its way, would hardly ever come. */
  protected override heal(lastAt: number): void {
    this.world.at(lastAt + this.healMs / 2, () => this.network.endRepeating());
  }

  protected get hasFailed(): boolean {
    this.observer.lookAtBeats();
    this.#following?.lookAtBeats();
    return this.conditions.violations.length > 0;
  }

  join(): Member {
    const { plan, server, network, observer } = this;
    const host = this.newHost();
    const member = memberOn(host, {
      plan,
      server,
      network,
      observer,
      following: this.#following,
      planned: this.#planned,
      tries: this.#tries,
      outside: this.#outside,
      timers: this.#timers,
      followerTimers: this.#followerTimers,
      duty: (signal, token) => this.#duty(host, signal, token),
    });
    observer.say(() => `join ${host.name}`);
    this.members.push(member);
    for (const one of [member.component, member.follower])
      one?.run().catch((error: unknown) => {
        observer.say(() => `${host.name} ends: ${String(error)}`);
        // What the store refuses when it begins ends it: a supervisor starts another one.
        if (!member.isLeaving) this.kill(host);
      });
    return member;
  }

  protected drain(member: Member): Promise<unknown> {
    const drained = [member.component, member.follower].map((one) => one?.drain().catch(() => undefined));
    return Promise.all([...drained, member.duty?.[Symbol.asyncDispose]()]);
  }

  override kill(host: Host): void {
    if (!host.isDead) this.observer.kills++;
    super.kill(host);
  }

  rewind(goBack: () => void): void {
    const { observer } = this;
    const following = this.#following;
    observer.rewind(following === undefined ? goBack : () => following.rewind(goBack));
    for (const partition of this.#begun)
      if (rowOf(this.server, { component, partition }) === undefined) this.#begun.delete(partition);
  }

  /** Everything is gone. */
  flushed(): void {
    this.hasRewound = true;
  }

  /** What is lost with a part of the log. */
  lose(ids: Iterable<string>): void {
    for (const id of ids) this.lost.add(id);
  }

  findAgain(ids: Iterable<string>): void {
    for (const id of ids) this.lost.delete(id);
  }

  remove(ids: Iterable<string>): void {
    for (const id of ids) {
      this.lost.add(id);
      this.conditions.removed.add(id);
    }
  }

  restore(ids: Iterable<string>): void {
    for (const id of ids) if (this.conditions.removed.delete(id)) this.lost.delete(id);
  }

  /** A component that begins now has nothing to do with what is older. */
  #passOver(): void {
    for (let partition = 0; partition < this.plan.partitions; partition++) {
      const row = rowOf(this.server, { component, partition });
      if (this.#begun.has(partition) || row === undefined) continue;
      this.#begun.add(partition);
      // Who has heard of the component goes on with it after everything was lost; anybody else takes it for a new one.
      if (this.observer.isStranger(row.owner)) this.observer.begunLate(partition);
    }
  }

  #publish(event: PlannedEvent): void {
    const { server, plan } = this;
    const partition = partitionOf(event.key, plan.partitions);
    if (server.isFull) return; // rejected
    try {
      const stream = server.keys.madeStream(keyOf.stream(partition, event.channel));
      const json = JSON.stringify({ key: event.key });
      const values = encodeEntry(event.id, 1, event.key, json, noCarrier, []);
      const id = append(stream, wireEntry(values), server.now());
      this.#published.set(event.id, id);
      // Nobody can tell it from what was finished: its stream was deleted, and the server's clock is behind.
      const isPassed = (name: string): boolean => {
        const position = rowOf(server, { component: name, partition })?.positions.get(event.channel);
        return position !== undefined && compareIds(id, position.at) <= 0;
      };
      if (isPassed(component)) this.observer.passOver(event.id);
      if (isPassed(follower)) this.#following?.passOver(event.id);
      server.changed();
    } catch {
      this.observer.say(() => `rejected ${event.id}`);
    }
  }

  async #duty(host: Host, signal: AbortSignal, token: string): Promise<void> {
    const row = rowOf(this.server, { component: "exclusive/duty", partition: 0 });
    if (!this.hasRewound && row !== undefined && row.owner !== `${host.name}/${token}`)
      this.observer.violated(`${host.name} begins the duty, and "${row.owner}" owns it`);
    this.#duties.set(host.name, token);
    while (!signal.aborted) await host.wait(50);
    if (this.#duties.get(host.name) === token) this.#duties.delete(host.name);
  }

  hasRewound = false;

  /** Everything is finished, every partition has an owner that lives, and nothing is on its way that may still change it. */
  protected get isWell(): boolean {
    if (this.network.unheard > 0) return false;
    const { partitions, hasDuty } = this.plan;
    for (const one of this.#watched) if (!isFinished(this.server, one, partitions)) return false;
    const living = this.living.map(({ host }) => host.name);
    for (const one of this.#watched) if (!isShared(this.server, one, partitions, living)) return false;
    if (this.plan.relays === true && !this.#isMoved) return false;
    return !hasDuty || living.some((name) => this.#duties.has(name));
  }

  /** Every output is where it is to be. */
  get #isMoved(): boolean {
    const { effects } = this.observer;
    effects.count();
    return [...effects.onTheWay()].length === 0;
  }

  get #watched(): readonly Watched[] {
    return this.#following === undefined ? [watched] : [watched, watchedFollower];
  }

  protected findWrong(): readonly string[] {
    if (!this.isWell) {
      const living = this.living.map(({ host, component: one }) => `${host.name} owns ${one.owned.join(" ")}`);
      const unfinished = this.#watched.flatMap((one) => unfinishedOf(this.server, one, this.plan.partitions));
      const onTheWay = [...this.observer.effects.onTheWay()];
      if (onTheWay.length > 0) unfinished.push(`outputs of ${onTheWay.join(" ")} in relays`);
      return [`it does not end: ${[...unfinished, ...living].join(", ")}`];
    }
    const { server, observer, plan, lost } = this;
    return findWrong({
      server,
      observer,
      plan,
      lost,
      published: this.#published,
      idOf: (entry) => eventIdIn(entry.fields),
    });
  }
}
