/** Optional peers: packages that one door needs, and that only whoever uses the door installs. */

import { ConfigError } from "./errors.ts";

/** A door's peers, or those of one of its functions. */
export interface Peers {
  /** As a user imports it. */
  readonly door: string;
  /** A user's name for them, such as "the OpenTelemetry SDK 3.x and pino". */
  readonly title: string;
  /** With their versions, as npm takes them. */
  readonly packages: readonly string[];
  /** Only tests use them. */
  readonly forTests?: true;
}

/**
 * Turns the failure of loading a module that imports peers into one sentence with the command that mends it. Any other error is given
 * back as it is.
 */
export function peerProblem({ door, title, packages, forTests }: Peers, error: unknown): unknown {
  const missing = missingPackage(error);
  const problem =
    missing !== undefined
      ? `${missing} is not installed`
      : isOtherVersion(error)
        ? "another version is installed"
        : undefined;
  if (problem === undefined) return error;
  const command = `npm install ${forTests === true ? "--save-dev " : ""}${packages.join(" ")}`;
  return new ConfigError(`${door} needs ${title} (${problem}): ${command}`, { cause: error });
}

/** Of `import` and of `require`. A module of ours that is missing is named by its path, and is no peer. */
function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  if (error.code !== "ERR_MODULE_NOT_FOUND" && error.code !== "MODULE_NOT_FOUND") return undefined;
  return /^Cannot find (?:package|module) '([^'./][^']*)'/.exec(error.message)?.[1];
}

/** A peer of another version has other exports, which the import of a module that names them notices. */
function isOtherVersion(error: unknown): boolean {
  return (
    error instanceof SyntaxError && /does not provide an export named|Named export '.*' not found/.test(error.message)
  );
}
