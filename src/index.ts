/** The public surface of Throughline. */

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
export type { Envelope } from "./envelope.ts";
export {
  ChannelError,
  ConfigError,
  CrashLoopError,
  DrainTimeoutError,
  EnvelopeError,
  FencedError,
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
export type { LogEntry, ReadRange } from "./observe/read.ts";
export { renderJourney } from "./observe/render-journey.ts";
export type { RecordedSettlement, SettledCall, SettlementRange } from "./observe/settlements.ts";
export type { BackboneStatus } from "./observe/status.ts";
export type { BackboneOptions, Durability, TlsOptions } from "./options.ts";
export type { Log } from "./ports/log.ts";
export { item, type PublishItem, type PublishOptions } from "./publish/producer.ts";
export type { CapturedCall, CapturedWrite, ReplaySummary, StateValue } from "./replay/captured.ts";
export type { ComponentReplay, ComponentReplayOptions } from "./replay/component-replay.ts";
export { diff } from "./replay/diff.ts";
export type { About } from "./replay/diff-about.ts";
export type { FieldDifference } from "./replay/diff-fields.ts";
export type {
  ChannelDifference,
  Difference,
  DiffOptions,
  EventDifference,
  EventPlace,
  OutcomeDifference,
} from "./replay/difference.ts";
export {
  type ImportEntriesOptions,
  type ImportEntriesReport,
  type ImportedLine,
  importEntries,
  type LineParser,
  ndjsonLine,
} from "./replay/import-file.ts";
export { type ImportOptions, type ImportReport, importRecording } from "./replay/import-recording.ts";
export type { Rehearsal, Replays } from "./replay/namespace-replays.ts";
export type { Speed } from "./replay/pacing.ts";
export type { ReplayReport } from "./replay/perform-run.ts";
export { type RecordOptions, type RecordProgress, type RecordReport, record } from "./replay/record.ts";
export {
  type OpenRecordingOptions,
  openRecording,
  type RecordedLine,
  type Recording,
} from "./replay/recording-reader.ts";
export type { RepublishOptions } from "./replay/request.ts";
export type { Run, RunRequest, RunState } from "./replay/runs.ts";
export type { ReplayLine, ReplaySource } from "./replay/source.ts";
export { openLog, replayComponent } from "./replayer.ts";
export { openReplays, type ReplayOptions, replay } from "./replays.ts";
export type { RetentionPolicy } from "./retention/policy.ts";
export { tlsFromEnv } from "./tls.ts";
export { withBaggage } from "./tracing/baggage.ts";
