/// <reference lib="esnext.disposable" preserve="true" />
/** `throughline/testing`: a backbone in memory, a real Redis, and the spans of a test, for the tests of whoever uses the library. */

import "./model/require-node.ts";

export type { ComponentOptions } from "./consume/options.ts";
export type { PrivateRedisOptions } from "./local-redis/private-server.ts";
export {
  isGivenRedis,
  type ProvidedRedis,
  type ProvideRedisOptions,
  provideRedis,
} from "./local-redis/provided-redis.ts";
export type { Say } from "./local-redis/server-program.ts";
export type { Duty, DutyTools } from "./ownership/exclusive.ts";
export type { Fence } from "./ownership/fence.ts";
export type { SourceOptions } from "./sources/options.ts";
export type { Source, SourceEvent, SourceRun, SourceTools } from "./sources/source.ts";
export {
  type MemoryBackbone,
  type MemoryBackboneOptions,
  type MemoryClock,
  memoryBackbone,
} from "./testing/memory-backbone.ts";
export { type StartRedisOptions, startRedis, type TestRedis } from "./testing/redis.ts";
export { type CapturedSpan, captureSpans, type SpanCapture } from "./testing/spans.ts";
