// The verdict beside the frame: risk, fields, violations, what was seen, what was dropped, who said it. Every value can be changed here.

const panel = make("aside", { class: "gl-panel" });
const part = {};  // the pieces that change

/** Build the panel for the language; what it says comes in showPanel. */
function buildPanel() {
  part.risk = make("section", { class: "gl-verdict", "aria-live": "polite" });
  part.levels = make("div", { class: "gl-levels", role: "group", "aria-label": say("risk.title") });
  for (const level of profile.levels) {
    part.levels.append(make("button", { type: "button", class: `gl-level is-${level}`, data: { level }, on: { click: () => setRisk(level) }, title: levelName(level) },
      riskMark(level), make("span", { text: say("level." + level) })));
  }
  part.state = make("section", { class: "gl-states", hidden: true });
  part.fields = make("section", { class: "gl-fields" });
  part.rows = Object.fromEntries(Object.keys(profile.fields).map((field) => [field, fieldRow(field)]));
  part.scale = make("p", { class: "gl-scale", text: say("sure.scale"), title: say("sure.why_words") });
  part.fields.append(...Object.values(part.rows).map((row) => row.node), part.scale);
  part.violations = make("section", { class: "gl-section" });
  part.seen = make("section", { class: "gl-section" });
  part.detail = make("div", { class: "gl-detail" });
  part.dropped = make("section", { class: "gl-section" });
  part.note = make("textarea", { class: "gl-note", rows: "1", maxlength: "4000", placeholder: say("note.empty"), "aria-label": say("note.empty"), on: { input: () => edit((now) => { now.note = part.note.value; }, "note") } });
  part.origin = make("footer", { class: "gl-origin" });
  const scroll = make("div", { class: "gl-panel-scroll" }, part.fields, part.violations, part.seen, part.dropped, part.note);
  panel.replaceChildren(make("div", { class: "gl-panel-head" }, part.risk, part.state, part.levels), scroll, part.origin);
  panel.setAttribute("aria-label", say("panel.title"));
}

function fieldRow(field) {
  const select = make("select", { class: "gl-select", id: `gl-field-${field}`, data: { field }, on: { change: (event) => setField(field, event.target.value) } });
  const sure = make("span", { class: "gl-sure" });
  const who = make("button", { type: "button", class: "gl-who", on: { click: () => confirmField(field) } });
  const node = make("div", { class: "gl-field", data: { field } }, make("label", { for: `gl-field-${field}`, text: say("field." + field) }), select, sure, who);
  return { field, node, select, sure, who, listed: null };
}

/** The choices of a field: what the model holds likely first, each with its share, then all others as the profile has them. */
function listChoices(row) {
  const said = sheet.assessment?.step[row.field];
  const model = said && { ...said, certainty: sheet.assessment.certainty?.[row.field] };
  const shares = model ? sharesOf(model.value, model) : [];
  const listed = JSON.stringify(shares);
  if (row.listed === listed) return;
  row.listed = listed;
  const first = new Map(shares.length > 1 ? shares : []);
  const option = (key, share) => make("option", { value: key, text: termName(row.field, key) }, share === undefined ? "" : shareBar(share));
  const rest = profile.fields[row.field].filter((term) => !first.has(term.key)).map((term) => option(term.key));
  const chosen = make("button", { type: "button", class: "gl-chosen", tabindex: "-1" }, make("selectedcontent"));  // where a select can be styled: what its closed face shows
  row.select.replaceChildren(chosen, make("option", { value: "", text: say("field.choose") }), ...[...first].map(([key, share]) => option(key, share)), first.size ? make("hr") : "", ...rest);
}

function showPanel() {
  if (!sheet.now) return;
  panel.classList.toggle("is-waiting", isLooking());
  showRisk();
  showState();
  for (const [field, row] of Object.entries(part.rows)) showField(row, sheet.now.step[field]);
  part.scale.hidden = ![...Object.values(sheet.now.step)].some((said) => said.said_by === "model" && sureOf(said) !== null && !isCalibrated(said));
  showViolations();
  showSeen();
  showDropped();
  part.note.readOnly = sheet.held;
  if (document.activeElement !== part.note) part.note.value = sheet.now.note;
  showOrigin();
}

