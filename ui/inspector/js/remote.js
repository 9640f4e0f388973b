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
  const request = { method, signal, headers: { Accept: "application/json", "Accept-Language": language } };
  if (form) request.body = form;
  if (body !== undefined) {
    request.body = JSON.stringify(body);
    request.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(options.api + path, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(say("net.silent"), 0, null);
  }
  let said = null;
  try { said = await answer.json(); } catch (error) { if (error.name === "AbortError") throw error; }
  if (!answer.ok) throw new Refused(refusal(answer.status, said), answer.status, said, Number(answer.headers.get("Retry-After")) || 0);
  return said;
}

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
