/** Redis commands as a proxy meets them on the wire. */

/** A command as the client sent it: its name and arguments. */
export type Command = readonly string[];

/** Matches a command by name, and where given by its first argument: the digest of a script, say. */
export function named(name: string, first?: string): (command: Command) => boolean {
  return (command) => command[0]?.toUpperCase() === name.toUpperCase() && (first === undefined || command[1] === first);
}

/** The complete commands at the beginning of the bytes, and where they end. */
export function commandsIn(bytes: Buffer): { commands: { command: Command; from: number; to: number }[]; end: number } {
  const commands: { command: Command; from: number; to: number }[] = [];
  for (let end = 0; ; ) {
    const found = commandAt(bytes, end);
    if (found === undefined) return { commands, end };
    commands.push({ command: found.command, from: end, to: found.to });
    end = found.to;
  }
}

function commandAt(bytes: Buffer, from: number): { command: Command; to: number } | undefined {
  const head = lineAt(bytes, from);
  if (head === undefined) return undefined;
  const command: string[] = [];
  let at = head.to;
  for (let left = Number(head.line.slice(1)); left > 0; left--) {
    const size = lineAt(bytes, at);
    if (size === undefined) return undefined;
    const end = size.to + Number(size.line.slice(1));
    if (bytes.length < end + 2) return undefined;
    // Of a long command only the beginning is looked at.
    if (command.length < 8) command.push(bytes.toString("utf8", size.to, Math.min(end, size.to + 256)));
    at = end + 2;
  }
  return { command, to: at };
}

function lineAt(bytes: Buffer, from: number): { line: string; to: number } | undefined {
  const end = bytes.indexOf("\r\n", from);
  return end === -1 ? undefined : { line: bytes.toString("latin1", from, end), to: end + 2 };
}
