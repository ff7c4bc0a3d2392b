/** Renders a replay for people and as JSON: its plan, and its result. */

import { durationText, timeText } from "../inspect/text/format.ts";
import { escaped } from "../model/safe-text.ts";
import type { Run, RunRequest } from "../ports/replay-runs.ts";
import type { Rehearsal } from "../replay/republish/namespace-replays.ts";
import type { ReplayReport } from "../replay/republish/perform-run.ts";

export function requestText(request: RunRequest): string {
  const { run, namespace, speed, limit, where } = request;
  const narrowed = [
    where === undefined ? "" : `, only ${escaped(where)}`,
    limit === undefined ? "" : `, the first ${counted(limit)}`,
  ].join("");
  return `Run ${escaped(run)}: ${sourceText(request)}${narrowed} → ${targetText(request)} of namespace ${escaped(namespace)}, ${speedText(speed)}`;
}

function sourceText({ source, channels, sourceNamespace }: RunRequest): string {
  const names = channels.join(", ");
  return escaped(
    "recording" in source ? `${names} of ${source.recording}` : `${names} of namespace ${sourceNamespace}`,
  );
}

function targetText({ into }: RunRequest): string {
  return into === undefined ? "the same channels" : escaped(into);
}

function speedText(speed: RunRequest["speed"]): string {
  if (speed === "max") return "as fast as it goes";
  return speed === "original" ? "at the original pace" : `${speed} times as fast`;
}

export function rehearsalText({ request, entries, unreadable, firstAt, lastAt }: Rehearsal): string {
  if (entries.size === 0) return "Nothing would be republished.";
  const lines = [`Nothing was written. In a namespace such as ${escaped(request.namespace)} there would be:`];
  for (const [channel, count] of entries)
    lines.push(escaped(`  ${counted(count)} of ${channel} in ${request.into ?? channel}`));
  lines.push(`Appended ${timeText(firstAt)} to ${timeText(lastAt)}: ${paceText(request, lastAt - firstAt)}.`);
  if (unreadable > 0) lines.push(`${counted(unreadable)} entries are no events, and would be left out.`);
  return lines.join("\n");
}

function paceText({ speed }: RunRequest, ms: number): string {
  if (speed === "max") return "as fast as it goes";
  return `this would take ${durationText(Math.round(ms / (speed === "original" ? 1 : speed)))}`;
}

export function rehearsalJson({ request, entries, unreadable, firstAt, lastAt }: Rehearsal): string {
  const counts = [...entries].map(([channel, count]) => ({ channel, into: request.into ?? channel, entries: count }));
  const { namespace, sourceNamespace } = request;
  return JSON.stringify(
    { dryRun: true, sourceNamespace, namespace, counts, unreadable, firstAt, lastAt },
    undefined,
    2,
  );
}

export function reportText(report: ReplayReport): string {
  const { entries, appended, unreadable, state, durationMs, maxLateMs } = report;
  const [run, sourceNamespace, namespace] = [report.run, report.sourceNamespace, report.namespace].map(escaped);
  const rate = durationMs > 0 ? `, ${counted(Math.round((appended * 1_000) / durationMs))} a second` : "";
  const earlier = entries === appended ? "" : ` (${counted(appended)} of them now)`;
  const lines = [
    `Republished ${counted(entries)} events${earlier} into namespace ${namespace} in ${durationText(Math.round(durationMs))}${rate}.`,
  ];
  if (maxLateMs >= 100) lines.push(`It fell behind its pace by up to ${durationText(Math.round(maxLateMs))}.`);
  if (unreadable > 0) lines.push(`${counted(unreadable)} entries are no events, and were left out.`);
  if (state !== "done") {
    lines.push(
      `${state === "cancelled" ? "Cancelled" : "Interrupted"}: \`throughline replay --from-namespace ${sourceNamespace} --resume ${run}\` goes on.`,
    );
  }
  return lines.join("\n");
}

export function reportJson(report: ReplayReport): string {
  const { durationMs, maxLateMs } = report;
  const rounded = { durationMs: Math.round(durationMs), maxLateMs: Math.round(maxLateMs) };
  return JSON.stringify({ ...report, ...rounded }, undefined, 2);
}

/** A run on one line. */
export function runText({ request, state, entries, error }: Run): string {
  const { run, total, createdAt } = request;
  const share = total === undefined || total === 0 ? "" : ` of ${counted(total)}`;
  const parts = [timeText(createdAt), escaped(run), escaped(state), `${counted(entries)}${share} events`];
  parts.push(`${sourceText(request)} → ${targetText(request)} of namespace ${escaped(request.namespace)}`);
  if (error !== "") parts.push(escaped(error));
  return parts.join("  ");
}

/** A number with separated thousands. */
function counted(value: number): string {
  return value.toLocaleString("en-US");
}
