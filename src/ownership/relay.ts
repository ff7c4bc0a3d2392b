/** Moves the outputs of an owned partition on that are for partitions at other nodes: in their order, each once, one batch at a time to each. */

import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { type RelayBatch, type RelayedOutput, type Relaying, type RelayTarget, relayKeptMs } from "../ports/relay.ts";
import type { SliceStore } from "../ports/slice-store.ts";
import type { Hold } from "./hold.ts";
import { Change, within } from "./pause.ts";

/** Most outputs in one batch, and about how many characters; one that has more goes alone. */
const maxBatch = 128;
const maxSize = 1_048_576;
/** How long what a node refuses waits before it is tried again, and before a node that does not answer is asked again, ms. */
const delayMs = { first: 100, most: 5_000 } as const;

/** How often a node is asked whether it has what was moved to it lately, ms. */
const checkEveryMs = 2_000;

export interface RelayContext {
  readonly component: string;
  readonly partition: number;
  readonly partitions: number;
  readonly hold: Hold;
  readonly openTarget: (to: number) => RelayTarget;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long an owner that is at rest waits for its relay, ms: the next owner moves what is left, but there may be none for long. */
const graceMs = 500;

/** Undefined where the partitions are at one node. */
export function relayOf(
  store: Pick<SliceStore, "relays" | "openRelay">,
  context: Omit<RelayContext, "openTarget">,
): Relay | undefined {
  const { component, partition } = context;
  if (!store.relays) return undefined;
  return new Relay({ ...context, openTarget: (to) => store.openRelay({ component, partition }, to) });
}

/** Of one other partition. */
interface Lane {
  readonly to: number;
  /** Up to where all is known to be moved; undefined before the first look. */
  cursor: string | undefined;
  /** There may be something to move. */
  isDue: boolean;
  isMoving: boolean;
  target: RelayTarget | undefined;
  number: number;
  waitMs: number;
  /** When outputs were moved last, on the monotonic clock; what is kept of them can be sent again until then. */
  movedAt: number;
  /** A look at the node, whether it has what was moved. */
  check: "later" | "due" | undefined;
  /** What was said last of its node. */
  told: string;
}

/**
 * idle      nothing is known to wait. Nudged by a settlement, or resumed → moving.
 * moving    reads a page, appends it at the other node, notes it as moved, until a page is not full → idle. The other node does not answer,
 *           or refuses → moving again after a wait. The session is lost → idle, until it is resumed. Fenced → idle, for good.
 */
export class Relay {
  readonly #change = new Change();
  readonly #context: RelayContext;
  readonly #lanes: readonly Lane[];
  #session: Relaying | undefined;
  #isOver = false;

