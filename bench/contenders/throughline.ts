/** Throughline as its users run it: every default, a schema, events in order by key. */

import type { Contender } from "../contender.ts";
import { backlog } from "./throughline/common.ts";
import { consuming } from "./throughline/consume.ts";
import { draining } from "./throughline/drain.ts";
import { membering } from "./throughline/members.ts";
import { trading } from "./throughline/pipeline.ts";
import { publisher, publishing } from "./throughline/publish.ts";
import { tracingAlone } from "./throughline/tracing.ts";

export const contender: Contender = {
  works: { ...publishing, ...consuming, ...membering, ...draining, ...trading, ...tracingAlone },
  backlog,
  publisher,
};
