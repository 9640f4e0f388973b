// Speaking with the server: one function for all, an answer or a sentence. Keeps nothing.

class Refused extends Error {
  constructor(sentence, status, body) {
    super(sentence);
    this.status = status;
    this.body = body;
  }
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
  if (!answer.ok) throw new Refused(refusal(answer.status, said?.error ?? said?.message), answer.status, said);
  return said;
}

/** The server's own sentence, which is English; in another language ours for that kind of refusal. */
function refusal(status, sentence) {
  const ours = given.words[language][`net.${status}`];
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
  samples: () => ask("GET", "/samples"),
  takeSample: (name) => ask("POST", `/samples/${encodeURIComponent(name)}`),
  upload(file, signal) {
    const form = new FormData();
    form.append("files", file, file.name || "frame.jpg");
    return ask("POST", "/frames", { form, signal });
  },
};
