/** The parts of the console's benchmark, in the order in which they are measured. Each takes less than four minutes, the filling of the log included. */

export const partNames = ["views", "search", "tail", "tab-channel", "tab-component", "processor"] as const;
export type PartName = (typeof partNames)[number];
