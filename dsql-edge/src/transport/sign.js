// Signs for worker.rs with AWS Signature Version 4, by the platform's own cryptography. Keeps no state.
const encode = (text) => new TextEncoder().encode(text);
const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
const digest = async (text) => hex(await crypto.subtle.digest("SHA-256", encode(text)));

// `request` is the canonical request without the digest of its payload. Returns the text, followed by the signature.
export async function sign(secret, time, scope, request, payload, text) {
  const digested = await digest(request + (await digest(payload)));
  let key = encode("AWS4" + secret);
  for (const part of [...scope.split("/"), `AWS4-HMAC-SHA256\n${time}\n${scope}\n${digested}`]) {
    key = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    key = await crypto.subtle.sign("HMAC", key, encode(part));
  }
  return text + hex(key);
}
