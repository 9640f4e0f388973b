// Mouse, pen and fingers on the frame: select, move, resize, draw, pan, pinch. Positions are whole pixels of the frame.

const pointer = { mode: "select", drag: null, fingers: new Map(), pinch: null, lastLabel: profile.labels[0].key };
const CLICK = 4;  // screen pixels that a click may wander

function setMode(mode) {
  pointer.mode = mode;
  stage.classList.toggle("is-drawing", mode === "draw");
  drawButton.setAttribute("aria-pressed", String(mode === "draw"));
  if (mode !== "draw") cross.removeAttribute("d");
}

function reach(event) { return event.pointerType === "mouse" ? 9 : 22; }

/** Which handle of the selected box lies under the pointer. */
function handleAt(event) {
  const finding = findingOf(shown.selected);
  if (!finding?.box || !isVisible(finding)) return null;
  const point = inStage(event);
  let best = [reach(event) + 2, null];
  for (const [name, [x, y]] of Object.entries(handlePoints(finding.box))) {
    const far = Math.max(Math.abs(point.x - view.x - x), Math.abs(point.y - view.y - y));
    if (far < best[0]) best = [far, name];
  }
  return best[1];
}

/** Findings under the pointer, the smallest first: what lies in something can be reached. */
function findingsAt(event) {
  const at = inFrame(event);
  const slack = 4 / view.scale;
  const { width, height } = sheet.frame;
  const area = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);
  return sheet.now.findings.filter((finding) => isVisible(finding) && at.x >= finding.box[0] * width - slack && at.x <= finding.box[2] * width + slack
    && at.y >= finding.box[1] * height - slack && at.y <= finding.box[3] * height + slack).sort((a, b) => area(a) - area(b));
}

function clampPixel(point) {
  return { x: Math.round(Math.min(sheet.frame.width, Math.max(0, point.x))), y: Math.round(Math.min(sheet.frame.height, Math.max(0, point.y))) };
}

stage.addEventListener("pointerdown", (event) => {
  if (!sheet.now || sheet.held || event.target.closest(".gl-stagebar, .gl-menu")) return;
  closeLabelMenu();
  stage.focus({ preventScroll: true });
  pointer.fingers.set(event.pointerId, inStage(event));
  if (pointer.fingers.size === 2) return startPinch();
  if (event.button === 1 || event.button === 2 || event.altKey) return startDrag(event, "pan");
  if (event.button !== 0) return;
  event.preventDefault();
  if (pointer.mode === "draw" || event.shiftKey) return startDrag(event, "draw");
  const chip = event.target.closest(".gl-chip");
  const handle = chip ? null : handleAt(event);
  if (handle) return startDrag(event, "resize", findingOf(shown.selected), handle);
  const under = chip ? [findingOf(Number(chip.dataset.uid))] : findingsAt(event);
  const held = under.find((finding) => finding.uid === shown.selected);
  if (!under.length) {
    select(null);
    return startDrag(event, event.pointerType === "mouse" && view.fit ? "draw" : "pan");
  }
  const finding = held ?? under[0];
  select(finding.uid);
  startDrag(event, "move", finding, null, held ? under : []);
});

function startDrag(event, kind, finding = null, handle = null, under = []) {
  pointer.drag = { kind, uid: finding?.uid, handle, under, moved: false, from: inStage(event), pixel: inFrame(event), box: finding ? [...finding.box] : null };
  try { stage.setPointerCapture(event.pointerId); } catch { /* the pointer is gone already */ }
}

stage.addEventListener("pointermove", (event) => {
  if (!sheet.now) return;
  if (pointer.fingers.has(event.pointerId)) pointer.fingers.set(event.pointerId, inStage(event));
  if (pointer.pinch) return movePinch();
  const drag = pointer.drag;
  if (!drag) return hover(event);
  const now = inStage(event);
  const slack = event.pointerType === "mouse" ? CLICK : 2 * CLICK;
  if (!drag.moved && Math.hypot(now.x - drag.from.x, now.y - drag.from.y) < slack) return;
  if (!drag.moved) beginMove(drag);
  if (drag.kind === "pan") {
    panBy(now.x - drag.last.x, now.y - drag.last.y);
    drag.last = now;
  } else if (drag.kind === "draw") dragNew(drag, event);
  else dragBox(drag, event);
});

function beginMove(drag) {
  drag.moved = true;
  drag.last = drag.from;
  if (drag.kind === "move" || drag.kind === "resize") {
    remember();
    const finding = findingOf(drag.uid);
    Object.assign(finding, BY_HAND);
    dressBox(drawn.get(drag.uid), finding);
  }
}

