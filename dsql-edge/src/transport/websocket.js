// WebSockets to a server, for worker.rs. The bytes of PostgreSQL's protocol are in binary frames.

// The longest frame that is sent: servers limit the length of a frame, and frames need not match messages.
const FRAME_SIZE = 65536;

// The memory of a frame that waits, besides its bytes; an estimate.
const FRAME_COST = 128;

const hush = (promise) => void promise.catch(() => {});

// Has the methods of worker.js's Connection, except the methods that are used before TLS. A WebSocket has no
// back-pressure, so bytes that are not read yet wait here, at most `most` of them.
export class WebSocketConnection {
  constructor(most) {
    this.most = most;
    this.chunks = [];
    this.size = 0;
    this.abort = new AbortController();
  }

  // Resolves without a value when the WebSocket is open, or to the HTTP status if the server does not open a WebSocket.
  // `headers` alternates names and values.
  async open(url, headers) {
    const pairs = [["Upgrade", "websocket"]];
    for (let at = 0; at < headers.length; at += 2) pairs.push([headers[at], headers[at + 1]]);
    const response = await fetch(url, { headers: pairs, redirect: "manual", signal: this.abort.signal });
    const socket = response.webSocket;
    if (!socket) {
      if (response.body) hush(response.body.cancel());
      return response.status;
    }
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => this.receive(data));
    socket.addEventListener("close", ({ code, reason }) => {
      const isClean = code === 1000 || code === 1005;
      this.end(isClean ? undefined : new Error(`the server closed the WebSocket: ${code} ${reason}`.trim()));
    });
    socket.addEventListener("error", ({ message }) => this.end(new Error(message || "the WebSocket broke")));
    socket.accept();
    this.socket = socket;
    // `close` was called while the request was running.
    if (this.abort.signal.aborted) this.close([]);
  }

  receive(data) {
    if (typeof data === "string") return this.fail(new Error("the server sent a text frame"));
    if (this.ended || !data.byteLength) return;
    this.size += data.byteLength;
    // Each frame costs more memory than its bytes.
    if (this.size + this.chunks.length * FRAME_COST > this.most) {
      return this.fail(Object.assign(new Error("too many bytes wait"), { overrun: true }));
    }
    this.chunks.push(new Uint8Array(data));
    this.wake?.();
  }

  // Ends the connection from this side. Bytes that have arrived are dropped, so that the next read throws the error.
  fail(error) {
    this.chunks = [];
    this.size = 0;
    this.end(error);
    this.shut();
  }

  end(error) {
    if (!this.ended) {
      this.ended = true;
      this.error = error;
    }
    this.wake?.();
  }

  async write(bytes) {
    if (this.ended) throw this.error ?? new Error("the server closed the WebSocket");
    for (let at = 0; at < bytes.length; at += FRAME_SIZE) {
      // The bytes are copied, because the view of wasm's memory can change before they are sent.
      this.socket.send(bytes.slice(at, at + FRAME_SIZE));
    }
  }

  // Returns all bytes that have arrived; none at the end.
  async read() {
    while (!this.size) {
      if (this.error) throw this.error;
      if (this.ended) return new Uint8Array();
      await new Promise((wake) => (this.wake = wake));
    }
    const { chunks } = this;
    let bytes = chunks[0];
    if (chunks.length > 1) {
      bytes = new Uint8Array(this.size);
      let at = 0;
      for (const chunk of chunks) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
    }
    this.chunks = [];
    this.size = 0;
    return bytes;
  }

  // Sends the last bytes and closes, without waiting.
  close(last) {
    if (!this.socket) return this.abort.abort();
    if (last.length) hush(this.write(last));
    this.shut();
  }

  shut() {
    // A WebSocket of another request, or one that is closed already, throws.
    try {
      this.socket?.close(1000);
    } catch {}
  }
}
