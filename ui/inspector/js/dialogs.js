// What opens over the screen: conflict, history, camera, faded boxes, the add menu, and short notices. Native <dialog>, so focus stays inside.

const notices = make("div", { class: "gl-notices", role: "status", "aria-live": "polite" });
const dialogPlace = make("div", { class: "gl-dialogs" });

/** A short notice; `act` and `press` give it one button. */
function tell(sentence, { bad = false, act = "", press = null, long = false } = {}) {
  const notice = make("div", { class: `gl-notice${bad ? " is-bad" : ""}` }, make("span", { text: sentence }));
  const close = () => notice.remove();
  if (press) notice.append(button({ text: act, kind: "gl-link", press: () => { close(); press(); } }));
  notice.append(button({ title: say("close"), sign: "x", kind: "gl-who", press: close }));
  notices.replaceChildren(...[...notices.children].slice(-2), notice);
  setTimeout(close, long ? 15000 : bad || press ? 9000 : 4000);
}
function draftFailed() { tell(say("draft.full"), { bad: true, long: true }); }

function openDialog(title, body, choices = [], kind = "") {
  const dialog = make("dialog", { class: `gl-dialog ${kind}`, "aria-label": title });
  const head = make("header", {}, make("h2", { text: title }), button({ title: say("close"), sign: "x", kind: "gl-who", press: () => dialog.close() }));
  const foot = make("footer", {}, ...choices.map(({ text, primary, press, focus = primary }) => button({ text, kind: `gl-button ${primary ? "is-primary" : "is-quiet"}`, autofocus: focus, press: () => { dialog.close(); press?.(); } })));
  dialog.append(head, make("div", { class: "gl-dialog-body" }, ...[body].flat()), choices.length ? foot : "");
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialogPlace.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A small picture with the boxes of one version. */
function versionPicture(version) {
  const drawing = makeSvg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none" });
  for (const finding of version.findings.filter((each) => each.box)) {
    const [x0, y0, x1, y1] = finding.box.map((corner) => corner * 100);
    const rect = makeSvg("rect", { x: x0, y: y0, width: x1 - x0, height: y1 - y0 });
    rect.style.stroke = labelColour(finding.label);
    drawing.append(rect);
  }
  return make("div", { class: "gl-version-picture" }, make("img", { src: pictureUrl(sheet.frame.id, 320), alt: "" }), drawing);
}

function versionLines(version, other) {
  const line = (name, value, differs) => make("div", { class: differs ? "is-different" : "" }, make("dt", { text: name }), make("dd", { text: value }));
  const counts = (each) => each.findings.map((finding) => labelName(finding.label)).sort().join(say("list.comma"));
  const named = (field, each) => (each.step[field]?.value ? termName(field, each.step[field].value) : "–");
  const wrong = (each) => each.violations.map((violation) => hazardByKey.get(violation.hazard)?.names[language] ?? violation.hazard).join(say("list.comma")) || "–";
  return make("dl", {}, line(say("risk.title"), levelName(version.risk.level), version.risk.level !== other.risk.level),
    ...Object.keys(profile.fields).map((field) => line(say("field." + field), named(field, version), named(field, version) !== named(field, other))),
    line(say("violations.title"), wrong(version), wrong(version) !== wrong(other)),
    line(say("seen.title"), `${version.findings.length}: ${counts(version)}`, JSON.stringify(version.findings.map((f) => [f.label, f.box])) !== JSON.stringify(other.findings.map((f) => [f.label, f.box]))));
}

/** Somebody saved this frame meanwhile. Both versions side by side; nothing is thrown away before a choice, and no other frame is touched by it. */
function showConflict(id, { message, theirs, yours }, verdict) {
  const column = (title, version, other) => make("section", { class: "gl-version" }, make("h3", { text: title }), versionPicture(version), versionLines(version, other));
  const body = [make("p", { text: message }), make("div", { class: "gl-versions" },
    column(say("conflict.theirs", { who: theirs.author, at: asTime(theirs.at) }), theirs, yours), column(say("conflict.yours"), yours, theirs))];
  const onTop = () => {
    if (!isOpen(id)) return openFrame(id);
    const mine = sheet.now;
    dropDrafts(id);
    Object.assign(sheet, { revision: theirs.revision, correction: theirs, clean: plain(working(theirs)), now: mine });
    keepDraft();
    changed();
  };
  openDialog(say("conflict.title"), body, [
    { text: say("conflict.take_theirs"), press: () => { dropDrafts(id); openFrame(id); } },
    { text: say("conflict.go_on"), press: onTop, focus: true },
    { text: say("merge.title"), press: () => (isOpen(id) ? showMerge(theirs, (now) => { onTop(); sheet.now = now; keepDraft(); changed(); saveAgain(id, verdict); }) : openFrame(id)) },
    { text: say("conflict.keep_mine"), primary: true, focus: false, press: () => { onTop(); if (isOpen(id)) saveAgain(id, verdict); } },
  ], "is-wide");
}

function askAboutUnseen(unseen, how) {
  const { id } = sheet.frame;
  openDialog(say("faded.title"), make("p", { text: say("faded.body", { n: unseen.length }) }), [
    { text: say("faded.show"), primary: true, press: showAll },
    { text: say("faded.remove"), press: () => { if (isOpen(id)) { removeAll(unseen); save(how); } } },
    { text: say("faded.keep"), press: () => { if (isOpen(id)) save({ ...how, agreed: true }); } },
  ]);
}

async function showHistory() {
  const { id } = sheet.frame;
  let versions;
  try { versions = await remote.history(id); } catch (error) { return tell(error.message, { bad: true }); }
  if (!isOpen(id)) return;
  const rows = [...versions].reverse().map((version) => make("li", {}, versionPicture(version), make("div", {},
    make("strong", { text: `${version.revision} · ${version.author}` }), make("span", { text: asTime(version.at) }),
    make("span", { text: `${say(version.verdict === "reviewed" ? "walk.reviewed" : "cannot_tell")} · ${levelName(version.risk.level)} · ${version.findings.length} ${say("seen.title")}` }),
    mayEdit() && version.revision !== sheet.revision ? button({ text: say("history.restore"), title: say("history.restore_hint"), kind: "gl-link", press: () => { dialog.close(); restoreVersion(id, version.revision); } }) : "",
    button({ text: say("history.take"), kind: "gl-link", press: () => { if (isOpen(id)) edit((now) => Object.assign(now, working(version))); dialog.close(); } }))));
  const dialog = openDialog(say("origin.history"), make("ol", { class: "gl-history" }, ...rows));
}

/** An earlier version becomes the newest one; what came after it stays in the history. */
async function restoreVersion(id, revision) {
  if (!isOpen(id)) return;
  if (isDirty()) return tell(say("history.unsaved"), { bad: true });
  try { await remote.restore(id, revision, sheet.revision); } catch (error) { return tell(error.message, { bad: true }); }
  await openFrame(id);
  tell(say("history.restored", { n: revision }));
}

async function openCamera() {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 3840 }, height: { ideal: 2160 } } });
  } catch { return tell(say("camera.none"), { bad: true }); }
  const film = make("video", { autoplay: true, playsinline: true, muted: true });
  film.srcObject = stream;
  const take = () => {
    const still = make("canvas", { width: String(film.videoWidth), height: String(film.videoHeight) });
    still.getContext("2d").drawImage(film, 0, 0);
    const stamp = new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString().replace(/\D/g, "").slice(0, 14);
    still.toBlob((blob) => { if (blob) takeFiles([new File([blob], `${stamp}.jpg`, { type: "image/jpeg" })]); }, "image/jpeg", 0.95);
  };
  const dialog = openDialog(say("camera.title"), film, [{ text: say("camera.take"), primary: true, press: take }], "is-camera");
  dialog.addEventListener("close", () => { for (const track of stream.getTracks()) track.stop(); });
}

