/** `throughline/testing`: a real Redis and the spans of a test, for the tests of whoever uses the library. */

export { type StartRedisOptions, startRedis, type TestRedis } from "./redis.ts";
export { type CapturedSpan, captureSpans, type SpanCapture } from "./spans.ts";
