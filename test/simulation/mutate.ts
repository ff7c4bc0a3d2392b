/** Loaded before a program (`--import`): the sources are read with one mutation applied, which THROUGHLINE_MUTATION names. */

import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { applied } from "./mutation.ts";
import { findMutation } from "./mutations.ts";

const mutation = findMutation(process.env["THROUGHLINE_MUTATION"] ?? "");
const pending = new Set(mutation.edits.map(({ file }) => file));

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.startsWith("file:")) return loaded;
    const file = [...pending].find((one) => fileURLToPath(url).endsWith(`/src/${one}`));
    if (file === undefined || loaded.source === undefined || loaded.source === null) return loaded;
    pending.delete(file);
    return { ...loaded, source: applied(mutation, file, Buffer.from(loaded.source as Uint8Array).toString("utf8")) };
  },
});