function openAddMenu(anchor) {
  const entry = (text, sign, press) => button({ text, sign, kind: "gl-popup-item", press: () => { popup.remove(); press(); } });
  const popup = openPopup(anchor, [entry(say("add.files"), "upload", () => filesInput.click()), entry(say("drop.folder"), "folder", () => folderInput.click()), entry(say("drop.camera"), "camera", openCamera), entry(say("add.samples"), "eye", showSamplesDialog), ...(may("lead") ? [entry(say("bin.list"), "bin", showBin)] : [])]);
}

/** A small list above what opened it; goes by Escape or a press beside it. */
function openPopup(anchor, items) {
  document.querySelector(".gl-popup")?.remove();
  const popup = make("div", { class: "gl-popup" }, ...items);
  dialogPlace.append(popup);
  const place = anchor.getBoundingClientRect();
  Object.assign(popup.style, { left: `${place.left}px`, bottom: `${innerHeight - place.top + 6}px` });
  popup.querySelector("button, input")?.focus();
  popup.addEventListener("keydown", (event) => { if (event.key === "Escape") { popup.remove(); anchor.focus(); } });
  const away = (event) => {
    if (popup.contains(event.target)) return;
    popup.remove();
    document.removeEventListener("pointerdown", away, true);
  };
  setTimeout(() => document.addEventListener("pointerdown", away, true), 0);
  return popup;
}

