/** Probes a loopback port, with a connection for each question: is a Redis there, whose is it, and is it ready? */

import { connect } from "node:net";

/** The INFO of the server on the port; undefined when none answers. */
export async function about(port: number): Promise<Record<string, string> | undefined> {
  const answer = await ask(port, ["INFO", "server"]);
  return answer === undefined ? undefined : Object.fromEntries(answer.split("\r\n").map((line) => line.split(/:(.*)/)));
}

/** The state of the server on the port. One that loads its data answers, but does not run commands yet. */
export async function stateOf(port: number): Promise<"ready" | "loading" | "silent"> {
  const answer = await ask(port, ["PING"]);
  if (answer === undefined) return "silent";
  return answer.startsWith("+PONG") ? "ready" : "loading";
}

/** Sends one command on a connection of its own. Resolves with the raw reply, or undefined when nobody answers. */
function ask(port: number, command: readonly string[]): Promise<string | undefined> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1").setEncoding("utf8");
    let reply = "";
    const finish = (): void => {
      socket.destroy();
      done(reply === "" ? undefined : reply);
    };
    socket.setTimeout(1_000, finish);
    socket.once("error", finish);
    socket.once("close", finish);
    socket.on("data", (part: string) => {
      reply += part;
      const announced = /^\$(\d+)\r\n/.exec(reply);
      if (announced === null ? reply.endsWith("\r\n") : reply.length >= announced[0].length + Number(announced[1]))
        finish();
    });
    socket.write(
      `*${command.length}\r\n${command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`,
    );
  });
}
