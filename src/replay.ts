/** `throughline/replay`: recordings, republishing into a shadow or live, a component's handlers over a record, and the difference of two runs. */

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
