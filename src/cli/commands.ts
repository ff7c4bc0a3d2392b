/**
 * Lists the commands. Each is loaded when it is called: loading all of them would take longer than most of them run.
 */

import type { Command } from "commander";
import type { LoadExtension } from "./plug-in.ts";

interface CommandPlace {
  readonly description: string;
  /** True where the command can do nothing without a namespace. */
  readonly needsNamespace?: boolean;
  /** Loads the command's file. Its function adds arguments, options and action to the command. */
  readonly load: () => Promise<(command: Command, extension: LoadExtension) => void | Promise<void>>;
}

/** The commands in the order of the help. */
export const commands: ReadonlyMap<string, CommandPlace> = new Map(
  Object.entries({
    status: {
      description: "channels, components and members: lag, pending, parked, dead letters, and what is abandoned",
      needsNamespace: true,
      load: async () => (await import("./status.ts")).defineStatus,
    },
    tail: {
      description: "entries of a channel, one a line, oldest first",
      needsNamespace: true,
      load: async () => (await import("./tail.ts")).defineTail,
    },
    journey: {
      description: "one event's whole story across all components, from the log alone",
      needsNamespace: true,
      load: async () => (await import("./journey.ts")).defineJourney,
    },
    search: {
      description: "finds events anywhere in the log, the newest first, by id, trace or attribute",
      needsNamespace: true,
      load: async () => (await import("./search.ts")).defineSearch,
    },
    attempts: {
      description: "how many attempts a component made over time, and how they ended",
      needsNamespace: true,
      load: async () => (await import("./attempts.ts")).defineAttempts,
    },
    spans: {
      description: "spans made again from the log: of stories, of a stretch of time, by outcome; heals what is missing",
      needsNamespace: true,
      load: async () => (await import("./spans.ts")).defineSpans,
    },
    states: {
      description: "a component's state for one order after each of its settlements, by its handlers and the log",
      needsNamespace: true,
      load: async () => (await import("./states.ts")).defineStates,
    },
    console: {
      description: "a page in the browser: the flow, stories, channels, dead letters and replays, live",
      needsNamespace: true,
      load: async () => (await import("./console.ts")).defineConsole,
    },
    check: {
      description: "holds the channels of new code against the entries that are in the log, before a deploy",
      needsNamespace: true,
      load: async () => (await import("./check.ts")).defineCheck,
    },
    dead: {
      description: "dead letters: list, show, redrive, purge",
      needsNamespace: true,
      load: async () => (await import("./dead.ts")).defineDead,
    },
    component: {
      description: "components that will not come back: retire",
      needsNamespace: true,
      load: async () => (await import("./component.ts")).defineComponent,
    },
    record: {
      description: "writes entries of channels to a file, byte for byte, to be replayed or imported",
      needsNamespace: true,
      load: async () => (await import("./record.ts")).defineRecord,
    },
    import: {
      description:
        "appends a file's entries to channels: a recording's, exactly, or lines of JSON, or of a format of your own",
      needsNamespace: true,
      load: async () => (await import("./import.ts")).defineImport,
    },
    acl: {
      description: "the rules of a least-privilege Redis user, who may do what the roles need and nothing else",
      needsNamespace: true,
      load: async () => (await import("./acl.ts")).defineAcl,
    },
    prepare: {
      description: "describes a namespace, and loads what producers run, for users who may do neither",
      needsNamespace: true,
      load: async () => (await import("./prepare.ts")).definePrepare,
    },
    repair: {
      description: "repairs channels that somebody who may publish to them has spoiled, as status says",
      needsNamespace: true,
      load: async () => (await import("./repair.ts")).defineRepair,
    },
    replay: {
      description: "republishes a recording, or channels of the log: into a shadow namespace, unless told otherwise",
      load: async () => (await import("./replay.ts")).defineReplay,
    },
    replays: {
      description: "runs that replay the namespace: how far they are; cancel one, or work on the queued ones",
      needsNamespace: true,
      load: async () => (await import("./replays.ts")).defineReplays,
    },
    diff: {
      description:
        "compares two runs event by event: the same, changed, missing, added, and which orders that concerns",
      load: async () => (await import("./diff.ts")).defineDiff,
    },
  }),
);
