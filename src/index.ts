/// <reference lib="esnext.disposable" preserve="true" />
/** `throughline`: publish, consume and inspect. */

import "./model/require-node.ts";

export { type AttemptCounts, type AttemptsOptions, attemptsOverTime } from "./composition/attempts-over-time.ts";
export type { Backbone, StateReader } from "./composition/backbone.ts";
export type { BackboneOptions } from "./composition/backbone-options.ts";
export { connectBackbone } from "./composition/connect-backbone.ts";
export type { ExclusiveOptions } from "./composition/exclusive-options.ts";
export { type Observer, type ObserverOptions, openObserver } from "./composition/observer.ts";
export { type Operator, openOperator } from "./composition/operator.ts";
export { type Owner, openOwner } from "./composition/owner.ts";
export type { PublishInHandlers } from "./composition/publishing-rule.ts";
export { storySettlements } from "./composition/story-settlements.ts";
export { tlsFromEnv } from "./composition/tls-files.ts";
export type { Component, ComponentHealth } from "./consume/component.ts";
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
export { type DeadLetter, type DeadLetterJson, deadLetterJson } from "./inspect/dead-letters/dead-letter.ts";
export type { LetterCount } from "./inspect/dead-letters/dead-letter-text.ts";
export type {
  DeadLetterCounts,
  DeadLetterScope,
  DeadLetters,
  OnOutcome,
  PurgeReport,
  RedriveReport,
} from "./inspect/dead-letters/dead-letters.ts";
export type { DeadLetterFilter } from "./inspect/dead-letters/filter.ts";
export { type EntryJson, type EventJson, entryJson, type UnreadableJson } from "./inspect/entries/entry-json.ts";
export type { LogEntry, ReadRange } from "./inspect/entries/log-reader.ts";
export type { TypedEntry } from "./inspect/entries/typed-entries.ts";
export type { Standing } from "./inspect/journey/component-progress.ts";
export type { Journey, JourneyOptions } from "./inspect/journey/journey.ts";
export { renderJourney } from "./inspect/journey/journey-text.ts";
export type { ReplayedEvent } from "./inspect/journey/replayed-events.ts";
export type { FailedRun, StepSettlement } from "./inspect/journey/step-settlement.ts";
export { type JourneyNode, type JourneyTree, type WalkedNode, walkJourney } from "./inspect/journey-tree.ts";
export type { SearchOptions, SearchProgress } from "./inspect/search/search.ts";
export type { SettlementRange } from "./inspect/settlement-reader.ts";
export type { ChannelStatus } from "./inspect/status/channel-status.ts";
export type { MemberStatus, OwnerStatus } from "./inspect/status/member-status.ts";
export type { RelayStatus } from "./inspect/status/relay-status.ts";
export type { SourceStatus } from "./inspect/status/source-status.ts";
export type { BackboneStatus, ComponentStatus, ConsumptionStatus } from "./inspect/status/status.ts";
export type { Carrier } from "./model/carrier.ts";
export {
  type Channel,
  type ChannelDefinition,
  type Correlation,
  type CorrelationValue,
  defineChannel,
  type RetryPolicy,
} from "./model/channel.ts";
export type { Damage } from "./model/channel-damage.ts";
export type { Durability } from "./model/durability.ts";
export { compareIds as compareEntryIds } from "./model/entry-ids.ts";
export { type Envelope, timeOf as entryTime } from "./model/envelope.ts";
export {
  ChannelError,
  ConfigError,
  CrashLoopError,
  DrainTimeoutError,
  EnvelopeError,
  FencedError,
  HandlerTimeoutError,
  LostEntryError,
  OwnerLostError,
  PayloadError,
  type PayloadErrorOptions,
  type PayloadIssue,
  PermanentError,
  PublishError,
  RecordingError,
  ReplayError,
  StoreError,
  ThroughlineError,
  VersionError,
} from "./model/errors.ts";
export { type Cause, type Event, type EventRef, type Published, refOf, traceIdOf } from "./model/event.ts";
export { deriveEventId } from "./model/event-id.ts";
export type { NotificationHandler } from "./model/notification-handler.ts";
export type { FailedNote, RecordedSettlement, RunNote, SettledCall } from "./model/recorded-settlement.ts";
export type { Replayed } from "./model/replay-mark.ts";
export type { Retention, RetentionPolicy } from "./model/retention-policy.ts";
export type { Upcaster, Upcasters, Versioned } from "./model/schema-version.ts";
export type { SentinelPlace, ServersPlace } from "./model/servers.ts";
export { serversFromEnv } from "./model/servers-given.ts";
export type { StoredEntry } from "./model/stored-entry.ts";
export type { TlsOptions } from "./model/tls-options.ts";
export type { ExclusiveDuty } from "./ownership/exclusive.ts";
export type { Fence } from "./ownership/fence.ts";
export type { PurgeOutcome, RedriveOutcome } from "./ports/dead-letters.ts";
export type { Log } from "./ports/log.ts";
export type { Finished } from "./ports/slice-store.ts";
export { item, type PublishItem, type PublishOptions } from "./publish/producer.ts";
export { aclRules } from "./redis/acl/rules.ts";
export { type AclRole, type AclScope, aclRoles } from "./redis/acl/scope.ts";
export { type RedisClientOptions, redisClientOptions } from "./redis/client/client-options.ts";
export type { Repaired } from "./redis/store/channel-repair.ts";
export type { RetiredGroup, Retirement, RetireOptions } from "./retention/retirement.ts";
export type { SourceOptions } from "./sources/options.ts";
export type { Source, SourceEvent, SourceRun, SourceTools } from "./sources/source.ts";
export { withBaggage } from "./tracing/baggage.ts";
