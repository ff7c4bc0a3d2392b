/** The reports of one venue as a source: each partition's from where its last run left off, and the position with them. */

import type { Log, SourceRun, SourceTools } from "throughline";
import { type VenueNotice, VenueReport } from "../../trading/domain/index.ts";
import { type VenueAddress, VenueLink } from "./venue-link.ts";

export interface ReportRunOptions {
  readonly venue: VenueAddress;
  readonly client: string;
  readonly log: Log;
}

/** Appends that may be under way at once. */
const maxAppends = 8;

/** Where a run left off: the number of the last report, and the journal whose number that is. */
export function positionOf(text: string | undefined): { readonly journal?: string; readonly number: number } {
  if (text === undefined) return { number: 0 };
  const colon = text.lastIndexOf(":");
  return { journal: text.slice(0, colon), number: Number(text.slice(colon + 1)) };
}

export function readReports({ venue, client, log }: ReportRunOptions): SourceRun<VenueNotice> {
  return async ({ position, partition, signal, fence, append }: SourceTools<VenueNotice>) => {
    const { journal, number } = positionOf(position);
    const from = number + 1;
    const hello = { client, partition, direction: "reports", fence, from, ...(journal && { journal }) } as const;
    await using link = await VenueLink.open(venue, hello, signal);
    const stop = (): void => link.cut(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    const appending = new Set<Promise<unknown>>();
    let expected = from;
    try {
      for await (const frame of link.frames()) {
        if (frame.type !== "reports") continue;
        const { first, reports } = frame;
        const last = first + reports.length - 1;
        if (first > expected) {
          throw new Error(
            `venue "${venue.name}" left out reports ${expected} to ${first - 1} of partition ${partition}`,
          );
        }
        if (first < expected) {
          log.warn(
            { venue: venue.name, partition, first, last, expected },
            "a venue has repeated reports; they are left out",
          );
        }
        const fresh = reports.slice(expected - first);
        if (fresh.length === 0) continue;
        const events = fresh.map((written, n) => {
          const payload = noticeOf(venue.name, expected + n, written);
          return {
            payload,
            ...(payload.kind === "report" && {
              eventId: `${venue.name}:${payload.report.id}`,
              time: payload.report.at,
            }),
          };
        });
        expected = last + 1;
        const appended = append(events, `${link.welcome.journal}:${last}`);
        appending.add(appended);
        appended.then(
          () => appending.delete(appended),
          (error: Error) => link.cut(error),
        );
        if (appending.size >= maxAppends) await Promise.race(appending);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener("abort", stop);
      await Promise.allSettled(appending);
    }
  };
}

/** What is no report is kept as it came, with its number, so that somebody can look at it. */
function noticeOf(venue: string, number: number, written: unknown): VenueNotice {
  const parsed = VenueReport.safeParse(written);
  if (parsed.success) return { kind: "report", venue, number, report: parsed.data };
  const [issue] = parsed.error.issues;
  const problem = `${issue?.path.join(".") ?? ""} ${issue?.message ?? "is no report"}`.trim().slice(0, 300);
  return { kind: "unreadable", venue, number, text: (JSON.stringify(written) ?? "").slice(0, 1_000), problem };
}