function dragNew(drag, event) {
  const [a, b] = [clampPixel(drag.pixel), clampPixel(inFrame(event))];
  const { width, height } = sheet.frame;
  const box = [Math.min(a.x, b.x) / width, Math.min(a.y, b.y) / height, Math.max(a.x, b.x) / width, Math.max(a.y, b.y) / height];
  if (drag.uid === undefined) {
    remember();
    drag.uid = nextUid++;
    shown.allHidden = false;
    sheet.now.findings.push({ uid: drag.uid, label: pointer.lastLabel, box, confidence: null, said_by: "person" });
    shown.selected = drag.uid;
    drawBoxes();
  }
  findingOf(drag.uid).box = box;
  placeBox(findingOf(drag.uid));
  placeHandles();
}

function dragBox(drag, event) {
  const finding = findingOf(drag.uid);
  const { width, height } = sheet.frame;
  const at = inFrame(event);
  const [dx, dy] = [Math.round(at.x - drag.pixel.x), Math.round(at.y - drag.pixel.y)];
  finding.box = drag.kind === "move" ? movedBox(drag.box, dx, dy, width, height) : resizedBox(drag.box, drag.handle, dx, dy, width, height);
  placeBox(finding);
  placeHandles();
}

stage.addEventListener("pointerup", endDrag);
stage.addEventListener("pointercancel", endDrag);
function endDrag(event) {
  pointer.fingers.delete(event.pointerId);
  if (pointer.fingers.size < 2) pointer.pinch = null;
  const drag = pointer.drag;
  pointer.drag = null;
  if (!drag) return;
  if (!drag.moved) return clickOn(drag);
  if (drag.kind === "pan") return;
  if (drag.kind === "draw") return endDrawing(drag);
  keepDraft();
  changed();
}

/** A click without a move on the held box goes one deeper, so that every box of a pile can be reached. */
function clickOn(drag) {
  if (drag.kind !== "move" || drag.under.length < 2) return;
  const place = drag.under.findIndex((finding) => finding.uid === drag.uid);
  select(drag.under[(place + 1) % drag.under.length].uid);
}

function endDrawing(drag) {
  const finding = findingOf(drag.uid);
  if (!finding) return;
  const { w, h } = onScreen(finding.box);
  if (w < 3 || h < 3 || finding.box[0] === finding.box[2] || finding.box[1] === finding.box[3]) {
    sheet.now = sheet.past.pop();
    changed();
    return;
  }
  setMode("select");
  keepDraft();
  changed();
  openLabelMenu(finding.uid);
}

const CURSORS = { nw: "nwse-resize", se: "nwse-resize", ne: "nesw-resize", sw: "nesw-resize", n: "ns-resize", s: "ns-resize", e: "ew-resize", w: "ew-resize" };
function hover(event) {
  if (pointer.mode === "draw" || event.shiftKey) {
    const at = inStage(event);
    const [x, y] = [at.x - view.x, at.y - view.y];
    if (pointer.mode === "draw") cross.setAttribute("d", `M${x} 0V${sheet.frame.height * view.scale}M0 ${y}H${sheet.frame.width * view.scale}`);
    stage.style.cursor = "crosshair";
    return;
  }
  const handle = handleAt(event);
  const under = handle ? null : findingsAt(event)[0] ?? null;
  stage.style.cursor = handle ? CURSORS[handle] : under ? (under.uid === shown.selected ? "move" : "pointer") : view.fit ? "crosshair" : "grab";
  if ((under?.uid ?? null) !== shown.hovered) hoverOn(under?.uid ?? null);
}
function hoverOn(uid) {
  const before = shown.hovered;
  shown.hovered = uid;
  for (const each of [before, uid]) if (drawn.has(each) && findingOf(each)) dressBox(drawn.get(each), findingOf(each));
  placeChips();
}

function startPinch() {
  pointer.drag = null;
  const [a, b] = [...pointer.fingers.values()];
  pointer.pinch = { far: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}
function movePinch() {
  const [a, b] = [...pointer.fingers.values()];
  const now = { far: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  zoomBy(now.far / pointer.pinch.far, now);
  if (!view.fit) panBy(now.x - pointer.pinch.x, now.y - pointer.pinch.y);
  pointer.pinch = now;
}

stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  if (event.shiftKey) panBy(-event.deltaY - event.deltaX, 0);
  else zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), inStage(event));
}, { passive: false });
stage.addEventListener("contextmenu", (event) => event.preventDefault());
stage.addEventListener("dblclick", (event) => { if (shown.selected && !event.target.closest(".gl-menu")) openLabelMenu(shown.selected); });
