#!/usr/bin/env node
/** The `throughline` command. */

import { runCommandLine } from "./command-line.ts";

await runCommandLine();
