/** Rejections that nobody handles, as the process tells of them: one that comes of a handler's tools is that handler's failure. */

/** Told of the rejection, which may have the failure as its cause only. */
type Owner = (reason: unknown) => void;

interface Registry {
  readonly owners: WeakMap<object, Owner>;
  /** Set while the process is listened to. */
  end: NodeJS.Timeout | undefined;
}

/** How long the process is listened to after the last failure, ms: a function that passes one on may do other things first. */
const listenMs = 60_000;
/** Deepest cause that is looked at. */
const maxDepth = 8;

// Of the process, not of this copy of the package: each of two listeners would take what is the other's for a stranger's.
const place = Symbol.for("throughline.unhandled-failures");
const holder = globalThis as typeof globalThis & { [place]?: Registry };
holder[place] ??= { owners: new WeakMap(), end: undefined };
const registry: Registry = holder[place];

/**
 * From now on `owner` is told where this failure, or an error that has it as its cause, becomes a rejection that nobody handles; it does not
 * end the process then. A failure that is no object cannot be told from others.
 */
export function ownFailure(failure: unknown, owner: Owner): void {
  if (typeof failure !== "object" || failure === null) return;
  registry.owners.set(failure, owner);
  listen();
}

function listen(): void {
  if (registry.end !== undefined) {
    registry.end.refresh();
    return;
  }
  process.on("unhandledRejection", onUnhandled);
  registry.end = setTimeout(stopListening, listenMs).unref();
}

function stopListening(): void {
  process.off("unhandledRejection", onUnhandled);
  clearTimeout(registry.end);
  registry.end = undefined;
}

function onUnhandled(reason: unknown): void {
  const owner = ownerOf(reason, maxDepth);
  if (owner !== undefined) {
    owner(reason);
    return;
  }
  // A stranger's. Where the application listens as well, it decides; where it does not, Node's own rule holds, as if we did not listen.
  if (process.listenerCount("unhandledRejection") > 1) return;
  stopListening();
  Promise.reject(reason);
  setImmediate(listen);
}

function ownerOf(reason: unknown, depth: number): Owner | undefined {
  if (typeof reason !== "object" || reason === null || depth === 0) return undefined;
  return registry.owners.get(reason) ?? ownerOf((reason as { readonly cause?: unknown }).cause, depth - 1);
}
