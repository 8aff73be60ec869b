// A Worker without any client, which does only what every client must do for each connection. This Worker shows the
// lower limit of the processor time and of the memory. `one` opens a socket and TLS, sends the user's name, and reads
// the server's request for a password. `megabytes` also sends a token and a query, and receives the rows without
// reading them.

import { connect } from "cloudflare:sockets";
import { address } from "./address.js";
import { token } from "./signer.js";
import { worker } from "./worker.js";

const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);
// ReadyForQuery outside of a transaction, the last message of an answer.
const READY = [0x5a, 0, 0, 0, 5, 0x49];

// The startup message: its length, version 3.0, and pairs of a name and a value, each of which ends with a zero byte.
function startup(user, database) {
  const pairs = new TextEncoder().encode(`user\0${user}\0database\0${database}\0\0`);
  const message = new Uint8Array(8 + pairs.length);
  message.set([0, 0, 0, message.length, 0, 3, 0, 0]);
  message.set(pairs, 8);
  return message;
}

// A message that contains one string: its tag, its length, and the string, which ends with a zero byte.
function message(tag, text) {
  const bytes = new TextEncoder().encode(`${text}\0`);
  const message = new Uint8Array(5 + bytes.length);
  message[0] = tag.charCodeAt(0);
  new DataView(message.buffer).setUint32(1, 4 + bytes.length);
  message.set(bytes, 5);
  return message;
}

async function send(socket, message) {
  const writer = socket.writable.getWriter();
  await writer.write(message);
  writer.releaseLock();
}

// Sends a message, and returns the first character of the answer.
async function ask(socket, message) {
  await send(socket, message);
  const reader = socket.readable.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return String.fromCharCode(value[0]);
}

// The number of bytes up to the next ReadyForQuery. One buffer receives all bytes: the default reader would return at
// most 4 kB per read, and take twice as long.
async function receive(socket) {
  const reader = socket.readable.getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(64 * 1024);
  for (let bytes = 0; ; ) {
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (done) throw new Error("the server closed the connection");
    buffer = value.buffer;
    bytes += value.length;
    const last = value.subarray(-READY.length);
    if (READY.every((byte, at) => last[at] === byte)) {
      reader.releaseLock();
      return bytes;
    }
  }
}

// Opens a socket with TLS and sends the user's name. Returns the socket, and the tag of the server's request.
async function open(env) {
  const { host, port, user, database } = address(env);
  const socket = connect({ hostname: host, port }, { secureTransport: "starttls" });
  await ask(socket, SSL_REQUEST);
  const secure = socket.startTls();
  return { secure, asked: await ask(secure, startup(user, database)) };
}

export default worker({
  async one(env, context) {
    const { secure, asked } = await open(env);
    context.waitUntil(secure.close());
    return { asked };
  },

  async megabytes(env, context, rows) {
    const { secure } = await open(env);
    await send(secure, message("p", await token(env)));
    await receive(secure);
    const text = "SELECT id, title, body, views, published_at FROM document";
    await send(secure, message("Q", `${text} WHERE id <= ${Number(rows)} ORDER BY id`));
    const bytes = await receive(secure);
    context.waitUntil(secure.close());
    return { bytes };
  },
});