  constructor(context: RelayContext) {
    this.#context = context;
    const others = Array.from({ length: context.partitions }, (_, to) => to).filter((to) => to !== context.partition);
    this.#lanes = others.map((to) => ({
      ...{ to, cursor: undefined, isDue: true, isMoving: false, target: undefined },
      ...{ number: 0, waitMs: delayMs.first, movedAt: Number.NEGATIVE_INFINITY, check: undefined, told: "" },
    }));
  }

  /** Nothing waits that is known of. */
  get isIdle(): boolean {
    return this.#lanes.every(({ isDue, isMoving }) => !isDue && !isMoving);
  }

  /** Resolves when nothing waits, or after a little while, `ms` at most. */
  async rest(ms: number): Promise<void> {
    if (ms > 0) await within(this.#context.clock, Math.min(ms, graceMs), this.#change, () => this.isIdle);
  }

  /** Reads over this session from now on. */
  resume(session: Relaying): void {
    this.#session = session;
    for (const lane of this.#lanes) this.#begin(lane);
  }

  /** A settlement has left something for the partition. */
  nudge(to: number): void {
    const lane = this.#lanes.find((one) => one.to === to);
    if (lane !== undefined) this.#begin(lane);
  }

  stop(): void {
    this.#isOver = true;
    for (const { target } of this.#lanes) target?.close();
    this.#change.tell();
  }

  #begin(lane: Lane): void {
    lane.isDue = true;
    if (lane.isMoving || this.#isOver) return;
    lane.isMoving = true;
    void this.#move(lane).finally(() => {
      lane.isMoving = false;
      // A session that came in the meantime goes on where the one before was lost.
      if (lane.isDue && this.#session !== undefined && !this.#isOver) this.#begin(lane);
      this.#change.tell();
    });
  }

  async #move(lane: Lane): Promise<void> {
    while (lane.isDue && !this.#isOver) {
      const session = this.#session;
      if (session === undefined) return;
      try {
        if (!(await this.#moveOnce(session, lane))) return;
      } catch {
        if (this.#session === session) {
          this.#session = undefined;
          this.#context.hold.broken(session);
        }
      }
    }
  }

  /** False: the slice is lost. Rejects where the session is. */
  async #moveOnce(session: Relaying, lane: Lane): Promise<boolean> {
    lane.isDue = false;
    try {
      const isFirst = lane.cursor === undefined;
      const page = await session.relayed(lane.to, lane.cursor, maxBatch);
      lane.cursor = page.after;
      if (isFirst && page.after !== "0-0") lane.check = "due";
      const outputs = bounded(page.outputs);
      if (outputs.length === 0 && lane.check !== "due") return true;
      const { hold } = this.#context;
      const { claim } = hold;
      const batch = { epoch: claim.epoch, number: ++lane.number, after: lane.cursor, outputs };
      const arrived = await this.#append(lane, batch);
      if (this.#isOver) return false;
      // Until a page is not full, or where not all of it have arrived. What was settled since comes with a nudge.
      const isLast =
        page.outputs.length < maxBatch && outputs.length === page.outputs.length && arrived === outputs.length;
      lane.isDue ||= !isLast;
      if (arrived === "none") return true;
      if (lane.check === "due") lane.check = undefined;
      const last = outputs[arrived - 1];
      if (last === undefined) {
        this.#checkLater(lane);
        return true;
      }
      lane.cursor = last.id;
      lane.movedAt = this.#context.clock.now();
      this.#checkLater(lane);
      const isOurs = await session.moved(claim, lane.to, last.id);
      if (!isOurs && claim === hold.claim) hold.lost("another member has taken the partition");
      return isOurs || !this.#isOver;
    } catch (error) {
      lane.isDue = true;
      throw error;
    }
  }

  /** How many of the first are there by now. `none`: the node has gone back, or does not answer, or refuses the first; it was waited for. */
  async #append(lane: Lane, batch: RelayBatch): Promise<number | "none"> {
    const { openTarget, hold } = this.#context;
    lane.target ??= openTarget(lane.to);
    try {
      const reply = await lane.target.append(batch);
      if (reply.outcome === "fenced") {
        // Of this owner's own it was a later one; of a later owner's, who this one is will be known soon.
        if (reply.epoch === batch.epoch) return "none";
        await this.#wait(lane, "another owner has moved outputs since");
        if (!this.#isOver && batch.epoch === hold.claim.epoch) hold.outrun(reply.epoch);
        return "none";
      }
      if (reply.outcome === "behind") {
        this.#goBack(lane, batch.after, reply.last);
        return "none";
      }
      if (reply.reason === "") this.#answered(lane);
      else await this.#wait(lane, reply.reason);
      return reply.reason !== "" && reply.count === 0 ? "none" : reply.count;
    } catch (error) {
      lane.target?.close();
      lane.target = undefined;
      await this.#wait(lane, String(error));
      return "none";
    }
  }

  /** A node that goes back when nothing more is sent to it would not be noticed: an empty batch asks, while what is kept can be sent again. */
  #checkLater(lane: Lane): void {
    const { clock } = this.#context;
    if (lane.check !== undefined || clock.now() - lane.movedAt > relayKeptMs) return;
    lane.check = "later";
    clock.after(checkEveryMs, () => {
      lane.check = "due";
      if (this.#session !== undefined) this.#begin(lane);
    });
  }

  /** The other node has lost what was moved last, as after a failover. What is kept of it is sent again. */
  #goBack(lane: Lane, moved: string, last: string): void {
    const { component, partition, log } = this.#context;
    const isMore = msOf(last) < msOf(moved) - relayKeptMs;
    log.error(
      { component, partition, to: lane.to, moved, last },
      `the node of partition ${lane.to} has gone back: outputs that were moved there are sent again${
        isMore ? ", those of the last seconds; older ones are lost" : ""
      }`,
    );
    lane.cursor = last;
  }

  #answered(lane: Lane): void {
    const { component, partition, log } = this.#context;
    lane.waitMs = delayMs.first;
    if (lane.told === "") return;
    lane.told = "";
    log.info({ component, partition, to: lane.to }, "outputs are moved on again");
  }

  async #wait(lane: Lane, reason: string): Promise<void> {
    const { component, partition, clock, log } = this.#context;
    if (lane.told !== reason && !this.#isOver) {
      lane.told = reason;
      log.warn({ component, partition, to: lane.to, reason }, "outputs for another node wait in the relay");
    }
    const waitMs = lane.waitMs;
    lane.waitMs = Math.min(2 * waitMs, delayMs.most);
    await new Promise<void>((resolve) => void clock.after(waitMs, resolve));
  }
}

/** The first of them, at least one. */
function bounded(outputs: readonly RelayedOutput[]): readonly RelayedOutput[] {
  let size = 0;
  const end = outputs.findIndex(({ fields }, i) => {
    for (const field of fields) size += field.length;
    return i > 0 && size > maxSize;
  });
  return end < 0 ? outputs : outputs.slice(0, end);
}

function msOf(id: string): number {
  return Number(id.split("-", 1)[0]);
}
