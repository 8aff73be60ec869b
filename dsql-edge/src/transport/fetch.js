// Sends a request over HTTPS for worker.rs. `headers` alternates names and values. `cancel` ends the request: a request
// that hangs would use one of the six connections with which a Worker may wait for an answer.
export function post(url, headers, body, longest) {
  const controller = new AbortController();
  const answer = exchange(url, headers, body, longest, controller.signal);
  const cancel = () => {
    // The platform may throw if `cancel` is called in a request other than the request that called `fetch`.
    try {
      controller.abort();
    } catch {}
  };
  return Object.assign(answer, { cancel });
}

async function exchange(url, headers, body, longest, signal) {
  const pairs = [];
  for (let at = 0; at < headers.length; at += 2) pairs.push([headers[at], headers[at + 1]]);
  const response = await fetch(url, { method: "POST", headers: pairs, body, redirect: "manual", signal });

  // The body is read only up to `longest` bytes. A result without a body means that the answer is too long.
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let [text, length] = ["", 0];
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) return [String(response.status), text + decoder.decode()];
    length += value.length;
    if (length > longest) {
      await reader.cancel().catch(() => {});
      return [String(response.status)];
    }
    text += decoder.decode(value, { stream: true });
  }
}
