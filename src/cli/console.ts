/** `throughline console`: serves the console of a namespace until Ctrl-C. */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type Command, Option } from "commander";
import { tlsFromEnv } from "../composition/tls-files.ts";
import { serveConsole } from "../console/console.ts";
import { isLoopback } from "../console/options.ts";
import { ConfigError } from "../model/errors.ts";
import { serversGiven } from "../model/servers-given.ts";
import { usageExitCode } from "../service/exit-code.ts";
import { hostList, portNumber } from "../service/option-parsers.ts";
import { type CommonOptions, stderrLog } from "./common.ts";
import { type ComponentModule, moduleOption, modulesOf } from "./components.ts";
import { print } from "./output.ts";
import type { LoadExtension } from "./plug-in.ts";
import { surroundings } from "./surroundings.ts";

interface ConsoleCommandOptions extends CommonOptions {
  readonly host: string;
  readonly port: number;
  readonly token?: string;
  readonly allowedHosts?: readonly string[];
  readonly allowActions?: true;
  readonly mask?: readonly string[];
  readonly module?: readonly ComponentModule[];
}

export function defineConsole(command: Command, extension: LoadExtension): void {
  command
    .addOption(new Option("--port <port>", "where it listens, 0 for a free port").argParser(portNumber).default(8_090))
    .addOption(
      new Option("--host <address>", "the address that it listens on; other than loopback, it wants a token").default(
        "127.0.0.1",
      ),
    )
    .addOption(
      new Option("--token <text>", "what a browser must bring (default, where one is needed: a random one)").env(
        "CONSOLE_TOKEN",
      ),
    )
    .addOption(
      new Option("--allowed-hosts <hosts>", "what browsers reach it by beside its own address, with commas between")
        .argParser(hostList)
        .env("CONSOLE_ALLOWED_HOSTS"),
    )
    .addOption(moduleOption())
    .option("--allow-actions", "let the page redrive and purge dead letters, and begin and cancel replays")
    .addOption(
      new Option(
        "--mask <attributes>",
        "attributes whose values are not shown, such as user.id,payload.email",
      ).argParser((text) => text.split(",").map((one) => one.trim())),
    )
    .action(async (_options: object, self: Command) => {
      const { namespace, json, host, token, ...given } = self.optsWithGlobals<ConsoleCommandOptions>();
      const signal = surroundings().stopSignal();
      const secret = token ?? (isLoopback(host) ? undefined : randomBytes(24).toString("base64url"));
      try {
        await using console = await serveConsole({
          ...serversGiven(given),
          tls: tlsFromEnv(surroundings().env),
          namespace,
          host,
          port: given.port,
          token: secret,
          allowedHosts: given.allowedHosts,
          allowActions: given.allowActions === true,
          mask: given.mask,
          loadComponents: async () => ({ ...(await extension()).components, ...(await modulesOf(given.module ?? [])) }),
          loadChannels: async () => (await extension()).channels ?? [],
          log: stderrLog,
        });
        await print(
          json === true ? JSON.stringify({ url: console.url }) : `The console is at ${console.url} until Ctrl-C.`,
        );
        if (!signal.aborted) await once(signal, "abort");
      } catch (error) {
        if (error instanceof ConfigError) self.error(`error: ${error.message}`, { exitCode: usageExitCode });
        throw error;
      }
    });
}
