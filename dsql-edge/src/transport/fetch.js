// A request over HTTPS, as worker.rs sends it: names and values of headers take turns.
export async function post(url, headers, body, longest) {
  const pairs = [];
  for (let at = 0; at < headers.length; at += 2) pairs.push([headers[at], headers[at + 1]]);
  const response = await fetch(url, { method: "POST", headers: pairs, body, redirect: "manual" });

  // No more of the body is kept than may be: without one the answer is too long.
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
