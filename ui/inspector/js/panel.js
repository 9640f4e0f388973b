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
  part.fields = make("section", { class: "gl-fields" });
  part.rows = Object.fromEntries(Object.keys(profile.fields).map((field) => [field, fieldRow(field)]));
  part.fields.append(...Object.values(part.rows).map((row) => row.node));
  part.violations = make("section", { class: "gl-section" });
  part.seen = make("section", { class: "gl-section" });
  part.dropped = make("section", { class: "gl-section" });
  part.note = make("textarea", { class: "gl-note", rows: "1", maxlength: "4000", placeholder: say("note.empty"), "aria-label": say("note.empty"), on: { input: () => edit((now) => { now.note = part.note.value; }, "note") } });
  part.origin = make("footer", { class: "gl-origin" });
  const scroll = make("div", { class: "gl-panel-scroll" }, part.fields, part.violations, part.seen, part.dropped, part.note);
  panel.replaceChildren(make("div", { class: "gl-panel-head" }, part.risk, part.levels), scroll, part.origin);
  panel.setAttribute("aria-label", say("panel.title"));
}

function fieldRow(field) {
  const select = make("select", { class: "gl-select", id: `gl-field-${field}`, data: { field }, on: { change: (event) => setField(field, event.target.value) } },
    make("option", { value: "", text: say("field.choose") }),
    ...profile.fields[field].map((term) => make("option", { value: term.key, text: term.names[language] })));
  const sure = make("span", { class: "gl-sure" });
  const who = make("button", { type: "button", class: "gl-who", on: { click: () => confirmField(field) } });
  const node = make("div", { class: "gl-field", data: { field } }, make("label", { for: `gl-field-${field}`, text: say("field." + field) }), select, sure, who);
  return { node, select, sure, who };
}

/** Three steps: unsure, likely, sure. The number only where it has been calibrated; otherwise it is the model's own and stays in the hint. */
function sureness(said) {
  if (said.said_by !== "model" || said.confidence === null) return make("span", { class: "gl-steps is-empty" });
  const level = said.confidence < options.uncertain_below ? 1 : said.confidence < options.sure_above ? 2 : 3;
  const hint = say(options.calibrated ? "sure.calibrated" : "sure.own", { word: say("sure." + level), number: said.confidence.toFixed(2) });
  const bars = make("span", { class: `gl-steps is-${level}`, title: hint, role: "img", "aria-label": hint }, make("i"), make("i"), make("i"));
  return options.calibrated ? make("span", { class: "gl-sure-both" }, bars, make("span", { text: inPercent(said.confidence) })) : bars;
}

function showPanel() {
  if (!sheet.now) return;
  panel.classList.toggle("is-waiting", isLooking());
  showRisk();
  for (const [field, row] of Object.entries(part.rows)) showField(row, sheet.now.step[field]);
  showViolations();
  showSeen();
  showDropped();
  part.note.readOnly = sheet.held;
  if (document.activeElement !== part.note) part.note.value = sheet.now.note;
  showOrigin();
}

/** Nothing has been said yet and the model is at it: the places stand, quiet and empty. */
function isLooking() { return !sheet.assessment && !isDirty() && !sheet.correction && (work.assessing === sheet.frame.id || work.waiting.includes(sheet.frame.id)); }
function isJudged() { return Boolean(sheet.assessment || sheet.correction); }

function showRisk() {
  const { risk } = sheet.now;
  const waiting = isLooking();
  part.risk.className = `gl-verdict is-${risk.level ?? "undetermined"}${waiting ? " is-waiting" : ""}`;
  const probability = risk.level ? risk.probabilities?.[risk.level] : undefined;
  const sure = probability === undefined ? null : sureness({ confidence: probability, said_by: risk.said_by });
  part.risk.replaceChildren(riskMark(risk.level), make("div", { class: "gl-verdict-text" },
    make("strong", { class: "gl-verdict-word", text: waiting ? say("risk.waiting") : levelName(risk.level) }), make("span", { class: "gl-verdict-why", text: waiting ? "" : whyRisk() })), sure ?? "", saidBy(risk, null) ?? "");
  for (const each of part.levels.children) each.setAttribute("aria-pressed", String(each.dataset.level === risk.level));
}

/** The first reason in words: the worst violation, or why nobody knows. */
function whyRisk() {
  const { risk, violations } = sheet.now;
  if (work.failed && !isJudged()) return work.failed;
  if (risk.level === null) return sheet.assessment ? say("risk.why_unread") : say("risk.why_unasked");
  const worst = [...violations].sort((a, b) => profile.levels.indexOf(b.risk) - profile.levels.indexOf(a.risk))[0];
  if (worst) return hazardByKey.get(worst.hazard)?.names[language] ?? worst.hazard;
  return risk.said_by === "person" ? say("risk.why_person") : risk.level === profile.levels[0] ? say("risk.why_nothing") : say("risk.why_model");
}

