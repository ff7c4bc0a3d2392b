/** Parsers for the values of command-line options. */

import { InvalidArgumentError } from "commander";

/** Parses an option's whole number from 0. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 0.");
  return Number(text);
}

/** Parses an option's whole number from 1. */
export function positiveNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1.");
  return Number(text);
}

/** Parses an option's port; 0 stands for a free one. */
export function portNumber(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw new InvalidArgumentError("It must be a port, 0 to 65535.");
}

/** Parses an option's names and addresses, separated by commas. Their user checks each of them. */
export function hostList(text: string): readonly string[] {
  return text.split(",").flatMap((host) => host.trim() || []);
}

/** Parses an option's share from 0 to 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) throw new InvalidArgumentError("It must be a share, 0 to 1.");
  return value;
}
