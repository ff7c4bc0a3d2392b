/** The report of a soak for people: the faults that it went through, and whether it is clean. */

import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Table from "cli-table3";
import { sumOf } from "../../trading/pipeline/ledger.ts";
import { writeFacts } from "../checker/collect.ts";
import type { SoakOptions, SoakResult } from "./soak.ts";

const maxBreaches = 40;

/** `keptIn`: the directory of the history and the logs, when a check failed. */
export function renderReport(result: SoakResult, options: SoakOptions, keptIn: string | undefined): string {
  const { breaches, ledger, history, durationMs, drainMs, faults, feed, desk } = result;
  const kinds = [...faults].toSorted();
  const style = { head: [], border: [] };
  const table = new Table({ head: kinds.map(([kind]) => kind), style, colAligns: kinds.map(() => "right") });
  table.push(kinds.map(([, times]) => times));
  const { ordered, executed, rejected, cancelled } = sumOf(ledger.clientOrders.values());
  const entries = Object.values(ledger.counts).reduce((sum, { total }) => sum + total, 0);
  const lines = [
    "",
    ...(faults.size === 0 ? [] : [table.toString()]),
    `Soaked for ${(durationMs / 60_000).toFixed(1)} min; everything was finished ${(drainMs / 1_000).toFixed(1)} s after the last fault.`,
    `Orders: ${number(feed.placed)} placed and ${number(feed.cancels)} cancelled by their clients (${number(feed.placedAgain)} times again, unconfirmed), ${number(entries)} entries in the log.`,
    `Shares: ${number(ordered)} ordered, ${number(executed)} executed, ${number(rejected)} rejected, ${number(cancelled)} cancelled.`,
    ...(options.appendfsync === "always" ? [] : [renderLoss(result)]),
    ...(options.cluster ? [renderFailovers(result)] : []),
    `Processes: ${desk.starts} started; ${number(desk.takenOver)} partitions taken over, ${number(desk.handedOver)} handed over, ` +
      `${number(desk.lost)} found to be another's.`,
    ...(options.confirmed
      ? [
          `${number(desk.undrained)} members were told to end while a node had no replica, and ended with what was not confirmed.`,
        ]
      : []),
    `History: ${number(history.length)} facts checked.`,
  ];
  if (breaches.length === 0) {
    lines.push(
      `CLEAN: nothing lost${options.appendfsync === "always" && !options.staleReplicas ? "" : " of what Redis had"}, nothing twice, nothing open, and the three books agree.`,
    );
  } else {
    lines.push(`NOT CLEAN: ${number(breaches.length)} violations`);
    lines.push(...breaches.slice(0, maxBreaches).map((breach) => `  ${breach}`));
    if (breaches.length > maxBreaches) lines.push(`  and ${number(breaches.length - maxBreaches)} more`);
    if (keptIn !== undefined) lines.push(`Kept for a look: ${keptIn}`);
  }
  lines.push(`replay: ${replayLine(options)}`);
  return lines.join("\n");
}

/** Entries that Redis itself lost: their loss is no breach. */
function renderLoss({ faults, lostByRedis, desk }: SoakResult): string {
  return (
    `Redis: killed ${faults.get("redisKill") ?? 0} times; its files did not have ${number(lostByRedis)} orders that it had acknowledged, ` +
    `and members said ${number(desk.goneBack)} times that it had gone back.`
  );
}

/** Likewise what a replica did not have that was promoted. */
function renderFailovers({ faults, losses, lostByRedis, desk }: SoakResult): string {
  return (
    `Nodes: ${faults.get("failover") ?? 0} killed; their replicas did not have the ends of ${losses} streams, with ${number(lostByRedis)} acknowledged orders, ` +
    `and members said ${number(desk.goneBack)} times that a server had gone back.`
  );
}

export function replayLine(options: SoakOptions): string {
  const { minutes, seed, rate, appendfsync, slowFsync, cluster, confirmed, staleReplicas } = options;
  const ofRedis = appendfsync === "always" ? "" : ` --appendfsync ${appendfsync}${slowFsync ? " --slow-fsync" : ""}`;
  return `npm run soak -- --minutes ${minutes} --seed ${seed} --rate ${rate}${ofRedis}${cluster ? " --cluster" : ""}${confirmed ? " --confirmed" : ""}${staleReplicas ? " --stale-replicas" : ""}`;
}

/** Writes the history, as the checker reads it, and what every process has said. Resolves with the directory. */
export async function keepEvidence({ history, logs }: SoakResult): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "throughline-soak-"));
  await writeFile(join(directory, "history.ndjson"), writeFacts(history));
  for (const [name, text] of logs) await writeFile(join(directory, name), text);
  return directory;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