function showField(row, said) {
  row.node.className = `gl-field${isUncertain(said) || said.value === null ? " is-uncertain" : ""}${said.value === null ? " is-missing" : ""}`;
  row.select.value = said.value ?? "";
  row.sure.replaceChildren(sureness(said), isUncertain(said) ? make("b", { class: "gl-unsure", text: "?", title: say("sure.check") }) : "");
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
    ...violations.map(violationCard), violations.length ? "" : make("p", { class: "gl-quiet", text: isLooking() ? "…" : say(isJudged() && sheet.now.risk.level !== null ? "violations.none" : "violations.unjudged") }), others.length ? adding : "");
}

function violationCard(violation) {
  const hazard = hazardByKey.get(violation.hazard);
  const marks = sheet.now.findings.filter((finding) => hazard?.mark.includes(finding.label));
  const light = (on) => { for (const finding of marks) drawn.get(finding.uid)?.group.classList.toggle("is-lit", on); };
  return make("article", { class: `gl-violation is-${violation.risk ?? "undetermined"}`, on: { pointerenter: () => light(true), pointerleave: () => light(false) } },
    riskMark(violation.risk), make("div", { class: "gl-violation-text" },
      make("strong", { text: hazard?.names[language] ?? violation.hazard }), hazard ? make("p", {}, make("b", { text: say("violations.do") }), " " + hazard.fixes[language]) : "",
      ...violation.rules.map((rule) => make("p", { class: "gl-rule", text: rule }))),
    make("div", { class: "gl-violation-acts" }, saidBy(violation, () => edit((now) => { now.violations.find((each) => each.uid === violation.uid).said_by = "confirmed"; })),
      button({ title: say("violations.remove"), sign: "x", kind: "gl-who", press: () => edit((now) => { now.violations = now.violations.filter((each) => each.uid !== violation.uid); }) })));
}

function showSeen() {
  const items = sheet.now.findings.map((finding) => {
    const swatch = make("span", { class: "gl-swatch" });
    swatch.style.background = labelColour(finding.label);
    const sign = finding.said_by === "confirmed" ? "✓" : finding.said_by === "person" ? "" : isUncertain(finding) ? "?" : "";
    return make("button", { type: "button", class: `gl-seen is-${finding.said_by}${finding.uid === shown.selected ? " is-selected" : ""}${isFaded(finding) || shown.hidden.has(finding.uid) || shown.hiddenLabels.has(finding.label) ? " is-faded" : ""}`, data: { uid: String(finding.uid) },
      title: finding.box ? `${say("said." + finding.said_by)} ${confidenceText(finding)}` : say("seen.whole"),
      on: { click: () => { select(finding.uid); stage.focus({ preventScroll: true }); }, dblclick: () => openLabelMenu(finding.uid), pointerenter: () => hoverOn(finding.uid), pointerleave: () => hoverOn(null) } },
      swatch, make("span", { text: labelName(finding.label) }), sign ? make("b", { text: sign }) : "", finding.box ? "" : make("em", { text: say("seen.whole") }));
  });
  const whole = make("select", { class: "gl-add", "aria-label": say("seen.add"), on: { change: (event) => addWhole(event.target.value) } },
    make("option", { value: "", text: say("seen.add") }), ...profile.labels.map((label) => make("option", { value: label.key, text: label.names[language] })));
  const offers = options.boxless ? whole : "";
  part.seen.replaceChildren(make("h2", { text: say("seen.title") }, make("span", { class: "gl-count", text: String(items.length) })),
    items.length ? make("div", { class: "gl-seen-list" }, ...items) : make("p", { class: "gl-quiet", text: isLooking() ? "…" : say("seen.none") }), offers);
}

function showSelection() {
  for (const item of part.seen.querySelectorAll(".gl-seen")) item.classList.toggle("is-selected", Number(item.dataset.uid) === shown.selected);
  showTools();
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
  if (correction) lines_.push(make("span", { text: say(correction.verdict === "reviewed" ? "origin.reviewed" : "origin.cannot_tell", { who: correction.author, n: sheet.revision, at: asTime(correction.at) }) }));
  const links = make("div", { class: "gl-links" },
    sheet.revision ? button({ text: say("origin.history"), kind: "gl-link", press: showHistory }) : "",
    button({ text: "JSON", kind: "gl-link", title: say("origin.json"), press: downloadJson }),
    make("a", { class: "gl-link", href: `${options.api}${framePath(sheet.frame.id)}/annotated?lang=${language}`, download: "", title: say("origin.annotated"), text: say("origin.picture") }));
  part.origin.replaceChildren(make("div", { class: "gl-origin-lines" }, ...lines_), links);
}
