// Sockets without TLS, for worker.rs: sockets to Hyperdrive, and to a PostgreSQL whose `sslmode` allows plain text.
import { connect } from "cloudflare:sockets";

// Keeps a connection (a Connection of worker.js) in plain text: replaces its socket with an object whose `startTls`
// returns the same socket without beginning TLS.
export function stay(connection) {
  const { socket } = connection;
  connection.socket = { startTls: () => socket };
  connection.startTls();
}

// Resolves when the platform reports that the socket is open.
export async function plain(connection, hostname, port) {
  connection.socket = connect({ hostname, port }, { secureTransport: "off", allowHalfOpen: false });
  stay(connection);
  await connection.socket.opened;
}
