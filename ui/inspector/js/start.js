// Where things stand on the screen, the top bar, the tools under the frame, and the first thing that is shown.

const root = element.querySelector(".gl");
const top_ = make("header", { class: "gl-top" });
const main = make("main", { class: "gl-main" });
const tools = make("div", { class: "gl-tools", role: "toolbar" });
const drawButton = make("button", { type: "button", class: "gl-tool" });
const filterButton = make("button", { type: "button", class: "gl-tool" });
const toolButtons = {};
const slider = make("input", { type: "range", min: "0", max: "0.95", step: "0.05", value: "0", class: "gl-slider", id: "gl-threshold", on: { input: () => setThreshold(Number(slider.value)) } });
const sliderText = make("output", { class: "gl-slider-text", for: "gl-threshold" });
const fadedText = make("span", { class: "gl-faded" });
const left = make("div", { class: "gl-left" }, stage, tools);
main.append(empty, left, panel, veil);
root.append(top_, main, progress, bottom, notices, spoken, dialogPlace, filesInput, folderInput);

let theme = memory.get("theme") ?? (query.get("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
function showTheme() {
  root.dataset.theme = theme;
  document.documentElement.style.colorScheme = theme;
  document.body.classList.toggle("dark", theme === "dark");
}

function showScreen(name) { root.dataset.screen = name; }

function buildTop() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  const logo = makeSvg("svg", { viewBox: "0 0 24 24", class: "gl-logo", "aria-hidden": "true" });
  logo.append(makeSvg("path", { d: "M3 8V4.500A1.500 1.500 0 0 1 4.500 3H8M16 3h3.500A1.500 1.500 0 0 1 21 4.500V8M21 16v3.500a1.500 1.500 0 0 1-1.500 1.500H16M8 21H4.500A1.500 1.500 0 0 1 3 19.500V16" }), makeSvg("circle", { cx: 12, cy: 12, r: 4.2 }));
  const other = language === "zh" ? "en" : "zh";
  top_.replaceChildren(
    make("h1", { class: "gl-title" }, make("a", { class: "gl-brand", href: "/", "aria-label": "GembaLens" }, logo, make("span", { text: "GembaLens" }))),
    make("nav", { class: "gl-nav", "aria-label": say("nav.title") }, make("a", { href: "/", "aria-current": "page", text: say("nav.inspect") }),
      may("annotator") ? button({ text: say("nav.review"), title: say("nav.review_hint"), kind: "gl-nav-item", press: () => goNext(sheet.frame?.id) }) : "",
      may("reviewer") ? button({ text: say("nav.check"), title: say("nav.check_hint"), kind: "gl-nav-item", press: () => goReview(sheet.frame?.id) }) : "", make("a", { href: `${options.dashboard}?lang=${language}`, text: say("nav.dashboard") })),
    topFrame, topHost, topModel, button({ text: language === "zh" ? "English" : "中文", title: say("language.switch"), kind: "gl-top-button", press: () => speak(other) }),
    themeButton(), button({ title: say("keys.title"), sign: "keys", keys: "?", kind: "gl-top-button is-keys", press: showKeys }), topPerson);
  buildModel();
  showTop();
}

function themeButton() {
  const turn = () => { theme = theme === "dark" ? "light" : "dark"; memory.set("theme", theme); showTheme(); buildTop(); };
  return button({ title: say(theme === "dark" ? "theme.light" : "theme.dark"), sign: theme === "dark" ? "sun" : "moon", kind: "gl-top-button is-theme", press: turn });
}

const topFrame = make("div", { class: "gl-top-frame" });
const topModel = make("div", { class: "gl-top-model" });
const topHost = make("button", { type: "button", class: "gl-top-host", on: { click: () => tell(topHost.title) } });
const topPerson = make("div", { class: "gl-top-person" });
/** Which model answers here; opens the list of all. */
function buildModel() {
  const name = options.model ? modelName(options.model) : "";
  topModel.replaceChildren(make("button", { type: "button", class: "gl-top-button is-model", title: options.model ?? say("top.no_model"), "aria-haspopup": "dialog", on: { click: showModels } },
    make("span", { class: "gl-model-word", text: name ? say("top.model") : say("top.no_model") }), name ? make("b", { text: name }) : "", icon("down")));
}

function showTop() {
  const { frame } = sheet;
  const site = profile.names[language];
  topFrame.replaceChildren(...(frame ? [make("b", { text: frame.taken_at ? asTime(frame.taken_at) : frame.name, title: frame.name }), make("span", { text: `${site} · ${frame.width} × ${frame.height}` })] : [make("span", { text: site })]));
  if (isDirty()) topFrame.append(make("em", { text: say("draft.unsaved") }));
  const { host } = sheet.assessment?.reply ?? {};
  topHost.hidden = !host;
  if (host) {
    topHost.title = say("host.there_hint", { host });
    topHost.setAttribute("aria-label", say("host.sent", { host }));
    topHost.replaceChildren(icon("out"), make("span", { text: say("host.sent", { host }) }));
  }
  showPerson();
}

function buildTools() {
  const tool = (name, sign, title, keys, press) => { toolButtons[name] = button({ title, sign, keys, kind: "gl-tool", press }); return toolButtons[name]; };
  drawButton.replaceChildren(icon("draw"), make("span", { text: say("tools.draw") }));
  drawButton.title = `${say("keys.draw")}  ·  ${keyName("draw")}`;
  drawButton.onclick = () => { setMode(pointer.mode === "draw" ? "select" : "draw"); stage.focus({ preventScroll: true }); };
  tools.setAttribute("aria-label", say("tools.title"));
  tools.replaceChildren(
    make("div", { class: "gl-tool-group" }, drawButton, tool("label", "tag", say("keys.menu"), keyName("menu"), () => openLabelMenu(shown.selected)), tool("delete", "trash", say("keys.delete"), "Del", () => removeFinding(shown.selected))),
    make("div", { class: "gl-tool-group" }, tool("undo", "undo", say("keys.undo_one"), "Ctrl+Z", undo), tool("redo", "redo", say("keys.redo"), "Ctrl+Y", redo)),
    make("div", { class: "gl-tool-group" }, tool("out", "minus", say("tools.out"), keyName("further"), () => zoomBy(0.8)), zoomText, tool("in", "plus", say("tools.in"), keyName("closer"), () => zoomBy(1.25)), tool("fit", "fit", say("tools.fit"), keyName("whole"), zoomFit), tool("hide", "eye", say("keys.hide"), keyName("hide"), toggleHidden), filterButton),
    may("lead") ? make("div", { class: "gl-tool-group" }, tool("bin", "bin", say("bin.title"), "", askBin)) : "",
    make("div", { class: "gl-tool-group is-threshold" }, make("label", { for: "gl-threshold", text: say("tools.threshold") }), slider, sliderText, fadedText));
  filterButton.replaceChildren(make("span", { text: say("tools.labels") }), icon("down"));
  filterButton.onclick = () => openLabelFilter(filterButton);
  setMode(pointer.mode);
  setThreshold(shown.threshold);
}

function showTools() {
  const selected = Boolean(findingOf(shown.selected));
  Object.assign(toolButtons.label, { disabled: !selected });
  Object.assign(toolButtons.delete, { disabled: !selected });
  Object.assign(toolButtons.undo, { disabled: !sheet.past.length });
  Object.assign(toolButtons.redo, { disabled: !sheet.future.length });
  toolButtons.hide.setAttribute("aria-pressed", String(shown.allHidden || shown.hidden.size > 0));
  filterButton.setAttribute("aria-pressed", String(sheet.now?.findings.some((finding) => shown.hiddenLabels.has(finding.label)) ?? false));
  const faded = fadedFindings().length;
  fadedText.replaceChildren(...(faded ? [button({ text: say("tools.faded", { n: faded }), title: say("faded.remove"), kind: "gl-link", press: () => removeAll(fadedFindings()) })] : []));
  showActions();
  showTop();
}

function setThreshold(threshold) {
  shown.threshold = threshold;
  slider.value = String(threshold);
  sliderText.textContent = threshold.toFixed(2);
  drawBoxes();
  if (sheet.now) showSeen();
  showTools();
}

function speak(to) {
  language = to;
  memory.set("language", to);
  const url = new URL(location.href);
  url.searchParams.set("lang", to);
  history.replaceState(null, "", url);
  build();
}

function build() {
  buildPanel();
  buildBottom();
  buildTools();
  buildEmpty();
  buildTop();
  stage.setAttribute("aria-label", say("stage.title"));
  if (work.assessing && work.assessing === sheet.frame?.id) (work.hurry ? showResting : showLooking)(work.assessing);
  if (sheet.now) changed();
}

onChange(() => { drawBoxes(); showPanel(); showTools(); showCurrentCard(); });
new ResizeObserver(() => placeCanvas()).observe(stage);
addEventListener("beforeunload", (event) => {
  if (!isDirty()) return;
  keepDraft();
  event.preventDefault();
});
addEventListener("pagehide", () => { if (isDirty()) keepDraft(); });

async function begin() {
  showTheme();
  await learnMe();
  build();
  const wanted = query.get("frame");
  showScreen(wanted ? "frame" : "empty");
  await Promise.all([loadWalk(), learnModels()]);
  const first = wanted ?? [...walk.cards.keys()][0];  // the drop zone is for a house without frames; later "add" is enough
  if (first) await openFrame(first);
  if (!sheet.frame) showScreen("empty");
  root.dataset.ready = "true";
}
begin();
