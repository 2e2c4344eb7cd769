// Asking the service. Every refusal becomes an Error whose message a person can read.

import { say } from "/static/text.js";

let token = new URLSearchParams(location.hash.slice(1)).get("token") ?? sessionStorage.getItem("token") ?? "";

export class TokenWanted extends Error {}

/** A recording that the service cannot use, and says why. */
export class Refused extends Error {}

export function enter(given) {
  token = given;
  sessionStorage.setItem("token", given);
}

async function ask(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let response;
  try {
    response = await fetch(path, { ...options, headers, cache: "no-store" });
  } catch {
    throw new Error(say("unreachable"));
  }
  if (response.status === 401) throw new TokenWanted(say(token ? "wrong_token" : "token_label"));
  if (response.status === 503) throw new Error(say("busy"));
  const told = await response.json().catch(() => ({}));
  if (response.ok) return told;
  throw new Refused(told.error ?? `${response.status} ${response.statusText}`);
}

export const model = () => ask("/model");

/** What a recording is taken for; with `explain` also which part of it mattered. */
export function predict(bytes, { explain = false } = {}) {
  return ask(`/v1/predict?${explain ? "explain" : "features"}=true`, { method: "POST", body: bytes });
}

/** Open the stream for samples at `rate` Hz. */
export function stream(rate) {
  const address = new URL(`/v1/stream?sample_rate=${rate}`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  if (token) address.searchParams.set("token", token);
  address.hash = "";
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  return socket;
}
