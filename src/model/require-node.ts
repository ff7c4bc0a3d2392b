/** Refuses a Node that is too old, before any module of a door runs: each door imports this one first. */

import { nodeProblem } from "./supported-node.ts";

const problem = nodeProblem(process.versions.node);
if (problem !== undefined) throw new Error(problem);
