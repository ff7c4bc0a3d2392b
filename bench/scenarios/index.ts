/** All scenarios, in the order in which they are run and shown. */

import type { Scenario } from "../scenario.ts";
import { batch, consume, state, transform } from "./consume.ts";
import { contention } from "./contention.ts";
import { entryBytes } from "./entry-bytes.ts";
import { importing, record } from "./files.ts";
import { backlog, components, members, membersWaiting } from "./growth.ts";
import { latencies } from "./latency.ts";
import { payloads } from "./payload.ts";
import { pipeline, roundTrip } from "./pipeline.ts";
import { publish, publish64, publishOne } from "./publish.ts";
import { replaying } from "./replay.ts";
import { tracing } from "./tracing.ts";

export const scenarios: readonly Scenario[] = [
  publish,
  publishOne,
  publish64,
  consume,
  transform,
  batch,
  state,
  pipeline,
  roundTrip,
  ...latencies,
  ...payloads,
  backlog,
  components,
  members,
  membersWaiting,
  ...contention,
  entryBytes,
  record,
  importing,
  replaying,
  tracing,
];
