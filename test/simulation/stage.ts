/** Where a history plays: true time, a server, connections, and members on their hosts, which come, leave and are killed. */

import { MemoryServer } from "../../src/memory/server.ts";
import { Conditions } from "./conditions.ts";
import { digestOf } from "./digest.ts";
import { endOf, type Lie, type PlannedFault } from "./fault-plan.ts";
import { Host } from "./host.ts";
import { Network } from "./network.ts";
import { Random } from "./random.ts";
import { beginning, World } from "./world.ts";

export interface Outcome {
  readonly violations: readonly string[];
  readonly steps: number;
  /** What happened, a line each. */
  readonly lines: readonly string[];
  /** The same for the same history. */
  readonly digest: string;
}

export interface StageMember {
  readonly host: Host;
  isLeaving: boolean;
}

/** What a plan says of any members. */
export interface StagePlan {
  readonly seed: number;
  readonly members: number;
  readonly latencyMs: number;
  readonly lies: readonly Lie[];
  readonly relays?: boolean;
}

/** A short history goes on for so long, events. */
const leastSteps = 200;

export abstract class Stage<M extends StageMember, F extends PlannedFault<string>> {
  readonly world: World = new World();
  /** Of the faults. */
  readonly random: Random;
  readonly server: MemoryServer;
  readonly network: Network;
  readonly conditions: Conditions;
  readonly members: M[] = [];
  /** How far the server's clock is ahead, ms. */
  serverErrorMs = 0;
  readonly #seed: number;
  readonly #chanceOf: string;
  #names = 0;

  /** `chanceOf`: what stands before the names of its sequences of chance. */
  constructor({ seed, latencyMs, lies, relays }: StagePlan, chanceOf: string, isTold: boolean) {
    const { world } = this;
    this.#seed = seed;
    this.#chanceOf = chanceOf;
    this.random = this.chance("faults");
    this.server = new MemoryServer(
      () => beginning + world.now + this.serverErrorMs,
      (ms, run) => {
        const timer = world.after(ms, run);
        return () => timer.cancel();
      },
      relays === true,
    );
    this.network = new Network(world, this.chance("network"), { leastMs: 0.1, mostMs: latencyMs, lies });
    this.conditions = new Conditions(world, isTold);
  }

  /** Another member begins. */
  abstract join(): M;
  abstract apply(fault: F): void;
  /** What a member does before it goes in good order. */
  protected abstract drain(member: M): Promise<unknown>;
  /** After the last fault all must be well again within this time, ms. */
  protected abstract readonly healMs: number;
  /** Asked after each step. */
  protected abstract get hasFailed(): boolean;
  /** Nothing is left to be done, and nothing is on its way that may still change it. */
  protected abstract get isWell(): boolean;
  /** Faults have ended. */
  protected heal?(lastAt: number): void;
  /** What is wrong at the end, a sentence each. */
  protected abstract findWrong(): readonly string[];

  protected chance(of: string): Random {
    return new Random(this.#seed, `${this.#chanceOf}${of}`);
  }

  protected newHost(): Host {
    const name = `m${++this.#names}`;
    return new Host(name, this.world, this.chance(name));
  }

  get living(): readonly M[] {
    return this.members.filter(({ host, isLeaving }) => !host.isDead && !isLeaving);
  }

  leave(member: M): void {
    const { host } = member;
    if (member.isLeaving || host.isDead) return;
    member.isLeaving = true;
    this.conditions.say(() => `leave ${host.name}`);
    this.drain(member).then(() => {
      this.conditions.say(() => `left ${host.name}`);
      host.kill();
      this.network.cut(host, true);
    });
  }

  /** Its process ends; another one takes its place a little later, as a supervisor would have it. */
  kill(host: Host): void {
    if (host.isDead) return;
    this.conditions.say(() => `kill ${host.name}`);
    host.kill();
    this.network.cut(host, true);
    this.world.after(this.random.between(50, 900), () => void this.join());
  }

  /** The server is another one now, whose clock may be behind. */
  failedOver(backMs: number): void {
    this.serverErrorMs -= backMs;
    if (backMs > 0) this.conditions.isClockBack = true;
    this.network.cut(undefined, false);
  }

  /** Lets the faults happen, and then all that heals. `loadEndsAt`: when all is there that is to be done. */
  protected async play(faults: readonly F[], loadEndsAt: number): Promise<Outcome> {
    const { world, conditions } = this;
    for (const fault of faults) world.at(fault.at, () => this.apply(fault));
    const lastAt = Math.max(0, loadEndsAt, ...faults.map(endOf));
    await world.run(lastAt, () => this.hasFailed);
    if (!this.hasFailed) {
      if (this.living.length === 0) this.join();
      this.heal?.(lastAt);
      await world.run(lastAt + this.healMs, () => this.hasFailed || (world.steps >= leastSteps && this.isWell));
      if (conditions.violations.length === 0) for (const text of this.findWrong()) conditions.violated(text);
    }
    const { violations, lines } = conditions;
    return { violations, steps: world.steps, lines, digest: digestOf(world, this.server.keys) };
  }
}
