// Sockets without TLS, for worker.rs: Hyperdrive's, and those of a PostgreSQL whose `sslmode` allows plain text.
import { connect } from "cloudflare:sockets";

// `connection` is a Connection of worker.js. Its socket is used as it is, where `startTls` would begin TLS.
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
