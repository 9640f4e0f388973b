// How sure the model was, of a field or a box: three steps and a word, a percentage only where it is calibrated, and what else it could have been.

const NEGLIGIBLE = 0.005;  // a share that would stand there as nothing
const CLEAR = 0.1;  // a rest above it is said beside the alternatives

/** The probability that is shown: the calibrated one, else the model's own; null when it said none. */
function sureOf(said) { return said.certainty ?? said.confidence ?? null; }
function isCalibrated(said) { return said.certainty !== null && said.certainty !== undefined; }
function sureLevel(p) { return p < options.uncertain_below ? 1 : p < options.sure_above ? 2 : 3; }

/** "93 %", or one of three words; nothing when the model did not say. */
function sureWord(said) {
  const p = sureOf(said);
  return p === null ? "" : isCalibrated(said) ? inPercent(p) : say("sure." + sureLevel(p));
}
function sureSentence(said) {
  if (sureOf(said) === null) return "";
  return isCalibrated(said) ? say("sure.calibrated", { number: sureWord(said) }) : say("sure.uncalibrated", { word: sureWord(said) });
}
function boxWord(said) { return said.said_by !== "model" || (said.overlap ?? null) === null ? "" : say(isRough(said) ? "seen.box_uncertain" : "seen.box_right"); }

/** What the model said and what it could have said instead, likeliest first: [[key, share]]. Beside a calibrated probability
 *  the others share what that one leaves; a share is a length on the screen, and a number only then. */
function sharesOf(key, said) {
  const own = sureOf(said);
  const others = said?.alternatives ?? [];
  if (key === null || key === undefined || own === null) return [];
  const left = isCalibrated(said) && said.confidence < 1 ? (1 - said.certainty) / (1 - said.confidence) : 1;
  const likely = others.filter(([other]) => other !== key).map(([other, share]) => [other, Math.min(1, share * left)]).filter(([, share]) => share >= NEGLIGIBLE);
  return [[key, own], ...likely];
}

function shareBar(share) {
  const fill = make("i");
  fill.style.width = `${Math.max(3, share * 100)}%`;
  return make("span", { class: "gl-share", "aria-hidden": "true" }, fill);
}

/** What neither the answer nor its alternatives hold: nothing to choose. */
function restLine(rest, said) {
  return make("div", { class: "gl-sure-rest gl-quiet" }, make("span", { text: say("sure.rest") }), shareBar(rest), make("span", { class: "gl-sure-number", text: isCalibrated(said) ? inPercent(rest) : "" }));
}
/** Of an answer without alternatives. What is not sure by itself has its doubt from the answers that decide it. */
function aloneSentence(said) { return say(sureLevel(sureOf(said)) === 3 ? "sure.no_others" : "sure.follows"); }

/** The three steps and their word. `more` = { title, shares, name, pick, data }: what the popover shows and what a choice in it does. */
function sureBar(said, more) {
  if (said.said_by !== "model" || sureOf(said) === null) return make("span", { class: "gl-steps is-empty" });
  const level = sureLevel(sureOf(said));
  const node = make("button", { type: "button", class: `gl-sure-bar is-${level}${isCalibrated(said) ? " is-calibrated" : ""}`, "aria-haspopup": "dialog", "aria-label": `${more.title}: ${sureSentence(said)}`, data: more.data ?? {} },
    make("span", { class: `gl-steps is-${level}`, "aria-hidden": "true" }, make("i"), make("i"), make("i")), make("span", { class: "gl-sure-word", text: sureWord(said) }));
  const open = (pinned) => openSure(node, said, more, pinned);
  node.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") sureLater(() => open(false), 160); });
  node.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") sureLater(closeSure, 220); });
  node.addEventListener("focus", () => { if (node.matches(":focus-visible")) open(false); });
  node.addEventListener("blur", (event) => { if (!sureState.box?.contains(event.relatedTarget) && !sureState.pinned) closeSure(); });
  node.addEventListener("click", () => { if (sureState.anchor === node && sureState.pinned) closeSure(); else open(true); });
  node.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && sureState.box) sureState.box.querySelector("button")?.focus();
    else if (event.key === "Escape" && sureState.box) closeSure();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return node;
}

const sureState = { box: null, anchor: null, pinned: false, timer: 0 };

function sureLater(act, milliseconds) {
  clearTimeout(sureState.timer);
  sureState.timer = setTimeout(() => { if (!sureState.pinned) act(); }, milliseconds);
}
function closeSure() {
  clearTimeout(sureState.timer);
  const { box } = sureState;
  Object.assign(sureState, { box: null, anchor: null, pinned: false });
  box?.remove();  // takes the focus out of it, which would close it once more
}

/** The popover beside a bar. Hover and focus open it, a press pins it; its lines are buttons that take an alternative over. */
function openSure(anchor, said, more, pinned) {
  clearTimeout(sureState.timer);
  if (sureState.anchor === anchor) { sureState.pinned ||= pinned; return; }
  closeSure();
  if (!anchor.isConnected) return;
  const line = ([key, share], place) => make("button", { type: "button", class: "gl-sure-line", "aria-current": place === 0 ? "true" : null, data: { key }, on: { click: () => { closeSure(); more.pick(key); } } },
    make("span", { text: more.name(key) }), shareBar(share), make("span", { class: "gl-sure-number", text: isCalibrated(said) ? inPercent(share) : "" }));
  const lines_ = more.shares.map(line);
  const rest = 1 - more.shares.reduce((sum, [, share]) => sum + share, 0);
  const box = make("div", { class: "gl-sure-box", role: "dialog", "aria-label": more.title }, make("p", { text: sureSentence(said) }),
    more.note ? make("p", { text: more.note }) : "", lines_.length > 1 ? make("div", { class: `gl-sure-lines${isCalibrated(said) ? " has-numbers" : ""}` }, ...lines_, rest > CLEAR ? restLine(rest, said) : "") : more.shares.length ? make("p", { class: "gl-quiet", text: aloneSentence(said) }) : "");
  box.addEventListener("pointerenter", () => clearTimeout(sureState.timer));
  box.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") sureLater(closeSure, 220); });
  box.addEventListener("focusout", (event) => { if (!box.contains(event.relatedTarget) && event.relatedTarget !== anchor) closeSure(); });
  box.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const place = lines_.indexOf(document.activeElement) + by;
    if (by) (lines_[place] ?? (place < 0 ? anchor : lines_.at(-1))).focus();
    else if (event.key === "Escape") { anchor.focus(); closeSure(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  dialogPlace.append(box);
  Object.assign(sureState, { box, anchor, pinned });
  placeBeside(box, anchor);
}

/** Under its anchor with the right edges in line, above it where there is no room below. */
function placeBeside(box, anchor) {
  const at = anchor.getBoundingClientRect();
  const below = at.bottom + 6 + box.offsetHeight < innerHeight - 8;
  box.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - box.offsetHeight - 6)}px`;
  box.style.left = `${Math.max(8, Math.min(at.right - box.offsetWidth + 8, innerWidth - box.offsetWidth - 8))}px`;
}

document.addEventListener("pointerdown", (event) => {
  if (sureState.box && !sureState.box.contains(event.target) && !sureState.anchor.contains(event.target)) closeSure();
}, true);
document.addEventListener("scroll", (event) => { if (sureState.box && event.target.contains?.(sureState.anchor)) closeSure(); }, { capture: true, passive: true });
onChange(() => { if (sureState.box) closeSure(); });
