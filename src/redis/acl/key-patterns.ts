/** The keys that a rule of Redis names, as patterns: one for each kind of keys that `Keys` builds. */

import { sliceOfSource } from "../../model/source-names.ts";
import type { AclScope } from "./scope.ts";

/** The kinds of keys that `Keys` builds. */
export type KeyKind =
  | "meta"
  | "stream"
  | "dead"
  | "attempts"
  | "parked"
  | "seen"
  | "owner"
  | "beats"
  | "batchNumbers"
  | "replies"
  | "state"
  | "sourceOwner"
  | "sourceBeats"
  | "sourceState"
  | "settled"
  | "anyOwner"
  | "anyParked"
  | "relay"
  | "relayed"
  | "sourceRelay"
  | "sourceRelayed"
  | "trimmed"
  | "maintenanceTurn"
  | "scratch"
  | "bull"
  | "replayed"
  | "replayRuns"
  | "replayBull"
  | "any";

export function patternsOf(
  kind: KeyKind,
  { namespace, channels = ["*"], component = "*", source = "*" }: AclScope,
): readonly string[] {
  const tag = `{${namespace}:*}`;
  const perChannel = (rest: string): readonly string[] => channels.map((channel) => `${tag}:${channel}${rest}`);
  switch (kind) {
    case "meta":
      return [`${namespace}:meta`];
    case "stream":
      return perChannel("");
    case "dead":
    case "attempts":
    case "parked":
      return perChannel(`:${kind}:${component}`);
    case "seen":
      return perChannel(":seen:*");
    case "owner":
    case "settled":
      return [`${tag}:${kind}:${component}`];
    case "beats":
      return [`{${namespace}:members}:${component}`];
    case "anyOwner":
      return [`${tag}:owner:*`];
    case "anyParked":
      return perChannel(":parked:*");
    case "state":
      return [`${tag}:${kind}:${component}:*`];
    case "sourceOwner":
      return [`${tag}:owner:${sliceOfSource(source)}`];
    case "sourceBeats":
      return [`{${namespace}:members}:${sliceOfSource(source)}`];
    case "sourceState":
      return [`${tag}:state:${sliceOfSource(source)}:*`];
    case "batchNumbers":
      return [`${tag}:numbers:p*`];
    case "replies":
      return [`${tag}:numbers:o*`];
    case "relay":
    case "relayed":
      return [`${tag}:${kind}:${component}:*`];
    case "sourceRelay":
      return [`${tag}:relay:${sliceOfSource(source)}:*`];
    case "sourceRelayed":
      return [`${tag}:relayed:${sliceOfSource(source)}:*`];
    case "trimmed":
      return [`${tag}:trimmed`];
    case "maintenanceTurn":
      return [`{${namespace}:0}:maintenance:turn:*`];
    case "scratch":
      return [`${tag}:repair`];
    case "replayed":
      return [`${tag}:replayed:*`];
    case "replayRuns":
      return [`{${namespace}-replays:0}:replays*`];
    case "replayBull":
      return [`{${namespace}-replays:0}:bull:*`];
    case "bull":
      return [`{${namespace}:0}:bull:*`];
    case "any":
      return [`${tag}:*`];
  }
}
