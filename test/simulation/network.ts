/** Connections between hosts and the server: they delay, and when one is cut a request may arrive later all the same, or its reply never. */

import type { Link } from "../../src/memory/link.ts";
import { StoreError } from "../../src/model/errors.ts";
import type { Lie } from "./fault-plan.ts";
import type { Host } from "./host.ts";
import type { Random } from "./random.ts";
import type { Scheduled, World } from "./world.ts";

export interface NetworkOptions {
  readonly leastMs: number;
  readonly mostMs: number;
  readonly lies: readonly Lie[];
}

export class Network {
  readonly world: World;
  readonly random: Random;
  readonly options: NetworkOptions;
  readonly #links = new Set<SimulatedLink>();
  /** Hosts that cannot reach the server. */
  readonly #unreachable = new Set<Host>();
  /** Partitions whose nodes cannot be reached by anybody. */
  readonly #away = new Set<number>();
  /** Requests that will arrive although their connections were cut. */
  unheard = 0;
  /** The server does not work on anything before. */
  stillUntil = 0;
  #repeats: boolean;

  constructor(world: World, random: Random, options: NetworkOptions) {
    this.world = world;
    this.random = random;
    this.options = options;
    this.#repeats = options.lies.includes("twice");
  }

  /** `partition`: at whose node. */
  open(host: Host, partition?: number): Link {
    const link = new SimulatedLink(this, host, partition);
    this.#links.add(link);
    return link;
  }

  forget(link: SimulatedLink): void {
    this.#links.delete(link);
  }

  endRepeating(): void {
    this.#repeats = false;
  }

  isRepeated(): boolean {
    return this.#repeats && this.random.isLucky(0.05);
  }

  canReach(host: Host, partition: number | undefined): boolean {
    return !this.#unreachable.has(host) && !(partition !== undefined && this.#away.has(partition));
  }

  /** A node goes away, or is back. */
  setAway(partition: number, isAway: boolean): void {
    if (isAway) this.#away.add(partition);
    else this.#away.delete(partition);
  }

