/**
 * The look at the namespace that all open pages share. It looks while somebody watches, and pauses longer where a look takes long: with
 * nobody there it costs nothing, and with any number of pages it costs the same.
 */

import { setTimeout as pause } from "node:timers/promises";
import type { Observer } from "../../index.ts";
import { sampleOf } from "../samples.ts";
import type { Flow, Sample } from "../shapes.ts";
import { type Counted, countedOf, flowOf } from "./flow.ts";
import { problemOf } from "./refusal.ts";

/** A page's news: a look, or the reason for which there is none. */
export type News = { readonly kind: "flow"; readonly flow: Flow } | { readonly kind: "away"; readonly problem: string };

type Hear = (news: News) => void;

/** Shortest pause between two looks, ms: a change is on the screen within a second. */
const shortestPauseMs = 600;
/** A look takes at most this part of the time. */
const share = 0.1;
const longestPauseMs = 10_000;
/** Samples that are kept: about ten minutes. */
const maxSamples = 900;
/** Rates compare with a look at least so long ago, ms: of two neighbours they would jump. */
const ratesOverMs = 1_500;

export class Look {
  readonly #observer: Observer;
  readonly #hearers = new Set<Hear>();
  readonly #samples: Sample[] = [];
  #counted: readonly Counted[] = [];
  #stop: AbortController | undefined;
  #latest: News | undefined;

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  /** Samples of the looks until now, oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Tells `hear` of every look, the latest at once, until the result is called. */
  watch(hear: Hear): () => void {
    this.#hearers.add(hear);
    if (this.#stop === undefined) {
      this.#latest = undefined;
      this.#stop = new AbortController();
      void this.#run(this.#stop.signal);
    } else if (this.#latest !== undefined) hear(this.#latest);
    return () => {
      this.#hearers.delete(hear);
      if (this.#hearers.size > 0) return;
      this.#stop?.abort();
      this.#stop = undefined;
    };
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pauseMs = await this.#look(signal);
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #look(signal: AbortSignal): Promise<number> {
    const began = performance.now();
    let news: News;
    let pauseMs = 1_000;
    try {
      const status = await this.#observer.status();
      const tookMs = performance.now() - began;
      pauseMs = Math.min(longestPauseMs, Math.max(shortestPauseMs, tookMs / share));
      const isOld = ({ at }: Counted): boolean => status.at - at >= ratesOverMs;
      const before = this.#counted.findLast(isOld) ?? this.#counted[0];
      const flow = { ...flowOf(status, before), tookMs: Math.round(tookMs), pauseMs: Math.round(pauseMs) };
      const newest = this.#counted.filter((one) => !isOld(one));
      this.#counted = [
        ...(before === undefined ? [] : [before]),
        ...newest.filter((one) => one !== before),
        countedOf(status),
      ];
      const sample = sampleOf(flow);
      if (sample !== undefined) this.#samples.push(sample);
      if (this.#samples.length > maxSamples) this.#samples.shift();
      news = { kind: "flow", flow };
    } catch (error) {
      this.#counted = [];
      news = { kind: "away", problem: problemOf(error)?.problem ?? "The console could not look at the namespace." };
    }
    if (signal.aborted) return 0;
    this.#latest = news;
    for (const hear of this.#hearers) hear(news);
    return pauseMs;
  }
}
