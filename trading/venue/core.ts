/** The venue with its journal and its market, and without a network: takes requests, and releases what has come of them once it is on the disk. */

import type { Log } from "throughline";
import type { Side } from "../domain/fields.ts";
import type { NewOrder, VenueReport, VenueRequest, VenueTotals } from "../domain/venue.ts";
import { Agenda } from "./agenda.ts";
import type { Command, Direction, SessionFence } from "./commands.ts";
import { Engine, type SessionState, type TakenOrder } from "./engine.ts";
import { type Journal, openJournal } from "./journal.ts";
import { type Market, planFor } from "./market.ts";

export interface CoreOptions {
  readonly directory: string;
  readonly market: Market;
  readonly log: Log;
  /** Epoch ms. */
  readonly now?: () => number;
}

/** A request that the venue did not take, and will never take. */
export interface RefusedRequest {
  readonly request: number;
  readonly reason: string;
}

/** What is on the disk of a session. */
export interface Released {
  requests: number;
  reports: number;
}

/** What a write to the disk will release. */
interface Sealed {
  readonly sessions: readonly (readonly [SessionState, Released])[];
  readonly waiting: readonly PromiseWithResolvers<void>[];
}

type Task =
  | { readonly task: "visit"; readonly symbol: string; readonly side: Side; readonly quantity: number }
  | { readonly task: "reject" | "expire"; readonly client: string; readonly orderId: string };

export class VenueCore implements AsyncDisposable {
  /** Another one for each journal. */
  readonly journalId: string;
  /** Rejects when the disk refuses a write: nothing is acknowledged any more. */
  readonly failed: Promise<never>;
  readonly #engine: Engine;
  readonly #journal: Journal;
  readonly #market: Market;
  readonly #agenda: Agenda<Task>;
  readonly #now: () => number;
  readonly #fail: (error: unknown) => void;
  readonly #released: Map<SessionState, Released>;
  readonly #listeners = new Set<(session: SessionState) => void>();
  /** Sessions that have got something since the last write was chosen, and who waits for what that write holds. */
  #changed = new Set<SessionState>();
  #waiting: PromiseWithResolvers<void>[] = [];
  #isClosed = false;

