// Direct TLS for worker.rs: a socket that begins with TLS. Workers' sockets do not name a protocol (ALPN).
import { connect } from "cloudflare:sockets";

// `connection` is a Connection of worker.js. Resolves when the platform reports that the socket is open.
export async function direct(connection, hostname, port) {
  const socket = connect({ hostname, port }, { secureTransport: "on", allowHalfOpen: false });
  // `startTls` takes over the socket with TLS: here the socket has it from the beginning.
  connection.socket = { startTls: () => socket };
  connection.startTls();
  await socket.opened;
}
