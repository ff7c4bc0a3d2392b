/** `throughline prepare`: describes a namespace and loads its scripts, for users who may not. */

import type { Command } from "commander";
import { openOwner } from "../composition/owner.ts";
import { wholeNumber } from "../service/option-parsers.ts";
import { type CommonOptions, openFor } from "./common.ts";
import { print } from "./output.ts";

interface PrepareOptions extends CommonOptions {
  readonly partitions?: number;
  readonly channel?: readonly string[];
}

export function definePrepare(prepare: Command): void {
  prepare
    .option("--partitions <count>", "of a namespace that nobody has used; default: what it has, else 1", wholeNumber)
    .option("--channel <names...>", "that no component has named yet")
    .action(async (_options: object, command: Command) => {
      const { json, namespace, partitions, channel = [] } = command.optsWithGlobals<PrepareOptions>();
      await using owner = openFor(command, openOwner);
      const count = await owner.prepare({ channels: channel, ...(partitions === undefined ? {} : { partitions }) });
      const text = `Namespace "${namespace}" has ${count} partition${count === 1 ? "" : "s"}; the server has what producers run.`;
      await print(json === true ? JSON.stringify({ namespace, partitions: count }) : text);
    });
}
