/** What every store of slices does, by name. Each behaviour is tried on a store of its own. */

import type { Behaviour } from "./behaviour.ts";
import { beginning } from "./behaviours/begin.ts";
import { owning } from "./behaviours/own.ts";
import { presence } from "./behaviours/presence.ts";
import { queries } from "./behaviours/queries.ts";
import { reading } from "./behaviours/read.ts";
import { refusing } from "./behaviours/refuse.ts";
import { relaying } from "./behaviours/relay.ts";
import { retrying } from "./behaviours/retry.ts";
import { answering } from "./behaviours/session.ts";
import { settling } from "./behaviours/settle.ts";
import { sources } from "./behaviours/source.ts";

export type { Behaviour } from "./behaviour.ts";

export const behaviours: readonly Behaviour[] = [
  ...owning,
  ...beginning,
  ...reading,
  ...settling,
  ...relaying,
  ...refusing,
  ...retrying,
  ...answering,
  ...sources,
  ...presence,
  ...queries,
];
