/// <reference lib="esnext.disposable" preserve="true" />
/** `throughline/replay`: recordings, republishing into a shadow or live, a component's handlers over a record, and the difference of two runs. */

import "./model/require-node.ts";

export { openLog, replayComponent } from "./composition/component-replays.ts";
export { openReplays, type ReplayOptions, type ReplaysOptions, replay } from "./composition/replays.ts";
export {
  type ComponentHandlers,
  type ComponentRecordOptions,
  openRecord,
  type StoryStatesOptions,
  storyStates,
} from "./composition/story-states.ts";
export type { Speed } from "./model/speed.ts";
export type { Run, RunRequest, RunSource, RunState } from "./ports/replay-runs.ts";
export type { CapturedCall, CapturedWrite, ReplaySummary, StateValue } from "./replay/component/captured-call.ts";
export type { ComponentReplay, ComponentReplayOptions } from "./replay/component/component-replay.ts";
export type { Gaps, ReplayOrder } from "./replay/component/recorded-order.ts";
export type { StateWrite, StoryStates, StoryStep } from "./replay/component/story-states.ts";
export type { About } from "./replay/diff/correlation.ts";
export { diff } from "./replay/diff/diff.ts";
export type {
  ChannelDifference,
  Difference,
  DiffOptions,
  EventDifference,
  EventLocation,
  OutcomeDifference,
} from "./replay/diff/difference.ts";
export type { FieldDifference } from "./replay/diff/field-differences.ts";
export {
  type ImportEntriesOptions,
  type ImportEntriesReport,
  type ImportedLine,
  importEntries,
  type LineParser,
  ndjsonLine,
} from "./replay/recording/import-file.ts";
export { type ImportOptions, type ImportReport, importRecording } from "./replay/recording/import-recording.ts";
export { type RecordOptions, type RecordProgress, type RecordReport, record } from "./replay/recording/record.ts";
export type { RecordingHeader } from "./replay/recording/recording-format.ts";
export {
  type OpenRecordingOptions,
  openRecording,
  type RecordedLine,
  type Recording,
} from "./replay/recording/recording-reader.ts";
export type { Rehearsal, Replays } from "./replay/republish/namespace-replays.ts";
export type { ReplayReport, RunOptions } from "./replay/republish/perform-run.ts";
export type { OpenedSource, RepublishOptions } from "./replay/republish/request.ts";
export type { Unreadable } from "./replay/republish/survey.ts";
export type { LiveLine, LiveRange, LiveSource } from "./replay/source/live-source.ts";
export type { SourceOptions } from "./replay/source/open-source.ts";
export type { ReplayLine, ReplaySource } from "./replay/source/source.ts";
