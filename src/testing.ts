/** `throughline/testing`: a real Redis and the spans of a test, for the tests of whoever uses the library. */

export { type ProvidedRedis, provideRedis } from "./redis/provide-redis.ts";
export { type StartRedisOptions, startRedis, type TestRedis } from "./testing/redis.ts";
export { type CapturedSpan, captureSpans, type SpanCapture } from "./testing/spans.ts";
