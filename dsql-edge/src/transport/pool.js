// The two ends of a lease, used by worker.rs: a request from a Worker to a Durable Object. Each end has the methods
// `read`, `write` and `close` of worker.js's Connection. The read buffer is small at first, because a thousand requests
// may wait in an object. The buffer grows each time that a read fills it.
const FIRST_READ_SIZE = 4096;
const READ_SIZE = 65536;

const hush = (promise) => void promise.catch(() => {});

// `close` removes the references to the streams. workerd keeps the error of a failed stream as long as the stream
// exists, and the error's stack trace keeps the object whose method has read. If `close` kept the references, the
// stream and the object would keep each other in memory forever, about 8 kB for each transaction that a client leaves
// (measured with workerd 2026-11-17; see `tests/memory.rs`).
class Ends {
  size = FIRST_READ_SIZE;

  // Returns the next bytes; none at the end. The bytes are valid until the next call, which reuses their buffer.
  async read() {
    const reader = (this.reader ??= await this.readable().then(byob));
    if (!reader) return new Uint8Array();
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array((this.buffer ??= new ArrayBuffer(this.size))));
      if (done) return new Uint8Array();
      this.buffer = value.buffer;
      if (value.length === this.size && this.size < READ_SIZE) {
        this.size *= 4;
        this.buffer = undefined;
      }
      if (value.length) return value;
    }
  }
}

const byob = (readable) => readable?.getReader({ mode: "byob" });

// Whether the platform rejected a request before the object received any of it, so that the request certainly did
// nothing. Cloudflare documents four such errors; the message of each error begins with `Durable Object is
// overloaded.`, each error has the property `overloaded`, and each is about queued requests. The property `overloaded`
// alone is not enough: if an object exceeds its memory while it serves a request, the error also has `overloaded`,
// together with `remote` or `durableObjectReset`.
const isUndelivered = (error) =>
  error?.overloaded === true &&
  !error.remote &&
  !error.durableObjectReset &&
  String(error.message).startsWith("Durable Object is overloaded.");

// Throws the error again; marks it if the request was not delivered.
const mark = (error) => {
  throw isUndelivered(error) ? Object.assign(new Error(error.message), { undelivered: true }) : error;
};

// The Worker's end. The first write begins the request. If the lease is for one flight only (not `open`), this write is
// the whole body of the request.
export class Stub extends Ends {
  constructor(namespace, name, location, open) {
    super();
    this.object = namespace.get(namespace.idFromName(name), location ? { locationHint: location } : {});
    this.open = open;
    this.answer = new Promise((begin) => (this.begin = begin));
  }

  async readable() {
    const response = await this.answer;
    if (response.ok) return response.body;
    hush(response.body?.cancel() ?? this.answer);
    throw new Error("the object answered with HTTP " + response.status);
  }

  async write(view) {
    // The bytes are copied, because the view of wasm's memory can change before the promise settles.
    const bytes = view.slice();
    if (this.writer) return this.writer.write(bytes);
    let body = bytes;
    if (this.open) {
      const { readable, writable } = new IdentityTransformStream();
      this.writer = writable.getWriter();
      hush(this.writer.closed);
      body = readable;
    }
    this.abort = new AbortController();
    const request = this.object.fetch("http://pool/", { method: "POST", body, signal: this.abort.signal });
    const answer = request.catch(mark);
    hush(answer);
    this.begin(answer);
    try {
      await this.writer?.write(bytes);
    } catch (error) {
      // Writing the body fails if the request has failed. The error of the request is more precise, so it is thrown
      // first.
      await answer;
      throw error;
    }
  }

  // Closes without waiting: the pool's Durable Object receives the end of the request.
  close() {
    if (this.writer) hush(this.writer.abort());
    if (this.reader) hush(this.reader.cancel());
    this.abort?.abort();
    this.reader = this.answer = undefined;
  }
}

// The object's end.
export class Visit extends Ends {
  constructor(request) {
    super();
    const { readable, writable } = new IdentityTransformStream();
    this.body = request.body;
    this.writer = writable.getWriter();
    hush(this.writer.closed);
    this.response = new Response(readable);
  }

  async readable() {
    return this.body;
  }

  async write(view) {
    await this.writer.write(view.slice());
  }

  close() {
    hush(this.writer.close());
    if (this.reader) hush(this.reader.cancel());
    this.body = this.reader = this.writer = this.response = undefined;
  }
}
