/** What the source's run does in a history: it reads the outside system from its position on, and appends in one of several styles. */

import type { EventRef } from "../../../src/model/event.ts";
import type { SourceRun } from "../../../src/sources/source.ts";
import type { Conditions } from "../conditions.ts";
import type { Host } from "../host.ts";
import type { Feed, Line, Message } from "./feed.ts";
import type { SourceObserver } from "./observer.ts";
import type { SourcePlan } from "./plan.ts";

/** Appends that may be under way at once. */
const maxUnderWay = 4;
const maxTogether = 5;
/** A poller that has had nothing for so long ends, ms; others look again. */
const idleMs = 60;

export interface WorkParts {
  readonly host: Host;
  readonly plan: SourcePlan;
  readonly feed: Feed;
  readonly observer: SourceObserver;
  readonly conditions: Conditions;
}

export function runOf({ host, plan, feed, observer, conditions }: WorkParts): SourceRun<Message> {
  return async (tools) => {
    const { partition, position, fence, signal } = tools;
    const ended = observer.began(host, partition, fence, position);
    // A clock that was set back gives lower epochs: an outside system that heeds them waits until it has caught up.
    const line = feed.open(host, partition, Number(position ?? 0), conditions.isClockBack ? undefined : fence);
    try {
      if (line === undefined) {
        observer.refusedOutside(host, partition, fence);
        throw new Error("the outside system refuses a former owner");
      }
      const append = async (messages: readonly Message[]): Promise<void> => {
        const refs: readonly EventRef[] = await tools.append(
          messages.map((message) => ({ payload: message })),
          String(messages.at(-1)?.n),
        );
        if (refs.length !== messages.length || refs.some(({ entryId }) => entryId === ""))
          conditions.violated(`an append of ${messages.length} events gives ${refs.length} references`);
        for (const message of messages) observer.appended(message);
      };
      await read(line, plan, signal, append);
      if (signal.aborted && plan.deafMs > 0) {
        await host.wait(plan.deafMs);
        await read(line, plan, signal, append);
      }
    } finally {
      if (line !== undefined) feed.close(line);
      ended();
    }
  };
}

/** Until the signal aborts and nothing is left that has come; a poller until nothing comes. */
async function read(
  line: Line,
  { style }: SourcePlan,
  signal: AbortSignal,
  append: (messages: readonly Message[]) => Promise<void>,
): Promise<void> {
  const underWay: Promise<void>[] = [];
  const most = style === "batched" || style === "poll" ? maxTogether : 1;
  for (;;) {
    const come = await line.next(most, idleMs, signal);
    if (come.length === 0) {
      if (signal.aborted || style === "poll") break;
      continue;
    }
    const appended = append(come);
    appended.catch(() => undefined); // it is awaited below
    underWay.push(appended);
    while (underWay.length > (style === "pipelined" ? maxUnderWay : 0)) await underWay.shift();
  }
  await Promise.all(underWay);
}
