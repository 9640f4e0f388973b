// Which models this place knows, and where a frame goes with each: the list behind the model's name, to check one and to use another.

const where = { models: null, host: "" };  // as the server told; host: where the model that answers gets its frames, empty: they stay here
const FOUND = ["frame", "answers", "logprobs", "masked", "schema", "picture", "unchecked"];  // what the probe may have found, the weightiest first
const SIGNS = { ships: "check", fit: "check", failed: "x" };
const CHECK_PAUSE = 2000;  // milliseconds between two looks at a check that is going on

/** A model's id without what only a machine reads. */
function modelName(id) { return id.split("@")[0].split("/").at(-1); }

/** Ask the server what it knows. A server that has no list leaves the screen as it is. */
async function learnModels() {
  try { tellModels(await remote.models()); } catch { tellWhere(); }
}

function tellModels(said) {
  where.models = said;
  where.host = said.models.find((model) => model.running)?.host ?? "";
  tellWhere();
}

function hostSentence() { return where.host ? say("host.goes", { host: where.host }) : say("host.stays"); }
/** The model that answers is one of the list: only then is it known where frames go. */
function isKnown() { return Boolean(where.models?.models.some((model) => model.running)); }

/** The sentence of the empty screen. Nothing is promised while it is not known. */
function tellWhere() { dropWhere.textContent = isKnown() ? ` ${hostSentence()}` : ""; }

async function showModels() {
  if (dialogPlace.querySelector(".is-models")) return;
  const list = make("div", { class: "gl-models", "aria-busy": "true" });
  const dialog = openDialog(say("models.title"), list, [], "is-models");
  let timer = 0;
  dialog.addEventListener("close", () => clearTimeout(timer));
  const refresh = async () => {
    clearTimeout(timer);
    try { tellModels(await remote.models()); } catch (error) { return list.replaceChildren(make("p", { class: "gl-models-refused", role: "alert", text: error.message })); }
    if (!dialog.open) return;
    list.replaceChildren(...nowLines(), ...where.models.models.map((model) => modelCard(model, refresh)), make("p", { class: "gl-quiet", text: where.models.may_change ? say("models.add") : say("models.closed") }));
    list.removeAttribute("aria-busy");
    if (where.models.models.some((model) => model.state === "checking")) timer = setTimeout(refresh, CHECK_PAUSE);
  };
  await refresh();
}

/** Which model answers now, and where the frames are. */
function nowLines() {
  const { running } = where.models;
  return [
    isKnown() ? make("p", { class: "gl-models-where" }, icon(where.host ? "out" : "home"), make("span", { text: hostSentence() })) : "",
    isKnown() ? "" : make("p", { class: "gl-quiet", text: running ? say("models.now", { model: running }) : say("top.no_model") }),
  ];
}

/** One model: its name, where it answers, what was found when it was checked, and what may be done with it. */
function modelCard(model, refresh) {
  const refused = make("p", { class: "gl-models-refused", role: "alert", hidden: !model.error, text: model.error });
  const acts = make("div", { class: "gl-models-acts" });
  const act = (text, hint, call, { done = "", disabled = false } = {}) => acts.append(button({ text, title: hint, kind: "gl-button is-quiet", disabled, press: async () => {
    for (const each of acts.children) each.disabled = true;
    refused.hidden = true;
    try {
      await call();
      await refresh();
      if (done) tell(done, { long: true });
    } catch (error) {
      for (const each of acts.children) each.disabled = false;
      refused.textContent = error.body?.error ?? error.message;
      refused.hidden = false;
    }
  } }));
  const { may_change: may } = where.models;
  if (may && !["ships", "checking"].includes(model.state)) act(say("models.check"), say("models.check_hint"), () => remote.checkModel(model.name));
  const until = where.models.running ? ` ${say("models.stays_until", { model: modelName(where.models.running) })}` : "";
  if (may && !model.active && model.state !== "checking") act(say("models.use"), say("models.use_hint"), () => remote.useModel(model.name), { done: say("models.used", { model: model.name }) + until, disabled: Boolean(model.why_not) });
  const badge = model.running ? say("models.running") : model.active ? say("models.active") : "";
  return make("article", { class: `gl-model${model.running ? " is-running" : ""}`, data: { name: model.name } },
    make("header", {}, make("h3", { text: model.name }), badge ? make("em", { text: badge }) : "", acts),
    make("p", { class: "gl-model-facts", text: modelFacts(model).join(" · ") }), checkLines(model), refused);
}

function modelFacts(model) {
  return [
    model.host ? say("models.server", { host: model.host }) : say("models.here"), model.source === model.name ? "" : model.source, model.adapter ? say("models.adapter", { adapter: model.adapter }) : "",
    model.quantisation && model.quantisation !== "none" ? say("models.bits") : "", model.guided ? say("models.guided") : "",
  ].filter(Boolean);
}

/** How it stands, what the probe found in its own sentences, and why it cannot be used; nothing is claimed of a model that was not checked. */
function checkLines(model) {
  if (model.state === "checking") return make("p", { class: "gl-model-check", role: "status", text: say("models.checking") });
  const found = model.checked?.findings ?? {};
  const state = [say("models.state_" + model.state), model.checked ? asTime(model.checked.at) : ""].filter(Boolean).join(" · ");
  const rows = FOUND.filter((key) => found[key]).map((key) => make("div", {}, make("dt", { text: say("models.found_" + key) }), make("dd", { text: found[key] })));
  return make("div", { class: "gl-model-check" }, make("span", { class: `is-${model.state}` }, SIGNS[model.state] ? icon(SIGNS[model.state]) : "", make("span", { text: state })),
    rows.length ? make("dl", {}, ...rows) : "", model.why_not ? make("p", { text: model.why_not }) : "");
}
