// The keyboard: everything can be done without a mouse. Quiet while somebody types or a dialog is open.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function isTyping(node) { return Boolean(node?.closest?.("input:not([type=range]), textarea, select, [contenteditable]")); }

const ACTS = {  // what `keymap` gives a key to
  draw: () => setMode(pointer.mode === "draw" ? "select" : "draw"), menu: () => shown.selected && openLabelMenu(shown.selected), search: searchLabel,
  hide: toggleHidden, copy: copyBox, paste: pasteBox, agree, cannot: cannotTell, accept: acceptIt, return: askReturn, back: () => step(-1), forward: () => step(1),
  closer: () => zoomBy(1.25), further: () => zoomBy(0.8), whole: zoomFit,
};
const PLAIN = {
  Delete: () => removeFinding(shown.selected), Backspace: () => removeFinding(shown.selected), "=": () => zoomBy(1.25),
  Enter: () => shown.selected && openLabelMenu(shown.selected),
  Escape: () => { if (pointer.mode === "draw") setMode("select"); else if (shown.selected) select(null); else stage.focus(); },
};
const WITH_CTRL = { z: (event) => (event.shiftKey ? redo() : undo()), y: redo, Enter: () => save(), s: () => save({ stay: true }), c: copyBox, v: null };

document.addEventListener("keydown", (event) => {
  if (dialogPlace.querySelector("dialog[open]") || event.isComposing) return;
  const typing = isTyping(event.target);
  const control = event.ctrlKey || event.metaKey;
  if (typing && !(control && ["Enter", "s"].includes(event.key)) && !["Escape", "Tab"].includes(event.key)) return;
  if (typing && event.key === "Escape") return event.target.blur();
  if (event.key === "?") { event.preventDefault(); return showKeys(); }
  if (!sheet.now) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.repeat && confirms(event, key, control)) return event.preventDefault();
  if (control) return press(event, WITH_CTRL[key]);
  if (ARROWS[key]) return arrow(event, ...ARROWS[key]);
  if (event.key === "Tab") return tab(event);
  if (event.altKey) return;
  if (key === " ") return event.target.closest("button, summary, a") ? undefined : peek(event, true);
  if (key === "Enter" && event.target.closest("button, summary, a")) return;
  if (/^[1-9]$/.test(key)) {
    const label = profile.labels[Number(key) - 1];
    if (label && shown.selected) press(event, () => relabel(shown.selected, label.key));
    return;
  }
  press(event, ACTS[actionOf(key)] ?? PLAIN[key]);
});

/** Keys that settle a frame: each takes a press of its own, so that a held one never confirms frames that nobody saw. */
function confirms(event, key, control) {
  return control ? ["Enter", "s"].includes(key) : ["agree", "cannot", "accept", "return"].includes(actionOf(key)) || (key === "Enter" && Boolean(event.target.closest(".gl-actions")));
}

/** Search among the labels, for the selected box or else the first that waits for a look. */
function searchLabel() {
  const uid = shown.selected ?? stops().find((stop) => stop.uid !== undefined)?.uid;
  if (uid === undefined || uid === null) return;
  select(uid);
  openLabelMenu(uid);
}

function press(event, act) {
  if (!act) return;
  event.preventDefault();
  act(event);
}

function arrow(event, x, y) {
  if (!shown.selected || event.target.closest(".gl-levels, .gl-strip, input")) return;
  event.preventDefault();
  const far = event.shiftKey ? 10 : 1;
  nudge(x * far, y * far, event.altKey);
}

function peek(event, on) {
  event.preventDefault();
  if (shown.peek === on) return;
  shown.peek = on;
  drawBoxes();
}
document.addEventListener("keyup", (event) => { if (event.key === " " && shown.peek) peek(event, false); });
window.addEventListener("blur", () => { if (shown.peek) { shown.peek = false; drawBoxes(); } });

/** What waits for a look: fields nobody is sure of, then the boxes, the unsure ones first. After the last one the focus goes on as usual. */
function stops() {
  const fields = Object.entries(part.rows).filter(([field]) => sheet.now.step[field].value === null || isUncertain(sheet.now.step[field])).map(([field]) => ({ field }));
  const boxes = sheet.now.findings.filter(isVisible).sort((a, b) => isUncertain(b) - isUncertain(a) || a.box[0] - b.box[0] || a.box[1] - b.box[1]).map((finding) => ({ uid: finding.uid }));
  return [...fields, ...boxes];
}

function tab(event) {
  const inside = event.target === document.body || stage.contains(event.target) || event.target.matches(".gl-select, .gl-sure-bar[data-field]");
  const all = stops();
  if (!inside || !all.length) return;
  const field = event.target.dataset?.field;
  const bar = part.rows[field]?.sure.querySelector("button");
  if (bar && event.target.matches(event.shiftKey ? ".gl-sure-bar" : ".gl-select")) return;  // between a field and what else it could be, as usual
  const here = all.findIndex((stop) => (field ? stop.field === field : stop.uid !== undefined && stop.uid === shown.selected));
  if (field && here < 0) return;
  const next = all[here < 0 ? (event.shiftKey ? all.length - 1 : 0) : here + (event.shiftKey ? -1 : 1)];
  if (!next) return select(null);
  event.preventDefault();
  if (next.field) {
    select(null);
    part.rows[next.field].select.focus();
  } else {
    stage.focus({ preventScroll: true });
    select(next.uid);
  }
}
