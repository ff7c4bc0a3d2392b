/** One history: members, load and faults of a plan in one thread on virtual time, and what it has violated. */

import { append, keyOf } from "../../src/memory/keyspace.ts";
import { idIn, rowOf } from "../../src/memory/owner.ts";
import { MemoryServer } from "../../src/memory/server.ts";
import { MemoryStore } from "../../src/memory/store.ts";
import { encodeEntry, wireEntry } from "../../src/model/envelope.ts";
import { OwnerComponent } from "../../src/ownership/component.ts";
import { ExclusiveDuty } from "../../src/ownership/exclusive.ts";
import { resolveOwnerOptions } from "../../src/ownership/options.ts";
import type { Slice } from "../../src/ports/own.ts";
import type { Session } from "../../src/ports/slice-store.ts";
import { partitionOf } from "../../src/publish/producer.ts";
import { findWrong } from "./checks.ts";
import { applyFault, type Faulty } from "./faults.ts";
import { Host } from "./host.ts";
import { Network } from "./network.ts";
import { Observer } from "./observer.ts";
import { Outside } from "./outside.ts";
import type { Plan, PlannedEvent } from "./plan.ts";
import { Random } from "./random.ts";
import { SimulatedTimers, silentLog, untraced } from "./stand-ins.ts";
import { component, inputs, subscriptionsOf, Tries } from "./work.ts";
import { beginning, World } from "./world.ts";

export interface Outcome {
  readonly violations: readonly string[];
  readonly steps: number;
  /** What happened, a line each. */
  readonly lines: readonly string[];
}

/** A member, and what it runs. */
export interface Member {
  readonly host: Host;
  readonly component: OwnerComponent;
  readonly duty: ExclusiveDuty | undefined;
  isLeaving: boolean;
}

/** A short history goes on for so long, events. */
const leastSteps = 200;
/** Tells of the rows that a member is shown. */
class WatchedStore extends MemoryStore {
  onLook: (slice: Slice, epoch: number) => void = () => undefined;

  override open(slice: Slice, channels: readonly string[]): Session {
    const session = super.open(slice, channels);
    const look = session.look.bind(session);
    session.look = async (newest) => {
      const looked = await look(newest);
      if (looked.row !== undefined) this.onLook(slice, looked.row.epoch);
      return looked;
    };
    return session;
  }
}

/** After the last fault all must be well again within this time, ms: dead letters of what kills its process need five deaths. */
const healMs = 60_000;

export async function runPlan(plan: Plan): Promise<Outcome> {
  return await new Scenario(plan).run();
}

class Scenario implements Faulty<Member> {
  readonly plan: Plan;
  readonly world = new World();
  readonly random: Random;
  readonly server: MemoryServer;
  readonly network: Network;
  readonly observer: Observer;
  readonly members: Member[] = [];
  /** Ids of events that a fault may have taken with it. */
  readonly lost = new Set<string>();
  serverErrorMs = 0;
  /** Nothing is to go wrong any more. */
  isHealing = false;
  readonly #outside = new Outside();
  readonly #tries = new Tries();
  readonly #planned: ReadonlyMap<string, PlannedEvent>;
  readonly #timers: SimulatedTimers;
  /** Appended, by event id. */
  readonly #published = new Map<string, string>();
  #names = 0;
  /** Partitions that the component has owned. */
  readonly #begun = new Set<number>();
  /** Members that had joined when everything was lost. */
  #namesAtFlush = 0;
  #duties = new Map<string, string>();

