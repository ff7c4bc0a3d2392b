/** `throughline`: publish, consume and inspect. */

export { type Backbone, connectBackbone, type StateReader } from "./backbone.ts";
export {
  type Channel,
  type ChannelDefinition,
  type Correlation,
  type CorrelationValue,
  defineChannel,
  type RetryPolicy,
} from "./channel.ts";
export type { Component, ComponentHealth } from "./consume/component.ts";
export type { Settled } from "./consume/hand.ts";
export type { ComponentOptions } from "./consume/options.ts";
export {
  type BatchHandler,
  type BatchOptions,
  type BatchSubscriptionOptions,
  type BatchTools,
  type Handler,
  type OutputOptions,
  on,
  type PublishOutput,
  type StateStore,
  type Subscription,
  type SubscriptionOptions,
  type Tools,
} from "./consume/subscription.ts";
export type {
  DeadLetters,
  OnOutcome,
  PurgeOutcome,
  PurgeReport,
  RedriveOutcome,
  RedriveReport,
} from "./dead-letters/dead-letters.ts";
export type { DeadLetterFilter } from "./dead-letters/filter.ts";
export type { DeadLetter } from "./dead-letters/letter.ts";
export { compareIds as compareEntryIds } from "./entry-ids.ts";
export { type Envelope, timeOf as entryTime } from "./envelope.ts";
export {
  ChannelError,
  ConfigError,
  CrashLoopError,
  DrainTimeoutError,
  EnvelopeError,
  FencedError,
  HandlerTimeoutError,
  LostEntryError,
  PayloadError,
  type PayloadIssue,
  PermanentError,
  PublishError,
  RecordingError,
  ReplayError,
  StoreError,
  ThroughlineError,
} from "./errors.ts";
export { type Cause, type Event, type EventRef, type Published, refOf, traceIdOf } from "./event.ts";
export { deriveEventId } from "./event-id.ts";
export type { NotificationHandler } from "./notify.ts";
export type { Journey, JourneyOptions } from "./observe/journey.ts";
export { type JourneyNode, type WalkedNode, walkJourney } from "./observe/journey-tree.ts";
export type { LogEntry, ReadRange } from "./observe/read.ts";
export { renderJourney } from "./observe/render-journey.ts";
export type { RecordedSettlement, SettledCall, SettlementRange } from "./observe/settlements.ts";
export type { BackboneStatus } from "./observe/status.ts";
export { type Observer, type ObserverOptions, openObserver } from "./observer.ts";
export { type Operator, openOperator } from "./operator.ts";
export type { BackboneOptions, Durability, TlsOptions } from "./options.ts";
export { type Owner, openOwner } from "./owner.ts";
export type { Log } from "./ports/log.ts";
export { item, type PublishItem, type PublishOptions } from "./publish/producer.ts";
export { type RedisClientOptions, redisClientOptions } from "./redis/client-options.ts";
export type { RetentionPolicy } from "./retention/policy.ts";
export { tlsFromEnv } from "./tls.ts";
export { withBaggage } from "./tracing/baggage.ts";
