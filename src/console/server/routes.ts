/** What every part of the console's interface gets from its server. */

import type { Hono } from "hono";
import type { Observer, Operator } from "../../index.ts";
import type { Replays } from "../../replay.ts";
import type { ResolvedConsoleOptions } from "../options.ts";
import type { Look } from "./look.ts";
import type { Mask } from "./mask.ts";

export interface Parts {
  readonly options: ResolvedConsoleOptions;
  readonly observer: Observer;
  readonly operator: Operator;
  /** Opened at the first use: it keeps connections of its own. */
  readonly replays: () => Replays;
  readonly look: Look;
  readonly mask: Mask;
  /** Aborts when the console closes. */
  readonly closing: AbortSignal;
  /** What the console waits for when it closes, before its connections do. */
  readonly ending: Set<Promise<unknown>>;
}

/** Adds some addresses below `/api`. */
export type AddRoutes = (api: Hono, parts: Parts) => void;