/** Which labels are shown: those on this frame, with how many, to tick. Only for the eye; nothing is changed by it. */
function openLabelFilter(anchor) {
  const counts = new Map();
  for (const { label } of sheet.now?.findings ?? []) counts.set(label, (counts.get(label) ?? 0) + 1);
  const line = ([label, n]) => {
    const swatch = make("span", { class: "gl-swatch" });
    swatch.style.background = labelColour(label);
    const tick = make("input", { type: "checkbox", on: { change: () => { if (tick.checked) shown.hiddenLabels.delete(label); else shown.hiddenLabels.add(label); hiddenChanged(); } } });
    tick.checked = !shown.hiddenLabels.has(label);
    return make("label", { class: "gl-popup-item" }, tick, swatch, make("span", { text: labelName(label) }), make("span", { class: "gl-count", text: String(n) }));
  };
  const lines_ = [...counts].sort((a, b) => b[1] - a[1]).map(line);
  openPopup(anchor, lines_.length ? lines_ : [make("p", { class: "gl-quiet gl-popup-item", text: say("seen.none_short") })]);
}

function showSamplesDialog() {
  const place = make("div", { class: "gl-samples" });
  const dialog = openDialog(say("add.samples"), place);
  place.addEventListener("click", (event) => { if (event.target.closest(".gl-sample")) dialog.close(); });
  showSamples(place);
}

function askName() {
  const input = make("input", { class: "gl-input", value: memory.get("author") ?? "", maxlength: "100", "aria-label": say("name.title") });
  const keep = () => { memory.set("author", input.value.trim()); showTop(); };
  const dialog = openDialog(say("name.title"), [make("p", { text: say("name.body") }), input], [...(may("admin") ? [{ text: say("people.title"), press: showPeople }] : []), { text: say("name.keep"), primary: true, press: keep }]);
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") { keep(); dialog.close(); } });
  input.focus();
}

function downloadJson() {
  const content = correctionOf(sheet.now, sheet.correction?.verdict ?? "reviewed", effort.seconds);
  const saved = !isDirty() && sheet.correction;
  const said = { frame: sheet.frame, assessment: sheet.assessment, correction: saved ? sheet.correction : null, unsaved: saved ? null : { ...content, findings: sheet.now.findings.map(bare), step: Object.fromEntries(Object.entries(sheet.now.step).map(([field, value]) => [field, bare(value)])), risk: bare(sheet.now.risk), violations: sheet.now.violations.map(bare) } };
  const link = make("a", { href: URL.createObjectURL(new Blob([JSON.stringify(said, null, 2)], { type: "application/json" })), download: `frame-${sheet.frame.id.slice(0, 12)}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
