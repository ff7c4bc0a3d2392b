/// <reference lib="esnext.disposable" preserve="true" />
/** `throughline/testing`: a real Redis and the spans of a test, for the tests of whoever uses the library. */

import "./model/require-node.ts";

export type { PrivateRedisOptions } from "./local-redis/private-server.ts";
export { isGivenRedis, type ProvidedRedis, provideRedis } from "./local-redis/provided-redis.ts";
export type { Say } from "./local-redis/server-program.ts";
export { type StartRedisOptions, startRedis, type TestRedis } from "./testing/redis.ts";
export { type CapturedSpan, captureSpans, type SpanCapture } from "./testing/spans.ts";
