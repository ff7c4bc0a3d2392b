/** The composition root of a story's states: the story, the log as a record, and the handlers that run over it. It writes nothing anywhere. */

import type { Subscription } from "../consume/subscription.ts";
import type { Journey } from "../inspect/journey/journey.ts";
import { settlementName } from "../inspect/journey/step-settlement.ts";
import { walkJourney } from "../inspect/journey-tree.ts";
import type { Channel } from "../model/channel.ts";
import { ConfigError } from "../model/errors.ts";
import { notesOf, type StoryStates, type StoryStep, stepsOf } from "../replay/component/story-states.ts";
import type { LiveSource } from "../replay/source/live-source.ts";
import type { ReplaySource } from "../replay/source/source.ts";
import { openLog, replayComponent } from "./component-replays.ts";
import type { Observer } from "./observer.ts";
import { storySettlements } from "./story-settlements.ts";

/** A component as its handlers are given: those that run live, and the channels that they publish to. */
export interface ComponentHandlers {
  readonly outputs: readonly Channel<unknown>[];
  /** `source`: the record, from which substitutes for the world outside answer. @throws {ConfigError} */
  subscriptions(
    source: ReplaySource,
    settings: Readonly<Record<string, unknown>>,
  ): readonly Subscription[] | Promise<readonly Subscription[]>;
}

export interface StoryStatesOptions {
  /** The handlers of components, by name. */
  readonly components: Readonly<Record<string, ComponentHandlers>>;
  /** Entry id or epoch ms at which the search for the story begins. Default: the oldest entry. */
  readonly from?: string;
  /** Called about three times a second. */
  readonly onProgress?: (component: string, events: number) => void;
  readonly signal?: AbortSignal;
}

/** The handlers run on until so long after the story's last event, ms: what they wrote for it is settled by then. */
const afterMs = 60_000;

/**
 * Tells the state of each component after each settlement of a story. States of then are kept nowhere: the handlers run over the log, from
 * its beginning up to the story's end, in the order in which they had settled.
 * @param from an observer or a backbone
 * @throws {ConfigError} when the namespace has not been used. @throws {StoreError}
 */
export async function storyStates(
  from: Pick<Observer, "journey" | "status" | "readSettlements">,
  query: string,
  options: StoryStatesOptions,
): Promise<StoryStates> {
  const { components, signal, onProgress = () => undefined } = options;
  const journey = await from.journey(query, {
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(signal === undefined ? {} : { signal }),
  });
  const settlements = await storySettlements(from, journey, signal);
  const settledAt = (component: string, partition: number, channel: string, entryId: string): number | undefined =>
    settlements[settlementName(component, { partition, channel, entryId })]?.settledAt ?? undefined;
  const steps: StoryStep[] = [];
  const without: string[] = [];
  const notes: string[] = [];
  const last = Math.max(0, ...[...walkJourney(journey)].map(({ node }) => node.event.appendedAt));
  const to = String(Math.min(last + afterMs, journey.at));
  for (const component of componentsOf(journey)) {
    const handlers = Object.hasOwn(components, component) ? components[component] : undefined;
    if (handlers === undefined) {
      without.push(component);
      continue;
    }
    const { source, subscriptions } = await openRecord(from, component, handlers, { to });
    const replay = replayComponent({ source, component, subscriptions, outputs: handlers.outputs });
    const told = setInterval(() => onProgress(component, replay.summary?.events ?? 0), 300);
    try {
      steps.push(...(await stepsOf(replay.calls(signal), component, journey, settledAt)));
    } finally {
      clearInterval(told);
    }
    notes.push(...notesOf(component, replay.summary));
  }
  return { steps: steps.sort((a, b) => a.at - b.at), without, notes };
}

/** What a component's record is limited to, and the settings of its handlers. */
export interface ComponentRecordOptions {
  readonly from?: string;
  readonly to?: string;
  readonly settings?: Readonly<Record<string, unknown>>;
}

/**
 * Opens the log as the record of one component: the channels that it reads and publishes to, and its settlements. Its handlers are made for it.
 * @throws {ConfigError} where nothing that the component reads is in the log. @throws {StoreError}
 */
export async function openRecord(
  from: Pick<Observer, "status">,
  component: string,
  handlers: ComponentHandlers,
  { settings = {}, ...limits }: ComponentRecordOptions = {},
): Promise<{ readonly source: LiveSource; readonly subscriptions: readonly Subscription[] }> {
  const { channels } = await from.status();
  const existing = new Set(channels.map(({ channel }) => channel));
  const range = { components: [component], ...limits };
  const subscriptions = await handlers.subscriptions(await openLog(from, [...existing], range), settings);
  const inputs = subscriptions.map(({ channel }) => channel.name);
  if (!inputs.some((name) => existing.has(name))) {
    throw new ConfigError(`"${component}" reads ${inputs.join(", ")}, of which there is nothing in the log`);
  }
  const wanted = [...new Set([...inputs, ...handlers.outputs.map(({ name }) => name)])];
  const there = wanted.filter((name) => existing.has(name));
  return { source: await openLog(from, there, range), subscriptions };
}

function componentsOf(journey: Journey): ReadonlySet<string> {
  return new Set([...walkJourney(journey)].flatMap(({ node }) => node.standings.map(({ component }) => component)));
}
