/** What a server says to a connection that it does not take, and what is said of a server that is not the right one. */

/** The server's error reply to a step of the handshake. */
export class HandshakeRefusedError extends Error {
  override readonly name = "HandshakeRefusedError";
  /**
   * True where a later attempt may succeed: the server is busy with a script, starts, or has no room for one more
   * client.
   */
  readonly isPassing: boolean;

  constructor(step: string, reply: string) {
    super(`${reply} (in reply to ${step})`);
    this.isPassing = /^(BUSY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN) |max number of clients/.test(reply);
  }
}

/** The server is there, but of another kind than its address was given as. */
export class WrongServerError extends Error {
  override readonly name = "WrongServerError";
}
