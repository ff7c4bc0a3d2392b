/** Connections between hosts and the server: they delay, and when one is cut a request may arrive later all the same, or its reply never. */

import type { Link } from "../../src/memory/session.ts";
import { StoreError } from "../../src/model/errors.ts";
import type { Host } from "./host.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

export interface NetworkOptions {
  readonly leastMs: number;
  readonly mostMs: number;
}

export class Network {
  readonly world: World;
  readonly random: Random;
  readonly options: NetworkOptions;
  readonly #links = new Set<SimulatedLink>();
  /** Hosts that cannot reach the server. */
  readonly #unreachable = new Set<Host>();
  /** The server does not work on anything before. */
  stillUntil = 0;

  constructor(world: World, random: Random, options: NetworkOptions) {
    this.world = world;
    this.random = random;
    this.options = options;
  }

  open(host: Host): Link {
    const link = new SimulatedLink(this, host);
    this.#links.add(link);
    return link;
  }

  forget(link: SimulatedLink): void {
    this.#links.delete(link);
  }

  canReach(host: Host): boolean {
    return !this.#unreachable.has(host);
  }

  setReachable(host: Host, isReachable: boolean): void {
    if (isReachable) this.#unreachable.delete(host);
    else this.#unreachable.add(host);
  }

  /** Cuts the connections of a host, or all. `mayArrive`: what is on its way to the server may still come there, up to half a second later. */
  cut(host: Host | undefined, mayArrive: boolean): void {
    for (const link of [...this.#links]) if (host === undefined || link.host === host) link.cut(mayArrive);
  }
}

/** On its way there or back. */
interface Call {
  /** Each cancels something that would happen to it. */
  readonly cancels: (() => void)[];
  readonly run: () => void;
  isOnServer: boolean;
  reject(error: unknown): void;
}

/** Two connections: one whose calls keep their order, and one for what waits. */
class SimulatedLink implements Link {
  readonly host: Host;
  readonly #network: Network;
  readonly #calls = new Set<Call>();
  /** When the last request arrives, and the last reply. */
  #arrivesAt = 0;
  #answersAt = 0;
  #isLost = false;

  constructor(network: Network, host: Host) {
    this.#network = network;
    this.host = host;
  }

  call<T>(run: () => T): Promise<T> {
    return this.#send((answer) => {
      answer(run());
      return () => undefined;
    }, true);
  }

  wait<T>(run: (answer: (value: T) => void, refuse: (refusal: unknown) => void) => () => void): Promise<T> {
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
      for (const cancel of call.cancels) cancel();
      if (mayArrive && !call.isOnServer && random.isLucky(0.5)) world.after(random.between(0, 500), call.run);
      world.after(rejectAfterMs, () => this.host.enter(() => call.reject(lost())));
    }
    this.#calls.clear();
  }

  #send<T>(
    run: (answer: (value: T) => void, refuse: (refusal: unknown) => void) => () => void,
    isOrdered: boolean,
  ): Promise<T> {
    const { world } = this.#network;
    return new Promise((resolve, reject) => {
      if (this.#isLost) {
        this.host.soon(() => reject(lost()));
        return;
      }
      const arrive = (): void => {
        if (world.now < this.#network.stillUntil) {
          call.cancels.push(world.at(this.#network.stillUntil, arrive));
          return;
        }
        call.isOnServer = true;
        try {
          const giveUp = run(
            (value) => this.#answer(call, isOrdered, () => resolve(value)),
            (refusal) => this.#answer(call, isOrdered, () => reject(refusal)),
          );
          call.cancels.push(giveUp);
        } catch (refusal) {
          this.#answer(call, isOrdered, () => reject(refusal));
        }
      };
      const quietly = (): void => {
        try {
          run(
            () => undefined,
            () => undefined,
          )();
        } catch {
          // A refusal that nobody hears of.
        }
      };
      const call: Call = { cancels: [], run: quietly, isOnServer: false, reject };
      this.#calls.add(call);
      if (!this.#network.canReach(this.host)) {
        // Nothing is heard of it until a watchdog cuts the connection.
        call.cancels.push(world.after(1_000, () => this.cut(false)));
        return;
      }
      const at = world.now + this.#latency();
      const arrivesAt = isOrdered ? Math.max(at, this.#arrivesAt) : at;
      if (isOrdered) this.#arrivesAt = arrivesAt;
      call.cancels.push(world.at(arrivesAt, arrive));
    });
  }

  #answer(call: Call, isOrdered: boolean, resolve: () => void): void {
    const { world } = this.#network;
    const at = world.now + this.#latency();
    const answersAt = isOrdered ? Math.max(at, this.#answersAt) : at;
    if (isOrdered) this.#answersAt = answersAt;
    const deliver = (): void => {
      this.#calls.delete(call);
      this.host.enter(resolve);
    };
    call.cancels.push(world.at(answersAt, deliver));
  }

  #latency(): number {
    const { random, options } = this.#network;
    return options.leastMs + random.next() * (options.mostMs - options.leastMs);
  }
}

function lost(): StoreError {
  return new StoreError("the session with the slice's server is lost");
}
