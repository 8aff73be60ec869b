// Direct TLS for worker.rs: a socket that begins with TLS. Workers' sockets do not name a protocol (ALPN).
import { connect } from "cloudflare:sockets";

// `connection` is a Connection of worker.js. Resolves when the platform reports that the socket is open.
export async function direct(connection, hostname, port) {
  connection.open(connect({ hostname, port }, { secureTransport: "on", allowHalfOpen: false }));
  connection.lock();
  await connection.socket.opened;
}
