// The login of a PostgreSQL, for worker.rs, by the platform's own cryptography. Keeps no state.
const encode = (text) => new TextEncoder().encode(text);
const bytes = (base64) => Uint8Array.from(atob(base64), (digit) => digit.charCodeAt(0));
const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

async function hmac(key, text) {
  key = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", key, encode(text));
}

// SASLprep (RFC 4013): a password outside ASCII is normalized. A password with a character that SASLprep prohibits is
// used as it is, as PostgreSQL does (pg_saslprep). JavaScript has neither the bidirectional classes nor the list of
// unassigned code points of Unicode 3.2, so these two rules are not applied.
function prepared(password) {
  const mapped = password
    .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, " ")
    .replace(/[\u00ad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/g, "")
    .normalize("NFKC");
  return /[\p{C}\u2ff0-\u2ffb\ufffc\ufffd]/u.test(mapped) || !mapped ? password : mapped;
}

// 144 random bits, as PostgreSQL's own nonces.
export function nonce() {
  return base64(crypto.getRandomValues(new Uint8Array(18)));
}

// Returns the client's proof and the server's signature, in base64. `signed` is the AuthMessage of RFC 5802.
export async function prove(password, salt, iterations, signed) {
  const key = await crypto.subtle.importKey("raw", encode(prepared(password)), "PBKDF2", false, ["deriveBits"]);
  const derivation = { name: "PBKDF2", hash: "SHA-256", salt: bytes(salt), iterations };
  const salted = await crypto.subtle.deriveBits(derivation, key, 256);
  const clientKey = new Uint8Array(await hmac(salted, "Client Key"));
  const signature = new Uint8Array(await hmac(await crypto.subtle.digest("SHA-256", clientKey), signed));
  const proof = clientKey.map((byte, at) => byte ^ signature[at]);
  return [base64(proof), base64(await hmac(await hmac(salted, "Server Key"), signed))];
}

// The answer to AuthenticationMD5Password.
export async function md5(user, password, salt) {
  salt = salt.slice();
  const inner = encode(hex(await crypto.subtle.digest("MD5", encode(password + user))));
  return "md5" + hex(await crypto.subtle.digest("MD5", new Uint8Array([...inner, ...salt])));
}
