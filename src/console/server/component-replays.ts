/**
 * Runs of components' handlers over the log, in the console's process: nothing is published and nothing written. A few are kept, to be looked
 * at; one runs at a time.
 */

import { randomUUID } from "node:crypto";
import { type Observer, ThroughlineError } from "../../index.ts";
import { type ComponentHandlers, diff, openRecord, replayComponent } from "../../replay.ts";
import type { ResolvedConsoleOptions } from "../options.ts";
import type { ComponentReplayState } from "../shapes.ts";
import { Refusal } from "./refusal.ts";

export interface ComponentReplayWish {
  readonly component: string;
  readonly from?: string;
  readonly to?: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Most that are kept. */
const maxKept = 10;
/** Most differences that are listed; all are counted. */
const maxListed = 500;

interface Kept {
  state: ComponentReplayState;
  readonly stop: AbortController;
}

export class ComponentReplays {
  readonly #observer: Observer;
  readonly #options: ResolvedConsoleOptions;
  readonly #closing: AbortSignal;
  #kept: readonly Kept[] = [];

  constructor(observer: Observer, options: ResolvedConsoleOptions, closing: AbortSignal) {
    this.#observer = observer;
    this.#options = options;
    this.#closing = closing;
  }

  /** The latest first. */
  get states(): readonly ComponentReplayState[] {
    return this.#kept.map(({ state }) => state);
  }

  find(id: string): ComponentReplayState | undefined {
    return this.#kept.find(({ state }) => state.id === id)?.state;
  }

  /** Begins a run, and gives its id. @throws {Refusal} while another runs, and for a component whose handlers are not there */
  async begin(wish: ComponentReplayWish): Promise<string> {
    const component = await componentOf(this.#options, wish.component);
    if (this.#kept.some(({ state }) => state.state === "running")) {
      throw new Refusal(409, "A component replay is running already: cancel it, or wait for its end.");
    }
    const id = randomUUID();
    const state: ComponentReplayState = {
      id,
      component: wish.component,
      state: "running",
      startedAt: Date.now(),
      events: 0,
      error: "",
    };
    const kept: Kept = { state, stop: new AbortController() };
    this.#kept = [kept, ...this.#kept].slice(0, maxKept);
    void this.#run(kept, component, wish);
    return id;
  }

  /** False where it had ended. @throws {Refusal} for an unknown one */
  cancel(id: string): boolean {
    const found = this.#kept.find(({ state }) => state.id === id);
    if (found === undefined) throw new Refusal(404, "There is no such component replay.");
    found.stop.abort();
    return found.state.state === "running";
  }

  async #run(kept: Kept, handlers: ComponentHandlers, wish: ComponentReplayWish): Promise<void> {
    const signal = AbortSignal.any([kept.stop.signal, this.#closing]);
    try {
      const { component, ...limits } = wish;
      const { outputs } = handlers;
      const { source, subscriptions } = await openRecord(this.#observer, component, handlers, limits);
      const replay = replayComponent({ source, component, subscriptions, outputs });
      const channels = [
        ...((await this.#options.loadChannels?.()) ?? []),
        ...subscriptions.map(({ channel }) => channel),
        ...outputs,
      ];
      const counting = setInterval(() => {
        kept.state = { ...kept.state, events: replay.summary?.events ?? 0 };
      }, 200);
      try {
        const difference = await diff(source, replay, { channels, maxListed, signal });
        const { events = 0 } = replay.summary ?? {};
        kept.state = signal.aborted
          ? { ...kept.state, state: "cancelled", events }
          : { ...kept.state, state: "done", events, difference };
      } finally {
        clearInterval(counting);
      }
    } catch (error) {
      const state = signal.aborted ? "cancelled" : "failed";
      const text = error instanceof Error ? error.message : String(error);
      kept.state = { ...kept.state, state, error: signal.aborted ? "" : text };
      if (!signal.aborted && !(error instanceof ThroughlineError)) {
        this.#options.log.error({ err: error, component: wish.component }, "a component replay of the console failed");
      }
    }
  }
}

/** The component's handlers, where the console was given them. @throws {Refusal} */
export async function componentOf(options: ResolvedConsoleOptions, name: string): Promise<ComponentHandlers> {
  const components = (await options.loadComponents?.()) ?? {};
  const found = Object.hasOwn(components, name) ? components[name] : undefined;
  if (found !== undefined) return found;
  throw new Refusal(
    409,
    `The console has no handlers of "${name}": start it with --module ${name}=FILE, or by a command line of your own that has them.`,
  );
}
