/** The names of our keys. Everything of one partition shares a hash tag, so that one script may touch all of it on a cluster. */

/** The version of the wire format and of the key layout; a namespace of another one is refused. */
export const formatVersion = "1";

/** Names that stand where a member's would, for deliveries that nobody is handling. */
export const parkedConsumer = "parked";
export const releasedConsumer = "released";

/** Of the notes about runs that replay a namespace. They lie beside it: who may only read it can replay it all the same. */
export function replayKeys(namespace: string): Keys {
  return new Keys(`${namespace}-replays`);
}

/** Builds the keys of one namespace. */
export class Keys {
  readonly namespace: string;
  /** By partition and channel: asked for with every event. */
  readonly #streams = new Map<number, Map<string, string>>();

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** `{<namespace>:<partition>}`, the hash tag and prefix of everything in a partition. */
  tag(partition: number): string {
    return `{${this.namespace}:${partition}}`;
  }

  /** The format version, the partition count, and the names of the channels and components seen. */
  meta(): string {
    return `${this.namespace}:meta`;
  }

  stream(partition: number, channel: string): string {
    let streams = this.#streams.get(partition);
    if (streams === undefined) {
      streams = new Map();
      this.#streams.set(partition, streams);
    }
    let key = streams.get(channel);
    if (key === undefined) {
      key = `${this.tag(partition)}:${channel}`;
      streams.set(channel, key);
    }
    return key;
  }

  dead(partition: number, channel: string, component: string): string {
    return `${this.tag(partition)}:${channel}:dead:${component}`;
  }

  attempts(partition: number, channel: string, component: string): string {
    return `${this.tag(partition)}:${channel}:attempts:${component}`;
  }

  parked(partition: number, channel: string, component: string): string {
    return `${this.tag(partition)}:${channel}:parked:${component}`;
  }

  /** Present for the length of a channel's dedupe window. */
  seen(partition: number, channel: string, eventId: string): string {
    return `${this.tag(partition)}:${channel}:seen:${eventId}`;
  }

  members(partition: number, component: string): string {
    return `${this.tag(partition)}:members:${component}`;
  }

  robbed(partition: number, component: string, member: string): string {
    return `${this.tag(partition)}:robbed:${component}:${member}`;
  }

  /** The numbers of the last batches of a producer session or a member. */
  numbers(partition: number, session: string): string {
    return `${this.tag(partition)}:numbers:${session}`;
  }

  /** The answer to a member's burial of an entry. */
  buried(partition: number, member: string, channel: string, entryId: string): string {
    return `${this.numbers(partition, `m${member}`)}:buried:${channel}/${entryId}`;
  }

  state(partition: number, component: string, store: string): string {
    return `${this.tag(partition)}:state:${component}:${store}`;
  }

  /** What a component has settled, in the order in which it did. */
  settled(partition: number, component: string): string {
    return `${this.tag(partition)}:settled:${component}`;
  }

  /** Where a component stands on each channel, so that a group that is gone can be made again there. */
  positions(partition: number, component: string): string {
    return `${this.tag(partition)}:positions:${component}`;
  }

  /** How many entries of each channel retention has removed; `accepted:<channel>`: how many others have, as a repair has noted. */
  trimmed(partition: number): string {
    return `${this.tag(partition)}:trimmed`;
  }

  /** There while a repair tries what this server lets it do. */
  repair(partition: number): string {
    return `${this.tag(partition)}:repair`;
  }

  /** When the last round of maintenance began, and who began it; of the processes that do the same in theirs. */
  maintenanceTurn(share: string): string {
    return `${this.tag(0)}:maintenance:turn:${share}`;
  }

  /** How far a run of a replay has come here. */
  replayed(partition: number, run: string): string {
    return `${this.tag(partition)}:replayed:${run}`;
  }

  /** The runs that replayed this namespace, by when they began. */
  replayRuns(): string {
    return `${this.tag(0)}:replays`;
  }

  /** What is known of one of them. */
  replayRun(run: string): string {
    return `${this.tag(0)}:replays:${run}`;
  }

  /** The prefix under which BullMQ keeps its own keys. */
  bull(): string {
    return `${this.tag(0)}:bull`;
  }
}
