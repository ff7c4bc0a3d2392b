/** Reads an entry's payload as its channel's handlers get it: parse, upcast, validate. */

import { type Channel, validatePayload } from "./channel.ts";
import { type Envelope, parsePayload } from "./envelope.ts";
import { PayloadError, VersionError } from "./errors.ts";
import { upcasted, versionsText } from "./schema-version.ts";

/**
 * The payload as the channel's schema gives it; a promise only where the schema is asynchronous.
 * @throws {EnvelopeError} when it is no JSON, is too large or too deep, or has a forbidden key
 * @throws {VersionError} when it has a newer version than the channel's
 * @throws {PayloadError} when an upcaster or the schema refuses it
 */
export function readPayload<P>(channel: Channel<P>, envelope: Envelope): P | Promise<P> {
  const { version } = envelope;
  if (version > channel.version) throw new VersionError(channel.name, envelope.entryId, version, channel.version);
  const parsed = parsePayload(envelope, channel.maxPayloadBytes, channel.maxNesting);
  const refused = (error: unknown): never => {
    throw error instanceof PayloadError ? toldAtDelivery(error, channel, version) : error;
  };
  const value = version === channel.version ? parsed : upcasted(channel, parsed, version);
  try {
    const valid = validatePayload(channel, value);
    return valid instanceof Promise ? valid.catch(refused) : valid;
  } catch (error) {
    return refused(error);
  }
}

/** Nothing was refused when it was published: what lies between says why it is now. */
function toldAtDelivery(cause: PayloadError, channel: Channel<unknown>, version: number): PayloadError {
  if (version < channel.version)
    return new PayloadError(channel.name, cause.issues, { cause, what: versionsText(version, channel.version) });
  const advice =
    "If it was published by a definition of this channel, it passed then: what was published has not survived JSON, or the schema " +
    "has changed without a new version";
  return new PayloadError(channel.name, cause.issues, { cause, advice });
}
