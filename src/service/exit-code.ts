/** Exit codes that mean the same in every command and process. */

/** The exit code of a process that was called wrongly. */
export const usageExitCode = 2;
