// Cloudflare's TCP sockets, as worker.rs uses them. It decides nothing: what the platform throws is thrown on.
import { connect } from "cloudflare:sockets";

const READ_SIZE = 65536;

// Lets a promise end in any way, or never: its failure is not an unhandled rejection.
const hush = (promise) => void promise.catch(() => {});

export class Connection {
  open(socket) {
    this.socket = socket;
    hush(socket.opened);
    hush(socket.closed);
  }

  // Connects, sends a request in plain text and returns the first bytes of the answer. The streams are free again then,
  // as startTls requires.
  async ask(hostname, port, request) {
    this.open(connect({ hostname, port }, { secureTransport: "starttls", allowHalfOpen: false }));
    const { readable, writable } = this.socket;
    this.writer = writable.getWriter();
    this.reader = readable.getReader();
    // A view of wasm's memory: it changes below the promise.
    await this.writer.write(request.slice());
    const { value } = await this.reader.read();
    this.reader.releaseLock();
    this.writer.releaseLock();
    return value ?? new Uint8Array();
  }

  startTls() {
    this.open(this.socket.startTls());
    const { readable, writable } = this.socket;
    this.writer = writable.getWriter();
    try {
      // The default reader gives 4,096 bytes whatever there is.
      this.reader = readable.getReader({ mode: "byob" });
      this.buffer = new ArrayBuffer(READ_SIZE);
    } catch {
      this.reader = readable.getReader();
    }
  }

  async write(bytes) {
    await this.writer.write(bytes.slice());
  }

  // The next bytes; none at the end. They are gone with the next call, for which their buffer serves again.
  async read() {
    for (;;) {
      const { done, value } = await this.reader.read(this.buffer && new Uint8Array(this.buffer));
      if (done) return new Uint8Array();
      if (this.buffer) this.buffer = value.buffer;
      if (value.length) return value;
    }
  }

  // Sends the last bytes, closes, and waits for nothing of it. Without last bytes something may be under way, and
  // `socket.close()` alone would wait for it: a server that reads nothing would keep the socket open. Closing
  // the writer too ends that; aborting it does not (measured with workerd 2026-04-10 and 2026-11-17).
  close(last) {
    if (last.length) {
      hush(this.write(last));
    } else {
      hush(this.end());
    }
    hush((async () => this.socket.close())());
  }

  async end() {
    hush(this.reader.cancel());
    await this.writer.close();
  }
}

// Throws when another request touches it, at once and without any I/O, as the state of a WebSocket does.
export class RequestMark {
  constructor() {
    try {
      this.socket = new WebSocketPair()[0];
    } catch {}
  }

  touch() {
    this.socket?.readyState;
  }
}

// Ends after this many milliseconds, or when it is cleared: wasm keeps a future that waits for a promise until it
// settles.
export function timer(milliseconds) {
  let clear;
  const over = new Promise((resolve) => {
    const id = setTimeout(resolve, milliseconds);
    clear = () => {
      clearTimeout(id);
      resolve();
    };
  });
  return Object.assign(over, { clear });
}
