/** The guide's examples of recording, replaying and comparing in code. test/docs/examples.test.ts runs it on the ledger's day. */

import { connectBackbone } from "throughline";

const [file = "yesterday.ndjson.zst"] = process.argv.slice(2);
const url = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";
const namespace = process.env["NAMESPACE"] ?? "shop";
await using backbone = await connectBackbone({ url, namespace });

// #region record
import { openRecording, record } from "throughline/replay";

const report = await record(backbone, ["payments", "receipts"], file, { components: ["ledger"] });

const recording = await openRecording(file);
const counts = { entry: 0, settlement: 0 };
for await (const { kind } of recording.lines()) counts[kind]++; // in the order of the log
// #endregion record
console.log(report.isComplete, counts.entry === report.entries, counts.settlement === report.settlements);

// #region import
import { importEntries, importRecording, ndjsonLine } from "throughline/replay";
import { payments } from "./ledger-handlers.ts";

await using rehearsal = await connectBackbone({ url, namespace: `${namespace}-rehearsal` });
const copied = await importRecording(rehearsal, recording, { speed: "max" }); // entries as they were, under new entry ids
console.log(`${copied.entries} entries copied`);
const lineFile = process.argv[3] ?? "payments.jsonl";
const imported = await importEntries(rehearsal, payments, lineFile, ndjsonLine("at"), { speed: 10, skipInvalid: true });
// #endregion import
console.log(`${imported.entries} published, ${imported.invalid} skipped`);

// #region republish
import { replay } from "throughline/replay";

const shadowed = await replay({ url, recording: file, speed: "max" }); // into a shadow namespace of its own
const again = await replay({ url, sourceNamespace: namespace, channels: ["payments"], speed: "max", limit: 2 });
// #endregion republish
console.log(`${shadowed.entries} and ${again.entries} republished`);

// #region component
import { diff, replayComponent } from "throughline/replay";
import { receipts } from "./ledger-handlers.ts";
import { subscriptions } from "./ledger-with-fee.ts";

const replayed = replayComponent({ source: recording, component: "ledger", subscriptions });
for await (const call of replayed.calls()) console.log(call.outcome, call.outputs.length, call.writes[0]?.value);

const difference = await diff(recording, replayed, { channels: [payments, receipts] });
console.log(difference.isSame, difference.channels["receipts"]);
// #endregion component