  private constructor(
    engine: Engine,
    opened: { id: string; journal: Journal },
    { market, now = Date.now }: CoreOptions,
  ) {
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => undefined); // a caller who awaits it is told
    this.failed = failed.promise;
    this.#fail = failed.reject;
    this.journalId = opened.id;
    this.#journal = opened.journal;
    this.#engine = engine;
    this.#market = market;
    this.#now = now;
    this.#released = new Map();
    this.#agenda = new Agenda(now, (task) => this.#perform(task));
  }

  /** Opens the journal, and goes on where it ends. @throws {ConfigError} */
  static async open(options: CoreOptions): Promise<VenueCore> {
    let core: VenueCore | undefined;
    let engine: Engine | undefined;
    const make = (id: string): Engine => new Engine(id, (session) => core?.noteChange(session));
    const replay = (command: Command, id: string): void => {
      engine ??= make(id);
      engine.apply(command);
    };
    const opened = await openJournal(options.directory, replay);
    engine ??= make(opened.id);
    core = new VenueCore(engine, opened, options);
    for (const session of engine.sessions()) core.#release(session);
    let resting = 0;
    const now = core.#now();
    for (const order of engine.resting()) {
      resting++;
      core.#visitAt(now + options.market.latencyMs, order, order.open);
      if (order.expiresAt !== undefined) core.#endAt(order.expiresAt, order, "expire");
    }
    const { tornBytes } = opened;
    options.log.info({ journal: opened.id, resting, tornBytes }, "the venue has read its journal");
    return core;
  }

  /** A session has got a request or a report, which the next write holds. */
  noteChange(session: SessionState): void {
    this.#changed.add(session);
  }

  session(client: string, partition: number): SessionState {
    return this.#engine.session(client, partition);
  }

  get sessionCount(): number {
    return this.#engine.sessionCount;
  }

  knows(client: string, partition: number): boolean {
    return this.#engine.knows(client, partition);
  }

  totals(client?: string): VenueTotals {
    return this.#engine.totals(client);
  }

  /** How many reports are on the disk, of a client or of all. */
  reportCount(client?: string): number {
    let count = 0;
    for (const session of this.#engine.sessions()) {
      if (client === undefined || session.client === client) count += this.released(session).reports;
    }
    return count;
  }

  released(session: SessionState): Released {
    return this.#released.get(session) ?? { requests: 0, reports: 0 };
  }

  /** Calls the listener with each session of which more is on the disk. */
  listen(listener: (session: SessionState) => void): void {
    this.#listeners.add(listener);
  }

  /** Keeps a fence. Resolves when it is on the disk. */
  async fence(session: SessionState, direction: Direction, fence: SessionFence): Promise<void> {
    const { client, partition } = session;
    const written = Promise.withResolvers<void>();
    this.#waiting.push(written);
    this.#do({ do: "fence", client, partition, direction, fence });
    await Promise.race([written.promise, this.failed]);
  }

  /** Takes a request, or returns the reason why it will never be taken. Requests of a session come in the order of their numbers. */
  take(session: SessionState, request: number, wanted: VenueRequest): RefusedRequest | undefined {
    const { client, partition } = session;
    const at = this.#now();
    const skip = { do: "skip", client, partition, request } as const;
    if (wanted.kind === "cancel") {
      if (this.#engine.hasCancel(client, wanted.cancelId)) this.#do(skip);
      else this.#do({ do: "cancel", client, partition, request, at, cancel: wanted });
      return undefined;
    }
    const known = this.#engine.order(client, wanted.orderId);
    if (known !== undefined) {
      this.#do(skip);
      if (sameTerms(known.terms, wanted)) return undefined;
      return { request, reason: `${wanted.orderId} is the id of another order, which the venue has taken before` };
    }
    const { expireAfterMs } = this.#market;
    const expiresAt = wanted.expiresAt ?? (expireAfterMs === undefined ? undefined : at + expireAfterMs);
    const { reject, taken, visits, rejectAfterMs } = planFor(wanted, this.#market);
    this.#do({
      ...{ do: "order", client, partition, request, at, order: wanted },
      ...(expiresAt !== undefined && { expiresAt }),
      ...(reject !== undefined && { reject }),
      ...(taken !== undefined && { taken }),
    });
    const order = this.#engine.order(client, wanted.orderId);
    if (order?.rests !== true) return undefined;
    for (const { afterMs, quantity } of visits) this.#visitAt(at + afterMs, order, quantity);
    if (rejectAfterMs !== undefined) this.#endAt(at + rejectAfterMs, order, "reject");
    if (expiresAt !== undefined) this.#endAt(expiresAt, order, "expire");
    return undefined;
  }

  /** Counts a request that is refused. */
  skip({ client, partition }: SessionState, request: number): void {
    this.#do({ do: "skip", client, partition, request });
  }

  reportsOf(session: SessionState, first: number, end: number): readonly VenueReport[] {
    return session.reports.slice(first - 1, end - 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#agenda.clear();
    await this.#journal.close();
  }

  #do(command: Command): void {
    this.#engine.apply(command);
    this.#journal.append(command);
    this.#journal
      .flush(
        () => this.#seal(),
        (sealed) => this.#written(sealed),
      )
      .catch((error: unknown) => {
        if (!this.#isClosed) this.#fail(error);
      });
  }

  #seal(): Sealed {
    const sessions = [...this.#changed].map(
      (session) => [session, { requests: session.requests, reports: session.reports.length }] as const,
    );
    const waiting = this.#waiting;
    this.#changed = new Set();
    this.#waiting = [];
    return { sessions, waiting };
  }

  #written({ sessions, waiting }: Sealed): void {
    for (const { resolve } of waiting) resolve();
    for (const [session, upTo] of sessions) {
      this.#released.set(session, upTo);
      for (const listener of this.#listeners) listener(session);
    }
  }

  #release(session: SessionState): void {
    this.#released.set(session, { requests: session.requests, reports: session.reports.length });
  }

  #visitAt(dueAt: number, { symbol, side }: TakenOrder, quantity: number): void {
    this.#agenda.add(dueAt, { task: "visit", symbol, side, quantity });
  }

  #endAt(dueAt: number, { session, terms }: TakenOrder, task: "reject" | "expire"): void {
    this.#agenda.add(dueAt, { task, client: session.client, orderId: terms.orderId });
  }

  #perform(task: Task): void {
    const at = this.#now();
    if (task.task === "visit") {
      const { symbol, side, quantity } = task;
      if (this.#engine.hasResting(symbol, side)) this.#do({ do: "visit", at, symbol, side, quantity });
      return;
    }
    const { client, orderId } = task;
    if (this.#engine.order(client, orderId)?.open === 0) return;
    if (task.task === "reject") {
      this.#do({ do: "end", at, client, orderId, how: "rejected", reason: "withdrawn by the venue" });
    } else this.#do({ do: "end", at, client, orderId, how: "cancelled", reason: "expired" });
  }
}

function sameTerms(first: NewOrder, second: NewOrder): boolean {
  return (
    first.symbol === second.symbol &&
    first.side === second.side &&
    first.orderType === second.orderType &&
    first.price === second.price &&
    first.quantity === second.quantity &&
    first.expiresAt === second.expiresAt
  );
}
