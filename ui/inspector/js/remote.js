// Speaking with the server: one function for all, an answer or a sentence. Keeps nothing.

class Refused extends Error {
  constructor(sentence, status, body, retrySeconds = 0) {
    super(sentence);
    Object.assign(this, { status, body, retrySeconds });
  }
  /** Too many are waiting for the model; the same question will be answered a little later. */
  get busy() { return this.body?.kind === "ModelBusy"; }
}

async function ask(method, path, { body, form, signal } = {}) {
  const request = { method, signal, keepalive: method === "DELETE", headers: { Accept: "application/json", "Accept-Language": language } };
  if (form) request.body = form;
  if (body !== undefined) {
    request.body = JSON.stringify(body);
    request.headers["Content-Type"] = "application/json";
  }
  const write = method === "GET" ? "" : `${method} ${path} ${form ? randomName() : request.body ?? ""}`;
  if (write) request.headers["Idempotency-Key"] = keyOf(write);
  let answer = await sendTo(path, request);
  if (answer.status === 401 && path !== "/login" && await signIn()) answer = await sendTo(path, request);
  if (answer.status < 500) writeKeys.delete(write);
  let said = null;
  try { said = await answer.json(); } catch (error) { if (error.name === "AbortError") throw error; }
  if (!answer.ok) throw new Refused(refusal(answer.status, said), answer.status, said, Number(answer.headers.get("Retry-After")) || 0);
  return said;
}

async function sendTo(path, request) {
  try {
    return await fetch(options.api + path, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(say("net.silent"), 0, null);
  }
}

const writeKeys = new Map();
/** A name for a write that was not answered yet: sent again under it, it is done once, however often the connection broke. */
function keyOf(write) {
  if (!writeKeys.has(write)) writeKeys.set(write, randomName());
  return writeKeys.get(write);
}
function randomName() { return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join(""); }

/** The server's own sentence, which is English; in another language ours for that kind of refusal. */
function refusal(status, said) {
  const sentence = said?.error ?? said?.message;
  const ours = given.words[language][`net.${said?.kind}`] ?? given.words[language][`net.${status}`];
  return language === "en" && sentence ? sentence : ours ?? sentence ?? say("net.refused");
}

const framePath = (id) => `/frames/${encodeURIComponent(id)}`;
const pictureUrl = (id, size) => `${options.api}${framePath(id)}/${size ? `preview/${size}` : "picture"}`;
const remote = {
  sheet: (id, signal) => ask("GET", framePath(id), { signal }),
  assess: (id, signal) => ask("POST", `${framePath(id)}/assess`, { signal }),
  correct: (id, correction) => ask("POST", `${framePath(id)}/corrections`, { body: correction }),
  opinion: (id, correction) => ask("POST", `${framePath(id)}/opinions`, { body: correction }),
  adjudicate: (id, correction) => ask("POST", `${framePath(id)}/adjudicate`, { body: correction }),
  review: (id, said) => ask("POST", `${framePath(id)}/reviews`, { body: said }),
  restore: (id, revision, saw) => ask("POST", `${framePath(id)}/restore`, { body: { revision, saw_revision: saw } }),
  bin: (id, why) => ask("POST", `${framePath(id)}/bin`, { body: { why } }),
  unbin: (id) => ask("POST", `${framePath(id)}/unbin`, { body: {} }),
  binned: () => ask("GET", "/bin?limit=100"),
  frames: (query_) => ask("GET", `/frames?${query_}`),
  hold: (id) => ask("PUT", `${framePath(id)}/lease`, { body: { tab: tabName } }),
  letGo: (id) => ask("DELETE", `${framePath(id)}/lease`, { body: { tab: tabName } }),
  reserve: (after) => ask("POST", "/next", { body: { tab: tabName, after: after ?? null } }),
  people: () => ask("GET", "/people"),
  addPerson: (name, role) => ask("POST", "/people", { body: { name, role } }),
  changePerson: (name, change) => ask("PATCH", `/people/${encodeURIComponent(name)}`, { body: change }),
  personLink: (name) => ask("POST", `/people/${encodeURIComponent(name)}/link`, { body: {} }),
  me: () => ask("GET", "/me"),
  logIn: (name, password) => ask("POST", "/login", { body: { name, password } }),
  logOut: () => ask("POST", "/logout", { body: {} }),
  history: (id) => ask("GET", `${framePath(id)}/history`),
  walk: (before) => ask("GET", `/walk?limit=60${before ? `&before=${encodeURIComponent(before)}` : ""}`),
  next: (after) => ask("GET", `/next${after ? `?after=${encodeURIComponent(after)}` : ""}`),
  models: () => ask("GET", "/models"),
  checkModel: (name) => ask("POST", `/models/${encodeURIComponent(name)}/check`),
  useModel: (name) => ask("POST", `/models/${encodeURIComponent(name)}/use`),
  samples: () => ask("GET", "/samples"),
  takeSample: (name) => ask("POST", `/samples/${encodeURIComponent(name)}`),
  upload(file, signal) {
    const form = new FormData();
    form.append("files", file, file.name || "frame.jpg");
    return ask("POST", "/frames", { form, signal });
  },
};
