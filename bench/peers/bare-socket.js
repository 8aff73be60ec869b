// No client at all: SSLRequest, TLS, the user's name, and the server's request for a password. Every client does at
// least this much for each connection, so this is the lower limit of the processor time and of the memory.

import { connect } from "cloudflare:sockets";
import { address } from "./address.js";
import { worker } from "./worker.js";

const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);

// The startup message: its length, version 3.0, and pairs of texts that end with zero.
function startup(user, database) {
  const pairs = new TextEncoder().encode(`user\0${user}\0database\0${database}\0\0`);
  const message = new Uint8Array(8 + pairs.length);
  message.set([0, 0, 0, message.length, 0, 3, 0, 0]);
  message.set(pairs, 8);
  return message;
}

async function ask(socket, message) {
  const [writer, reader] = [socket.writable.getWriter(), socket.readable.getReader()];
  await writer.write(message);
  const { value } = await reader.read();
  writer.releaseLock();
  reader.releaseLock();
  return String.fromCharCode(value[0]);
}

export default worker({
  async one(env, context) {
    const { host, port, user, database } = address(env);
    const socket = connect({ hostname: host, port }, { secureTransport: "starttls" });
    await ask(socket, SSL_REQUEST);
    const secure = socket.startTls();
    const asked = await ask(secure, startup(user, database));
    context.waitUntil(secure.close());
    return { asked };
  },
});
