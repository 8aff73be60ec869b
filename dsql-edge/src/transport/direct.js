// Direct TLS for worker.rs: a socket that begins with TLS. Workers' sockets do not send a protocol name in the
// handshake (ALPN).
import { connect } from "cloudflare:sockets";

// `connection` is a Connection of worker.js. Resolves when the platform reports that the socket is open.
export async function direct(connection, hostname, port) {
  const socket = connect({ hostname, port }, { secureTransport: "on", allowHalfOpen: false });
  // `startTls` of a Connection takes over the socket that the socket's own `startTls` returns. The socket has TLS from
  // the beginning, so `startTls` returns the same socket.
  connection.socket = { startTls: () => socket };
  connection.startTls();
  await socket.opened;
}
