/**
 * `withBaggage` and the active baggage. It is kept beside OpenTelemetry's context, which propagates only where an SDK
 * is registered.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { type Baggage as ApiBaggage, type Context, context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import { splitValues } from "./baggage-field.ts";
import { isBaggageKey } from "./baggage-key.ts";
import { type Baggage, defaultLimits } from "./carrier.ts";

/** The process span whose handler runs. It reads its event's baggage only on demand. */
export interface BaggageOwner {
  readonly baggage: Baggage;
}

interface Active {
  /** The active baggage; undefined stands for the owner's. */
  readonly baggage: Baggage | undefined;
  /** The same baggage as OpenTelemetry's context holds it; undefined where no context manager is registered. */
  readonly api: ApiBaggage | undefined;
  /** The process span; undefined where OpenTelemetry's context holds it. */
  readonly owner: BaggageOwner | undefined;
}

const local = new AsyncLocalStorage<Active | undefined>();

/**
 * Runs a function with baggage on everything that it publishes, over what is already active. Only keys of the backbone's
 * allow-list travel. Telemetry, never authorization; it stays in the log as long as the entry: opaque ids only.
 */
export function withBaggage<T>(entries: Readonly<Record<string, string>>, run: () => T): T {
  const baggage = new Map(activeBaggage());
  for (const [key, value] of Object.entries(entries))
    if (typeof value === "string" && value !== "") baggage.set(key, value);
  return runWith(baggage, local.getStore()?.owner, run);
}

/** The active baggage: from `withBaggage`, from the event being handled, or from other instrumentation. */
export function activeBaggage(): Baggage | undefined {
  const active = local.getStore();
  const surrounding = context.active();
  // Most publishes run under the root context, where there is nothing to look for.
  const api = surrounding === ROOT_CONTEXT ? undefined : propagation.getBaggage(surrounding);
  if (active !== undefined && (active.api === undefined || active.api === api))
    return active.baggage ?? active.owner?.baggage;
  if (api === undefined) return undefined;
  return new Map(api.getAllEntries().map(([key, { value }]) => [key, value]));
}

/** The owner that was given to `runOwned`. */
export function activeOwner(): BaggageOwner | undefined {
  return local.getStore()?.owner;
}

/** True when nothing but the owner's own baggage is active. */
export function isActiveAlone(owner: BaggageOwner): boolean {
  const active = local.getStore();
  return active?.owner === owner && active.baggage === undefined && context.active() === ROOT_CONTEXT;
}

/** Runs a handler with its event's baggage in our own storage alone: where nothing of OpenTelemetry is registered. */
export function runOwned<T>(owner: BaggageOwner, run: () => T): T {
  return local.run({ baggage: undefined, api: undefined, owner }, run);
}

/** Runs a function without our baggage and owner. */
export function runBare<T>(run: () => T): T {
  return local.getStore() === undefined ? run() : local.run(undefined, run);
}

/** The baggage of a context as attributes, for spans of other libraries that continue an order's trace. */
export function baggageAttributes(context: Context): [key: string, value: string | string[]][] {
  const baggage = propagation.getBaggage(context);
  if (baggage === undefined) return [];
  const entries = baggage.getAllEntries().slice(0, defaultLimits.maxBaggageEntries);
  return entries.flatMap(([key, { value }]): [string, string | string[]][] => {
    if (!isBaggageKey(key)) return [];
    const values = splitValues(value);
    return [[key, values.length === 1 ? value : [...values]]];
  });
}

/** Converts baggage to the form of OpenTelemetry's API. */
export function toApi(baggage: Baggage): ApiBaggage {
  return propagation.createBaggage(Object.fromEntries([...baggage].map(([key, value]) => [key, { value }])));
}

function runWith<T>(baggage: Baggage, owner: BaggageOwner | undefined, run: () => T): T {
  const api = toApi(baggage);
  const wanted = propagation.setBaggage(context.active(), api);
  return context.with(wanted, () => {
    const propagates = context.active() === wanted;
    return local.run({ baggage, api: propagates ? api : undefined, owner }, run);
  });
}
