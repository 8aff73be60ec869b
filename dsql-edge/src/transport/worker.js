// Cloudflare's TCP sockets, for worker.rs. This file makes no decisions: it passes errors of the platform on to its
// caller.
import { connect } from "cloudflare:sockets";

const READ_SIZE = 65536;

// Ignores the failure of a promise, so that it is not an unhandled rejection.
const hush = (promise) => void promise.catch(() => {});

export class Connection {
  open(socket) {
    this.socket = socket;
    hush(socket.opened);
    hush(socket.closed);
  }

  // Connects, sends a request in plain text and returns the first bytes of the answer. After the call the streams are
  // unlocked, because startTls requires unlocked streams.
  async ask(hostname, port, request) {
    this.open(connect({ hostname, port }, { secureTransport: "starttls", allowHalfOpen: false }));
    const { readable, writable } = this.socket;
    this.writer = writable.getWriter();
    this.reader = readable.getReader();
    // The bytes are copied, because the view of wasm's memory can change before the promise settles.
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
      // The default reader returns at most 4,096 bytes per read.
      this.reader = readable.getReader({ mode: "byob" });
      this.buffer = new ArrayBuffer(READ_SIZE);
    } catch {
      this.reader = readable.getReader();
    }
  }

  async write(bytes) {
    await this.writer.write(bytes.slice());
  }

  // Returns the next bytes; none at the end. The bytes are valid until the next call, which reuses their buffer.
  async read() {
    for (;;) {
      const { done, value } = await this.reader.read(this.buffer && new Uint8Array(this.buffer));
      if (done) return new Uint8Array();
      if (this.buffer) this.buffer = value.buffer;
      if (value.length) return value;
    }
  }

  // Sends the last bytes and closes, without waiting. The writer is closed as well, because `socket.close()` alone
  // waits for a pending write, so a server that does not read would keep the socket open. Aborting the writer does not
  // end the wait of `socket.close()` either (measured with workerd 2026-04-10 and 2026-11-17). If the request ends
  // while `socket.close()` waits, workerd never frees the socket and its buffers, about 90 kB (measured with workerd
  // 2026-11-17; see `tests/memory.rs`).
  close(last) {
    if (last.length) hush(this.write(last));
    hush(this.end());
    hush((async () => this.socket.close())());
  }

  async end() {
    hush(this.reader.cancel());
    await this.writer.close();
  }
}

// Marks the request in which `new RequestMark()` is called. If another request calls `touch`, `touch` throws at once
// and without I/O, because reading the state of another request's WebSocket throws.
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

// A promise that resolves after this many milliseconds, or when it is cleared: until the promise settles, wasm keeps
// the future that waits for it.
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
