/** `withBaggage`, and what is active: kept beside OpenTelemetry's context, which propagates only where an SDK is registered. */

import { AsyncLocalStorage } from "node:async_hooks";
import { type Baggage as ApiBaggage, type Context, context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import { type Baggage, defaultLimits, splitValues } from "./carrier.ts";

/** The process span whose handler runs. It reads its event's baggage only when somebody asks. */
export interface BaggageOwner {
  readonly baggage: Baggage;
}

interface Active {
  /** Undefined: the owner's. */
  readonly baggage: Baggage | undefined;
  /** The same as the context holds it; undefined where no context manager is registered. */
  readonly api: ApiBaggage | undefined;
  /** Undefined where the owner is in OpenTelemetry's context. */
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

/** What is active, from `withBaggage`, from the event being handled, or from other instrumentation. */
export function activeBaggage(): Baggage | undefined {
  const active = local.getStore();
  const surrounding = context.active();
  // Most publishes run under nothing at all; looking no further is then right and cheap.
  const api = surrounding === ROOT_CONTEXT ? undefined : propagation.getBaggage(surrounding);
  if (active !== undefined && (active.api === undefined || active.api === api))
    return active.baggage ?? active.owner?.baggage;
  if (api === undefined) return undefined;
  return new Map(api.getAllEntries().map(([key, { value }]) => [key, value]));
}

/** The owner given to `runOwned`. */
export function activeOwner(): BaggageOwner | undefined {
  return local.getStore()?.owner;
}

/** Whether what is active is the owner's, or nothing at all for an owner of `undefined`: nobody has put anything over it. */
export function isActiveAlone(owner: BaggageOwner | undefined): boolean {
  const active = local.getStore();
  if (context.active() !== ROOT_CONTEXT) return false;
  if (active === undefined) return owner === undefined;
  return active.owner === owner && active.baggage === undefined && active.api === undefined;
}

/** Runs a handler with its event's baggage in our own storage alone: for where nothing of OpenTelemetry is registered. */
export function runOwned<T>(owner: BaggageOwner, run: () => T): T {
  return local.run({ baggage: undefined, api: undefined, owner }, run);
}

/** Runs without any baggage or owner of ours. */
export function runBare<T>(run: () => T): T {
  return local.getStore() === undefined ? run() : local.run(undefined, run);
}

/** What of a context's baggage stands on the spans of others that we let continue an order's trace. */
export function baggageAttributes(context: Context): [key: string, value: string | string[]][] {
  const baggage = propagation.getBaggage(context);
  return defaultLimits.baggageKeys.flatMap((key): [string, string | string[]][] => {
    const value = baggage?.getEntry(key)?.value;
    if (value === undefined) return [];
    const values = splitValues(value);
    return [[key, values.length === 1 ? value : [...values]]];
  });
}

/** Baggage as OpenTelemetry's API has it. */
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