  /** Cuts all connections to a node. */
  cutNode(partition: number): void {
    for (const link of [...this.#links]) if (link.partition === partition) link.cut(false);
  }

  setReachable(host: Host, isReachable: boolean): void {
    if (isReachable) this.#unreachable.delete(host);
    else this.#unreachable.add(host);
  }

  latency(): number {
    return this.options.leastMs + this.random.next() * (this.options.mostMs - this.options.leastMs);
  }

  /** Cuts the connections of a host, or all. `mayArrive`: what is on its way to the server may still come there, up to half a second later. */
  cut(host: Host | undefined, mayArrive: boolean): void {
    for (const link of [...this.#links]) if (host === undefined || link.host === host) link.cut(mayArrive);
  }
}

type Answer<T> = (value: T) => void;
type Refuse = (refusal: unknown) => void;
/** What is asked of the server. The returned function gives up what it does not answer at once. */
type Request<T> = (answer: Answer<T>, refuse: Refuse) => (() => void) | undefined;

/** On its way there, on the server, or on its way back. */
class Call<T> {
  readonly #link: SimulatedLink;
  readonly #request: Request<T>;
  readonly #resolve: Answer<T>;
  readonly reject: Refuse;
  readonly #isOrdered: boolean;
  /** What happens to it next. */
  #next: Scheduled | undefined;
  #giveUp: (() => void) | undefined;
  isOnServer = false;
  /** Its answer is on its way. */
  #settle: (() => void) | undefined;

  constructor(link: SimulatedLink, request: Request<T>, resolve: Answer<T>, reject: Refuse, isOrdered: boolean) {
    this.#link = link;
    this.#request = request;
    this.#resolve = resolve;
    this.reject = reject;
    this.#isOrdered = isOrdered;
  }

  arriveAt(ms: number): void {
    this.#next = this.#link.world.at(ms, this.#arrive);
  }

  readonly #arrive = (): void => {
    const { world, stillUntil } = this.#link;
    if (world.now < stillUntil) {
      this.arriveAt(stillUntil);
      return;
    }
    this.isOnServer = true;
    if (this.#link.isRepeated()) this.#link.arriveUnheard(this);
    try {
      this.#giveUp = this.#request(
        (value) => this.#answer(() => this.#resolve(value)),
        (refusal) => this.#answer(() => this.reject(refusal)),
      );
    } catch (refusal) {
      this.#answer(() => this.reject(refusal));
    }
  };

  /** Nothing is heard of it until a watchdog cuts the connection. */
  vanish(): void {
    this.#next = this.#link.world.after(1_000, () => this.#link.cut(false));
  }

  cancel(): void {
    this.#next?.cancel();
    this.#giveUp?.();
  }

  /** It arrives although its connection is cut: nobody hears of it. */
  runUnheard(): void {
    try {
      this.#request(ignore, ignore)?.();
    } catch {
      // A refusal that nobody hears of, either.
    }
  }

  /** Its connection is cut: it is rejected, or by a store that lies answered all the same. */
  end(error: () => unknown): void {
    if (this.#settle !== undefined && this.#link.isLate()) this.#settle();
    else this.reject(error());
  }

  #answer(settle: () => void): void {
    this.#settle = settle;
    this.#next = this.#link.world.at(this.#link.answersAt(this.#isOrdered), () => this.#link.answer(this, settle));
  }
}

const ignore = (): void => undefined;

/** Two connections: one whose calls keep their order, and one for what waits. */
class SimulatedLink implements Link {
  readonly host: Host;
  readonly partition: number | undefined;
  readonly #network: Network;
  readonly #calls = new Set<Pick<Call<unknown>, "cancel" | "runUnheard" | "isOnServer" | "end">>();
  /** When the last request arrives, and the last reply. */
  #arrivesAt = 0;
  #answersAt = 0;
  #isLost = false;

  constructor(network: Network, host: Host, partition: number | undefined) {
    this.#network = network;
    this.host = host;
    this.partition = partition;
  }

  get world(): World {
    return this.#network.world;
  }

  get stillUntil(): number {
    return this.#network.stillUntil;
  }

  call<T>(run: () => T): Promise<T> {
    return this.#send<T>((answer) => {
      answer(run());
      return undefined;
    }, true);
  }

  wait<T>(run: (answer: Answer<T>, refuse: Refuse) => () => void): Promise<T> {
    return this.#send(run, false);
  }

  close(): void {
    this.cut(true);
  }

  cut(mayArrive: boolean): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#network.forget(this);
    const { world, random } = this.#network;
    const rejectAfterMs = random.between(0, 20);
    for (const call of this.#calls) {
      call.cancel();
      if (mayArrive && !call.isOnServer && random.isLucky(0.5)) this.arriveUnheard(call);
      const endAfterMs = this.isLate() ? random.between(0, 700) : rejectAfterMs;
      world.after(endAfterMs, () => this.host.enter(() => call.end(lost)));
    }
    this.#calls.clear();
  }

  /** The call arrives once more, or although its connection is cut. */
  arriveUnheard(call: Pick<Call<unknown>, "runUnheard">): void {
    const { world, random } = this.#network;
    this.#network.unheard++;
    world.after(random.between(0, 500), () => {
      this.#network.unheard--;
      call.runUnheard();
    });
  }

  isRepeated(): boolean {
    return this.#network.isRepeated();
  }

  isLate(): boolean {
    return this.#isLost && this.#network.options.lies.includes("late");
  }

  /** A call's answer has come. */
  answer<T>(call: Call<T>, settle: () => void): void {
    this.#calls.delete(call);
    this.host.enter(settle);
  }

  /** When an answer that is given now comes. */
  answersAt(isOrdered: boolean): number {
    const at = this.world.now + this.#network.latency();
    if (!isOrdered) return at;
    this.#answersAt = Math.max(at, this.#answersAt);
    return this.#answersAt;
  }

  #send<T>(request: Request<T>, isOrdered: boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isLost) {
        this.host.soon(() => reject(lost()));
        return;
      }
      const call = new Call<T>(this, request, resolve, reject, isOrdered);
      this.#calls.add(call);
      if (!this.#network.canReach(this.host, this.partition)) {
        call.vanish();
        return;
      }
      const at = this.world.now + this.#network.latency();
      if (isOrdered) this.#arrivesAt = Math.max(at, this.#arrivesAt);
      call.arriveAt(isOrdered ? this.#arrivesAt : at);
    });
  }
}

function lost(): StoreError {
  return new StoreError("the session with the slice's server is lost");
}