/** Nothing has been said yet and the model is at it: the places stand, quiet and empty. */
function isLooking() { return !sheet.assessment && !isDirty() && !sheet.correction && (work.assessing === sheet.frame.id || work.waiting.includes(sheet.frame.id)); }
/** The model said nothing of this frame yet, and nobody is asking it now. */
function canAsk() { return Boolean(options.model) && !sheet.assessment && !sheet.about.unaided && work.assessing !== sheet.frame.id && !work.waiting.includes(sheet.frame.id); }
function isJudged() { return Boolean(sheet.assessment || sheet.correction); }

function showRisk() {
  const { risk } = sheet.now;
  const waiting = isLooking();
  part.risk.className = `gl-verdict is-${risk.level ?? "undetermined"}${waiting ? " is-waiting" : ""}`;
  const probability = risk.level ? risk.probabilities?.[risk.level] : undefined;
  const said = { said_by: risk.said_by, confidence: probability ?? null, certainty: risk.certainty, alternatives: Object.entries(risk.probabilities ?? {}).filter(([level]) => level !== risk.level).sort((a, b) => b[1] - a[1]) };
  const sure = waiting ? "" : sureBar(said, { title: say("risk.title"), shares: sharesOf(risk.level, said), name: levelName, pick: setRisk });
  part.risk.replaceChildren(riskMark(risk.level), make("div", { class: "gl-verdict-text" },
    make("strong", { class: "gl-verdict-word", text: waiting ? say("risk.waiting") : levelName(risk.level) }), make("span", { class: "gl-verdict-why", text: waiting ? "" : whyRisk() })), canAsk() ? button({ text: say("bar.ask_again"), kind: "gl-button is-quiet gl-ask", press: () => assess(sheet.frame.id) }) : "", sure, saidBy(risk, null) ?? "");
  for (const each of part.levels.children) each.setAttribute("aria-pressed", String(each.dataset.level === risk.level));
}

/** The first reason in words: the worst violation, or why nobody knows. */
function whyRisk() {
  const { risk, violations } = sheet.now;
  if (work.failed && !isJudged()) return work.failed;
  const outside = risk.reasons?.find((reason) => reason.startsWith("not_applicable:"));
  if (risk.level === null && outside) return say("risk.why_outside", { label: labelName(outside.slice(15)) });
  if (risk.level === null) return sheet.assessment ? say("risk.why_unread") : say("risk.why_unasked");
  const worst = [...violations].sort((a, b) => profile.levels.indexOf(b.risk) - profile.levels.indexOf(a.risk))[0];
  if (worst) return hazardByKey.get(worst.hazard)?.names[language] ?? worst.hazard;
  return risk.said_by === "person" ? say("risk.why_person") : risk.level === profile.levels[0] ? say("risk.why_nothing") : say("risk.why_model");
}

function showField(row, said) {
  listChoices(row);
  row.node.className = `gl-field${isUncertain(said) || said.value === null ? " is-uncertain" : ""}${said.value === null ? " is-missing" : ""}`;
  row.select.value = said.value ?? "";
  row.select.title = said.value === null ? "" : termName(row.field, said.value);
  const bar = sureBar(said, { title: say("field." + row.field), shares: sharesOf(said.value, said), name: (key) => termName(row.field, key), data: { field: row.field }, pick: (key) => { setField(row.field, key); row.select.focus(); } });
  row.sure.replaceChildren(bar, isUncertain(said) ? make("b", { class: "gl-unsure", text: "?", title: say("sure.check") }) : "");
  const sign = { model: "", person: "pencil", confirmed: "check" }[said.said_by];
  row.who.replaceChildren(sign && said.value !== null ? icon(sign) : icon("check", "gl-icon is-faint"));
  row.who.disabled = said.said_by !== "model" || said.value === null;
  row.who.title = said.said_by === "model" ? say("said.confirm") : say("said." + said.said_by);
  row.who.setAttribute("aria-label", row.who.title);
}

