/** The error of a command that was called wrongly: it ends with 2. */

import { ConfigError } from "../model/errors.ts";

export class UsageError extends ConfigError {}