  constructor(plan: Plan) {
    this.plan = plan;
    this.random = new Random(plan.seed, "faults");
    const serverNow = (): number => beginning + this.world.now + this.serverErrorMs;
    this.server = new MemoryServer(serverNow, (ms, run) => this.world.after(ms, run));
    const network = { leastMs: 0.1, mostMs: plan.latencyMs };
    this.network = new Network(this.world, new Random(plan.seed, "network"), network);
    this.#planned = new Map(plan.events.map((event) => [event.id, event]));
    const channels = Object.keys(inputs);
    const now = (): number => this.world.now;
    this.observer = new Observer(this.server, component, channels, plan.partitions, this.#planned, now);
    this.observer.onKill((host) => this.kill(host));
    this.#timers = new SimulatedTimers(this.world, new Random(plan.seed, "timers"));
    this.server.watch(() => {
      if (plan.isFromNow) this.#passOver();
      this.observer.look();
    });
  }

  async run(): Promise<Outcome> {
    const { world, plan, observer } = this;
    for (let i = 0; i < plan.members; i++) this.join();
    for (const event of plan.events) world.at(event.at, () => this.#publish(event));
    let last = 0;
    for (const fault of plan.faults) {
      last = Math.max(last, fault.at + Math.abs(fault.kind.endsWith("Clock") ? 0 : fault.ms));
      world.at(fault.at, () => applyFault(this, fault));
    }
    last = Math.max(last, ...plan.events.map(({ at }) => at)) + 600; // with what was cut while it travelled
    await world.run(last, () => observer.violations.length > 0);
    if (observer.violations.length === 0) {
      this.isHealing = true;
      if (this.#living.length === 0) this.join();
      await world.run(
        last + healMs,
        () => observer.violations.length > 0 || (world.steps >= leastSteps && this.#isWell),
      );
      if (observer.violations.length === 0) for (const text of this.#findWrong()) observer.violated(text);
    }
    return { violations: observer.violations, steps: world.steps, lines: observer.lines };
  }

  join(): Member {
    const { plan, world, server, network, observer } = this;
    const name = `m${++this.#names}`;
    const host = new Host(name, world, new Random(plan.seed, name));
    const store = new WatchedStore(server, plan.partitions, () => network.open(host));
    store.onLook = (slice, epoch) => {
      if (slice.component === component) observer.saw(host, slice.partition, epoch);
    };
    const partitionWith = (key: string): number => partitionOf(key, plan.partitions);
    const bench = { host, planned: this.#planned, tries: this.#tries, outside: this.#outside, observer };
    const { takeoverAfterMs, concurrency, maxInFlight } = plan;
    const parts = { member: name, about: "", clock: host, chance: host, log: silentLog, store };
    const options = {
      from: plan.isFromNow ? ("now" as const) : ("start" as const),
      takeoverAfterMs,
      concurrency,
      maxInFlight: Math.max(maxInFlight, concurrency),
      drainTimeoutMs: 1_000,
    };
    const member: Member = {
      host,
      component: new OwnerComponent({
        ...parts,
        name: component,
        subscriptions: subscriptionsOf({ ...bench, partitionOf: partitionWith }),
        options: resolveOwnerOptions(component, options),
        partitions: plan.partitions,
        timers: this.#timers.of(host),
        tracing: untraced,
        onChannel: () => undefined,
        closed: () => undefined,
      }),
      duty: plan.hasDuty
        ? new ExclusiveDuty({ ...parts, name: "duty", takeoverAfterMs }, ({ signal, fence }) =>
            this.#duty(host, signal, fence.token),
          )
        : undefined,
      isLeaving: false,
    };
    observer.say(`join ${name}`);
    this.members.push(member);
    member.component.run().catch(() => observer.say(`${name} ran out of its drain's time`));
    return member;
  }

  leave(member: Member): void {
    if (member.isLeaving || member.host.isDead) return;
    member.isLeaving = true;
    this.observer.say(`leave ${member.host.name}`);
    const gone = (): void => {
      this.observer.say(`left ${member.host.name}`);
      member.host.kill();
      this.network.cut(member.host, true);
    };
    Promise.all([member.component.drain().catch(() => undefined), member.duty?.[Symbol.asyncDispose]()]).then(gone);
  }

  /** Its process ends; another one takes its place a little later, as a supervisor would have it. */
  kill(host: Host): void {
    if (host.isDead) return;
    this.observer.say(`kill ${host.name}`);
    this.observer.kills++;
    host.kill();
    this.network.cut(host, true);
    this.world.after(this.random.between(50, 900), () => void this.join());
  }

  /** Everything is gone. */
  flushed(): void {
    this.hasRewound = true;
    this.#namesAtFlush = this.#names;
    this.#begun.clear();
  }

  /** What is lost with a part of the log. */
  lose(ids: Iterable<string>): void {
    for (const id of ids) this.lost.add(id);
  }

  get #living(): readonly Member[] {
    return this.members.filter(({ host, isLeaving }) => !host.isDead && !isLeaving);
  }

  /** A component that begins now has nothing to do with what is older. */
  #passOver(): void {
    for (let partition = 0; partition < this.plan.partitions; partition++) {
      const row = rowOf(this.server, { component, partition });
      if (this.#begun.has(partition) || row === undefined) continue;
      this.#begun.add(partition);
      // Who has never seen the component before the flush takes it for a new one.
      if (Number(row.owner.slice(1).split("/", 1)[0]) > this.#namesAtFlush) this.observer.begunLate(partition);
    }
  }

  #publish(event: PlannedEvent): void {
    const { server, plan } = this;
    const partition = partitionOf(event.key, plan.partitions);
    if (server.isFull) return; // rejected
    try {
      const stream = server.keys.madeStream(keyOf.stream(partition, event.channel));
      const values = encodeEntry(
        event.id,
        1,
        event.key,
        JSON.stringify({ key: event.key }),
        { traceparent: "", tracestate: "", baggage: "" },
        [],
      );
      this.#published.set(event.id, append(stream, wireEntry(values), server.now()));
      this.observer.say(`publish ${event.channel} ${event.id} ${event.key}`);
      server.changed();
    } catch {
      this.observer.say(`rejected ${event.id}`);
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

  /** Everything is finished, and every partition has an owner that lives. */
  get #isWell(): boolean {
    const living = this.#living;
    const { partitions, hasDuty } = this.plan;
    const owners = Array.from({ length: partitions }, (_, partition) => {
      const owner = rowOf(this.server, { component, partition })?.owner ?? "";
      return living.find(({ host }) => owner.startsWith(`${host.name}/`));
    });
    if (owners.some((owner) => owner === undefined)) return false;
    const fair = Math.ceil(partitions / living.length);
    if (living.some((one) => owners.filter((owner) => owner === one).length > fair)) return false;
    if (hasDuty && !living.some(({ host }) => this.#duties.has(host.name))) return false;
    return this.#unfinished().length === 0;
  }

  #unfinished(): readonly string[] {
    const found: string[] = [];
    for (let partition = 0; partition < this.plan.partitions; partition++) {
      const row = rowOf(this.server, { component, partition });
      for (const channel of Object.keys(inputs)) {
        const stream = this.server.keys.stream(keyOf.stream(partition, channel));
        const group = stream?.groups.get(component);
        const at = row?.positions.get(channel)?.at ?? "0-0";
        const isOpen = (row?.positions.get(channel)?.open.length ?? 0) > 0 || (group?.pending.size ?? 0) > 0;
        const next = stream?.entries.at(-1);
        if (isOpen || (next !== undefined && next.id !== at))
          found.push(
            `${channel} of partition ${partition} at ${at} of ${next?.id}, open ${row?.positions.get(channel)?.open.map(({ id }) => id)}, pending ${[...(group?.pending.keys() ?? [])]}`,
          );
      }
    }
    return found;
  }

  #findWrong(): readonly string[] {
    if (!this.#isWell) {
      const living = this.#living.map(({ host, component: one }) => `${host.name} owns ${one.owned.join(" ")}`);
      return [`it does not end: ${[...this.#unfinished(), ...living].join(", ")}`];
    }
    const { server, observer, plan, lost } = this;
    return findWrong({ server, observer, plan, lost, published: this.#published, idOf: (entry) => idIn(entry.fields) });
  }
}
