/** The meaning of an error of a connection, and of a server's error reply. */

import { messageOf } from "../../model/error-message.ts";
import { ConfigError, StoreError } from "../../model/errors.ts";
import { HandshakeRefusedError, WrongServerError } from "./refusals.ts";

/** An error in words. That of a host with several addresses has an error for each, and no message of its own. */
export function reasonOf(error: Error): string {
  return error.message || String((error as NodeJS.ErrnoException).code);
}

/**
 * True where a command's connection broke, so that the command may or may not have run. Only its batch number can tell.
 */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.name === "MaxRetriesPerRequestError" ||
    error.message === "Connection is closed." ||
    error.message.startsWith("Stream isn't writeable") ||
    error.message.startsWith("Socket timeout") ||
    error.message.startsWith("Command aborted")
  );
}

/**
 * True for a reply with which the server says that it will take commands later: it starts, or it is no longer the
 * primary.
 */
export function isPassing(error: unknown): boolean {
  // A blocking read on a primary ends with UNBLOCKED when the primary becomes a replica. This word has other reasons,
  // too.
  const passing = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|BUSY) |^UNBLOCKED force unblock/;
  return error instanceof Error && passing.test(error.message);
}

/** A kind of "later", for people. */
export function passingText(kind: string): string {
  if (kind === "LOADING") return "Redis still loads its data; waiting";
  if (kind === "BUSY") return "Redis is busy with somebody's script; waiting";
  if (kind === "CLUSTERDOWN") return "the cluster does not serve the slot at the moment; waiting";
  if (kind === "TRYAGAIN") return "the slot is being moved to another node; waiting";
  return "Redis takes no commands at the moment; waiting";
}

/** True where the server's memory is full and the command would have added to it. */
export function isMemoryFull(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("OOM ");
}

/** True where the server does not have the script: it was restarted, or somebody flushed its scripts. */
export function isScriptMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("NOSCRIPT");
}

/** True where an earlier call has not run yet: that one is sent again, and then this one. */
export function isOutOfTurn(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("OUTOFTURN");
}

/** The server has answered: it is there, but not as it should be. */
export function isAnswer(error: Error): boolean {
  return error instanceof HandshakeRefusedError || error instanceof WrongServerError;
}

/** Another attempt would fail as well. */
export function isForGood(error: Error): boolean {
  return isHandshakeRefused(error) || isCertificateRefused(error) || error instanceof WrongServerError;
}

/** True for a login or database that the server refuses: another attempt would fail as well. */
function isHandshakeRefused(error: Error): boolean {
  return error instanceof HandshakeRefusedError && !error.isPassing;
}

/** True where the server's certificate does not hold, or the server wants a client certificate that it trusts. */
function isCertificateRefused(error: Error): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return (
    /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|ERR_TLS_CERT_)/.test(code) ||
    /^ERR_SSL_.*CERT/.test(code)
  );
}

/** As whoever waits for the connection gets it. */
export function refused(error: Error): ConfigError {
  if (error instanceof WrongServerError) return new ConfigError(error.message, { cause: error });
  if (!isCertificateRefused(error)) {
    return new ConfigError(`Redis refuses the connection: ${error.message}`, { cause: error });
  }
  return new ConfigError(`the TLS connection to Redis is refused: ${error.message}`, { cause: error });
}

/** Removes the failed command from its error: errors are printed and logged, and arguments are secrets and payloads. */
export function withoutCommand(error: Error): void {
  delete (error as Error & { command?: unknown }).command;
}

/** Wraps a server's error reply; `doing` says what failed. */
export function storeError(doing: string, error: unknown): StoreError {
  return new StoreError(`${doing}: ${messageOf(error)}`, { cause: error });
}