function saidBy(said, press) {
  const sign = { model: null, person: "pencil", confirmed: "check" }[said.said_by];
  return sign ? make("span", { class: "gl-said", title: say("said." + said.said_by) }, icon(sign)) : press ? button({ title: say("said.confirm"), sign: "check", kind: "gl-who", press }) : null;
}

function showViolations() {
  const { violations } = sheet.now;
  const others = profile.hazards.filter((hazard) => !violations.some((violation) => violation.hazard === hazard.key));
  const adding = make("select", { class: "gl-add", "aria-label": say("violations.add"), on: { change: (event) => addViolation(event.target.value) } },
    make("option", { value: "", text: say("violations.add") }), ...others.map((hazard) => make("option", { value: hazard.key, text: hazard.names[language] })));
  part.violations.replaceChildren(make("h2", { text: say("violations.title") }, make("span", { class: "gl-count", text: String(violations.length) })),
    ...violations.map(violationCard), violations.length ? "" : make("p", { class: "gl-quiet", text: isLooking() ? "…" : say(isJudged() && sheet.now.risk.level !== null ? "violations.none" : "violations.unjudged") }), missedLine("violations"), others.length ? adding : "");
}

/** Where the list ended the model nearly went on: a quiet word, until a person has judged the frame. */
function missedLine(what) {
  const likely = !sheet.correction && (sheet.assessment?.missed?.[what] ?? 0) > options.missed_above;
  return likely ? make("p", { class: "gl-missed" }, icon("eye"), make("span", { text: say(what === "violations" ? "violations.missed" : "seen.missed") })) : "";
}

function violationCard(violation) {
  const hazard = hazardByKey.get(violation.hazard);
  const marks = sheet.now.findings.filter((finding) => hazard?.mark.includes(finding.label));
  const light = (on) => { for (const finding of marks) drawn.get(finding.uid)?.group.classList.toggle("is-lit", on); };
  return make("article", { class: `gl-violation is-${violation.risk ?? "undetermined"}`, on: { pointerenter: () => light(true), pointerleave: () => light(false) } },
    riskMark(violation.risk), make("div", { class: "gl-violation-text" },
      make("strong", { text: hazard?.names[language] ?? violation.hazard }), hazard ? make("p", {}, make("b", { text: say("violations.do") }), " " + hazard.fixes[language]) : "",
      ...violation.rules.map((rule) => make("p", { class: "gl-rule", text: rule }))),
    sureBar(violation, { title: hazard?.names[language] ?? violation.hazard, shares: [], name: String, pick: () => {} }),
    make("div", { class: "gl-violation-acts" }, saidBy(violation, () => edit((now) => { now.violations.find((each) => each.uid === violation.uid).said_by = "confirmed"; })),
      button({ title: say("violations.remove"), sign: "x", kind: "gl-who", press: () => edit((now) => { now.violations = now.violations.filter((each) => each.uid !== violation.uid); }) })));
}

