/** The composition root of replaying a component: its handlers, a record, and tracing. It writes nothing anywhere. */

import { ComponentReplay, type ComponentReplayOptions } from "../replay/component/component-replay.ts";
import { accessTo } from "../replay/log-access.ts";
import { type LiveRange, type LiveSource, liveSource } from "../replay/source/live-source.ts";
import { createTracing } from "../tracing/tracer.ts";

/**
 * Opens a range of the live log as a record. It ends at the log's present end, and touches no group's position.
 * @param from a backbone or an observer
 * @throws {ReplayError} on a channel that does not exist.
 * @throws {StoreError}
 */
export async function openLog(from: object, channels: readonly string[], range: LiveRange = {}): Promise<LiveSource> {
  const { inspector } = accessTo(from);
  // One moment bounds all: settlements and outputs up to it are part of the record.
  return liveSource(inspector, channels, { ...range, to: range.to ?? String(await inspector.now()) });
}

/**
 * Prepares to run a component's handlers over a record, `openRecording(path)` or `openLog(backbone, …)`. `calls()` runs
 * them and gives for each what it published, what it wrote and how it ended; `diff(source, replay)` compares that with
 * the record. Nothing is published and nothing is written outside.
 * @throws {ConfigError} on subscriptions that cannot be.
 * @throws {ReplayError} on a record that has none of their channels
 */
export function replayComponent(options: ComponentReplayOptions): ComponentReplay {
  const { log = { debug: ignore, info: ignore, warn: ignore, error: ignore } } = options;
  const tracing = createTracing({ log });
  return new ComponentReplay({ ...options, openSpan: (replaying) => tracing.replay(replaying) });
}

function ignore(): void {}
