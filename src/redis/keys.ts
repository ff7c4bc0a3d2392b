/**
 * Builds the names of our keys. All keys of one partition share a hash tag, so that one script may touch all of them on
 * a cluster.
 */

/** The version of the wire format and of the key layout; a namespace of another version is refused. */
export const formatVersion = "2";

/** The consumer that stands in place of a member for what waits for a retry. */
export const parkedConsumer = "parked";

/**
 * The keys of the notes about runs that replay a namespace. They lie beside it: a user who may only read the namespace
 * can replay it.
 */
export function replayKeys(namespace: string): Keys {
  return new Keys(`${namespace}-replays`);
}

/** Builds the keys of one namespace. */
export class Keys {
  readonly namespace: string;
  /** Stream keys by partition and channel. A cache, as every event needs one. */
  readonly #streams = new Map<number, Map<string, string>>();

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** `{<namespace>:<partition>}`, the hash tag and prefix of everything in a partition. */
  tag(partition: number): string {
    return `{${this.namespace}:${partition}}`;
  }

  /** The namespace's description: format version, partition count, and the channels and components seen. */
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

  /** Marks an event id as seen, for the length of the channel's dedupe window. */
  seen(partition: number, channel: string, eventId: string): string {
    return `${this.tag(partition)}:${channel}:seen:${eventId}`;
  }

  /** The row of a component in a partition: its owner, its positions, what is open before them. */
  owner(partition: number, component: string): string {
    return `${this.tag(partition)}:owner:${component}`;
  }

  /** The heartbeats of a component's members. They lie in a slot of their own. */
  beats(component: string): string {
    return `{${this.namespace}:members}:${component}`;
  }

  /** The numbers of the last batches of a producer session or a member. */
  numbers(partition: number, session: string): string {
    return `${this.tag(partition)}:numbers:${session}`;
  }

  state(partition: number, component: string, store: string): string {
    return `${this.tag(partition)}:state:${component}:${store}`;
  }

  /** Outputs of a slice for a partition at another node, until its owner has moved them on. */
  relay(partition: number, component: string, to: number): string {
    return `${this.tag(partition)}:relay:${component}:${to}`;
  }

  /** What a partition remembers of a slice's relay, so that each output arrives once. */
  relayed(partition: number, component: string, from: number): { readonly memory: string; readonly recent: string } {
    const memory = `${this.tag(partition)}:relayed:${component}:${from}`;
    return { memory, recent: `${memory}:recent` };
  }

  /** The log of the settlements of a component, in their order. */
  settled(partition: number, component: string): string {
    return `${this.tag(partition)}:settled:${component}`;
  }

  /**
   * The number of entries that retention has removed from each channel. Field `accepted:<channel>`: the number that others
   * have removed, as a repair has noted.
   */
  trimmed(partition: number): string {
    return `${this.tag(partition)}:trimmed`;
  }

  /** Present while a repair tries which commands this server allows. */
  repair(partition: number): string {
    return `${this.tag(partition)}:repair`;
  }

  /** The time and the process of the last round of maintenance, for all processes that maintain the same share. */
  maintenanceTurn(share: string): string {
    return `${this.tag(0)}:maintenance:turn:${share}`;
  }

  /** The progress of a replay's run in this partition. */
  replayed(partition: number, run: string): string {
    return `${this.tag(partition)}:replayed:${run}`;
  }

  /** The index of the runs that replayed this namespace, by the time of their beginning. */
  replayRuns(): string {
    return `${this.tag(0)}:replays`;
  }

  /** The notes of one run. */
  replayRun(run: string): string {
    return `${this.tag(0)}:replays:${run}`;
  }

  /** The prefix under which BullMQ keeps its own keys. */
  bull(): string {
    return `${this.tag(0)}:bull`;
  }

  /** What format 1 kept of a component in a partition, and format 2 does not: positions, and the members' last heartbeats. */
  former(partition: number, component: string): { readonly positions: string; readonly members: string } {
    const tag = this.tag(partition);
    return { positions: `${tag}:positions:${component}`, members: `${tag}:members:${component}` };
  }

  /** Likewise: what was taken from members that were taken for dead, as a pattern of KEYS for all of them. */
  formerlyRobbed(): string {
    return `{${this.namespace}:*}:robbed:*`;
  }
}
