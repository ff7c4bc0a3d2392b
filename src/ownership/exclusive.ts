/** A duty that runs in one process of many at a time: a row without channels, under the same rules as a partition's. */

import type { Chance, Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { SliceStore } from "../ports/slice-store.ts";
import { type Fence, fenceOf } from "./fence.ts";
import type { Hold, Tenure } from "./hold.ts";
import { Members } from "./members.ts";
import { beatMsOf, Ownership } from "./ownership.ts";
import { atMost } from "./pause.ts";

/** What a duty is given. Its signal aborts when another process has it, and then nothing of it may go on. */
export interface DutyTools {
  readonly signal: AbortSignal;
  readonly fence: Fence;
}

/** Runs until its signal aborts. One that ends or throws is begun again, by whoever owns it then. */
export type Duty = (tools: DutyTools) => Promise<void>;

export interface ExclusiveParts {
  readonly name: string;
  readonly member: string;
  readonly about: string;
  readonly takeoverAfterMs: number;
  readonly store: SliceStore;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Called once, when it is disposed of. */
  readonly closed?: () => void;
}

/** Between the end of a duty and its next beginning, ms. */
const againAfterMs = 1_000;

export class ExclusiveDuty implements AsyncDisposable {
  readonly #parts: ExclusiveParts;
  readonly #members: Members;
  readonly #ownership: Ownership;
  readonly #running: Promise<unknown>;

  constructor(parts: ExclusiveParts, duty: Duty) {
    const { name, takeoverAfterMs, store } = parts;
    const component = `exclusive/${name}`;
    const beatMs = beatMsOf(takeoverAfterMs);
    const presence = store.presence(component);
    const members = new Members({ ...parts, component, partitions: 1, beatMs, presence }, () =>
      this.#ownership.nudge(),
    );
    this.#parts = parts;
    this.#members = members;
    this.#ownership = new Ownership({
      ...parts,
      slice: { component, partition: 0 },
      channels: [],
      beatMs,
      begin: "0",
      mayOwn: () => members.isConfirmed,
      shouldOwn: (without) => members.shouldOwn(0, without),
      open: (hold) => new DutyTenure(parts, duty, hold),
    });
    this.#running = Promise.all([members.run(), this.#ownership.run()]);
  }

  /** Whether it runs in this process. */
  get isHere(): boolean {
    return this.#ownership.tenure !== undefined;
  }

  /** Ends the duty here and lets another process have it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { clock, takeoverAfterMs } = this.#parts;
    const said = atMost(clock, takeoverAfterMs, this.#members.leave());
    await this.#ownership.leave(takeoverAfterMs, said);
    await this.#running;
    this.#parts.closed?.();
  }
}

/** The duty's run, and its runs after that, while this process owns it. */
class DutyTenure implements Tenure {
  readonly newest: Tenure["newest"] = [];
  readonly answered = 0;
  readonly #parts: ExclusiveParts;
  readonly #duty: Duty;
  readonly #hold: Hold;
  readonly #fence: Fence;
  readonly #over = new AbortController();
  /** Undefined before it has begun, and while none runs. */
  #run: Promise<void> | undefined;
  /** Between two runs. */
  #isPausing = false;

  constructor(parts: ExclusiveParts, duty: Duty, hold: Hold) {
    this.#parts = parts;
    this.#duty = duty;
    this.#hold = hold;
    this.#fence = fenceOf(hold.claim);
  }

  get unfinished(): number {
    return this.#run === undefined ? 0 : 1;
  }

  late(): readonly never[] {
    return [];
  }

  resume(): void {
    // The process may have stood still since it acquired the row: then it waits for a confirmation.
    if (this.#run !== undefined || this.#isPausing || this.#over.signal.aborted || !this.#hold.mayStart) return;
    const { clock, log, name } = this.#parts;
    this.#run = (async () => this.#duty({ signal: this.#over.signal, fence: this.#fence }))()
      .catch((error: unknown) => log.error({ duty: name, reason: String(error) }, "a duty failed; it is begun again"))
      .then(() => {
        this.#run = undefined;
        this.#isPausing = true;
        clock.after(againAfterMs, () => {
          this.#isPausing = false;
          this.resume();
        });
      });
  }

  lost(): void {}

  showAgain(): void {}

  confirmed(): void {
    this.resume();
  }

  async quiesce(ms: number): Promise<boolean> {
    this.#over.abort(new Error("the duty is handed over"));
    if (this.#run !== undefined) await atMost(this.#parts.clock, ms, this.#run);
    return this.#run === undefined;
  }

  /** It was told to end, and does not begin again under this ownership. */
  goOn(): void {}

  end(reason: Error): void {
    this.#over.abort(reason);
  }
}
