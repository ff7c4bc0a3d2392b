/** A venue in a process of its own that welcomes a session, beats, and never minds who is silent. Prints its address. */

import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

const heartbeatMs = 100;
const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
server.on("connection", (socket) => {
  const send = (frame: object): void => socket.send(JSON.stringify(frame));
  socket.on("error", () => undefined);
  socket.once("message", () => {
    send({
      ...{ type: "welcome", protocol: 1, venue: "simulated", journal: "j", heartbeatMs },
      ...{ requests: 0, reports: 0 },
    });
    const beating = setInterval(() => send({ type: "heartbeat", reports: 0 }), heartbeatMs / 2);
    socket.once("close", () => clearInterval(beating));
  });
});
server.once("listening", () => {
  process.stdout.write(`ws://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