function showSeen() {
  const items = sheet.now.findings.map((finding) => {
    const swatch = make("span", { class: "gl-swatch" });
    swatch.style.background = labelColour(finding.label);
    const sign = finding.said_by === "confirmed" ? "✓" : finding.said_by === "person" ? "" : isUncertain(finding) ? "?" : "";
    return make("button", { type: "button", class: `gl-seen is-${finding.said_by}${finding.uid === shown.selected ? " is-selected" : ""}${isFaded(finding) || shown.hidden.has(finding.uid) || shown.hiddenLabels.has(finding.label) ? " is-faded" : ""}`, data: { uid: String(finding.uid) },
      title: [finding.box ? "" : say("seen.whole"), say("said." + finding.said_by), confidenceText(finding)].filter(Boolean).join(" · "),
      on: { click: () => { select(finding.uid); stage.focus({ preventScroll: true }); }, dblclick: () => openLabelMenu(finding.uid), pointerenter: () => hoverOn(finding.uid), pointerleave: () => hoverOn(null) } },
      swatch, make("span", { text: labelName(finding.label) }), sign ? make("b", { text: sign }) : "", finding.box ? "" : make("em", { text: say("seen.whole") }));
  });
  const whole = make("select", { class: "gl-add", "aria-label": say("seen.add"), on: { change: (event) => addWhole(event.target.value) } },
    make("option", { value: "", text: say("seen.add") }), ...profile.labels.map((label) => make("option", { value: label.key, text: label.names[language] })));
  const offers = options.boxless ? whole : "";
  part.seen.replaceChildren(make("h2", { text: say("seen.title") }, make("span", { class: "gl-count", text: String(items.length) })),
    items.length ? make("div", { class: "gl-seen-list" }, ...items) : make("p", { class: "gl-quiet", text: isLooking() ? "…" : say("seen.none") }), part.detail, missedLine("findings"), offers);
  showDetail();
}

function showSelection() {
  for (const item of part.seen.querySelectorAll(".gl-seen")) item.classList.toggle("is-selected", Number(item.dataset.uid) === shown.selected);
  showDetail();
  showTools();
}

/** How sure the model was of the selected box: of its name, and of where it lies. */
function showDetail() {
  const finding = findingOf(shown.selected);
  part.detail.hidden = !finding || finding.said_by !== "model" || (sureOf(finding) === null && !boxWord(finding));
  if (part.detail.hidden) return;
  const bar = sureBar(finding, { title: labelName(finding.label), shares: sharesOf(finding.label, finding), name: labelName, pick: (key) => relabel(finding.uid, key) });
  part.detail.replaceChildren(make("b", { text: labelName(finding.label) }), bar, make("span", { class: isRough(finding) ? "is-rough" : "", text: boxWord(finding) }));
}

function showDropped() {
  const dropped = sheet.assessment?.dropped ?? [];
  part.dropped.hidden = !dropped.length;
  const list = make("ul", { class: "gl-dropped" }, ...dropped.map((each) => make("li", {}, make("code", { text: each.what.slice(0, 200) }), make("span", { text: each.why }))));
  part.dropped.replaceChildren(make("details", {}, make("summary", { text: say("dropped.title") }, make("span", { class: "gl-count", text: String(dropped.length) }), icon("down")), list));
}

function showOrigin() {
  const { assessment, correction } = sheet;
  const lines_ = [];
  if (assessment) {
    const [name, ...weights] = assessment.model.split("@");
    lines_.push(make("span", { title: assessment.model }, make("b", { text: name }), weights.length ? ` ${weights.join("@").slice(0, 8)}` : "", ` · ${inSeconds(assessment.seconds)}`, sheet.fromStore ? ` · ${say("origin.store")}` : ""));
  }
  const { host } = assessment?.reply ?? {};
  if (host) lines_.push(make("span", { class: "gl-host", title: say("host.there_hint", { host }) }, icon("out"), make("span", { text: say("host.sent", { host }) })));
  if (correction) lines_.push(make("span", { text: say(correction.verdict === "reviewed" ? "origin.reviewed" : "origin.cannot_tell", { who: correction.author, n: sheet.revision, at: asTime(correction.at) }) }));
  const links = make("div", { class: "gl-links" },
    sheet.revision && !sheet.about.blind ? button({ text: say("origin.history"), kind: "gl-link", press: showHistory }) : "",
    button({ text: "JSON", kind: "gl-link", title: say("origin.json"), press: downloadJson }),
    make("a", { class: "gl-link", href: `${options.api}${framePath(sheet.frame.id)}/annotated?lang=${language}`, download: "", title: say("origin.annotated"), text: say("origin.picture") }));
  part.origin.replaceChildren(make("div", { class: "gl-origin-lines" }, ...lines_), links);
}
