// Boxes as SVG over the frame, their names as chips. One node a box, moved in place while it is dragged; decides nothing.

const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const spoken = make("div", { class: "gl-spoken", role: "status", "aria-live": "polite" });  // the selection, for who cannot see it
const drawn = new Map();  // uid -> { group, casing, line, chip, width }
const handleLayer = makeSvg("g", { class: "gl-handles" });
const handleNodes = Object.fromEntries(HANDLES.map((name) => {
  const node = makeSvg("rect", { class: "gl-handle", width: 11, height: 11, rx: 2 });
  handleLayer.append(node);
  return [name, node];
}));
const boxLayer = makeSvg("g");
const cross = makeSvg("path", { class: "gl-cross" });
lines.append(boxLayer, handleLayer, cross);

const shown = { selected: null, hovered: null, hidden: new Set(), hiddenLabels: new Set(), allHidden: false, peek: false, threshold: 0 };

function isFaded(finding) { return finding.said_by === "model" && (sureOf(finding) ?? 1) < shown.threshold; }
function fadedFindings() { return sheet.now ? sheet.now.findings.filter(isFaded) : []; }
function isHidden(finding) { return shown.allHidden || shown.hidden.has(finding.uid) || shown.hiddenLabels.has(finding.label); }
function isVisible(finding) { return finding.box && !shown.peek && !isHidden(finding); }
/** What the model alone says and the person cannot see clearly now: saving must not confirm it in silence. */
function unseenFindings() { return sheet.now ? sheet.now.findings.filter((finding) => finding.said_by === "model" && (isFaded(finding) || isHidden(finding))) : []; }

/** Screen pixels inside the canvas of a unit box. */
function onScreen(box) {
  const [wide, high] = [sheet.frame.width * view.scale, sheet.frame.height * view.scale];
  return { x: box[0] * wide, y: box[1] * high, w: (box[2] - box[0]) * wide, h: (box[3] - box[1]) * high };
}

function drawBoxes() {
  if (!sheet.now) return;
  const boxed = sheet.now.findings.filter((finding) => finding.box);
  const here = new Set(boxed.map((finding) => finding.uid));
  for (const [uid, node] of drawn) {
    if (here.has(uid)) continue;
    node.group.remove();
    node.chip.remove();
    drawn.delete(uid);
  }
  const area = (finding) => (finding.box[2] - finding.box[0]) * (finding.box[3] - finding.box[1]);
  for (const finding of [...boxed].sort((a, b) => area(b) - area(a))) {
    if (!drawn.has(finding.uid)) drawn.set(finding.uid, newBox(finding.uid));
    const node = drawn.get(finding.uid);
    boxLayer.append(node.group);
    dressBox(node, finding);
    placeBox(finding);
  }
  if (!here.has(shown.selected)) shown.selected = null;
  placeHandles();
  placeChips();
}

function newBox(uid) {
  const group = makeSvg("g", { class: "gl-box" });
  const [halo, casing, line] = ["gl-box-halo", "gl-box-casing", "gl-box-line"].map((kind) => makeSvg("rect", { class: kind }));
  group.append(halo, casing, line);
  const chip = make("button", { type: "button", class: "gl-chip", tabindex: "-1", data: { uid: String(uid) } });
  chips.append(chip);
  return { group, rects: [halo, casing, line], line, chip, text: "" };
}

function dressBox(node, finding) {
  const visible = isVisible(finding);
  const kinds = { "is-selected": finding.uid === shown.selected, "is-faded": isFaded(finding), [`is-${finding.said_by}`]: true };
  node.group.setAttribute("class", ["gl-box", ...Object.keys(kinds).filter((kind) => kinds[kind])].join(" "));
  node.chip.className = ["gl-chip", ...Object.keys(kinds).filter((kind) => kinds[kind])].join(" ");
  node.group.style.display = visible ? "" : "none";
  node.chip.hidden = !visible || (isFaded(finding) && finding.uid !== shown.selected);
  node.line.style.stroke = labelColour(finding.label);
  node.chip.style.background = labelColour(finding.label);
  node.chip.style.color = labelInk(finding.label);
  const sure = finding.uid === shown.hovered || finding.uid === shown.selected ? confidenceText(finding) : "";
  const sign = finding.said_by === "confirmed" ? " ✓" : isUncertain(finding) ? " ?" : "";
  const text = labelName(finding.label) + (sure ? ` · ${sure}` : "") + sign;
  if (node.text !== text) {
    node.chip.textContent = text;
    node.text = text;
    node.width = textWidth(text) + 14;
  }
  node.chip.title = [labelName(finding.label), say("said." + finding.said_by), finding.said_by === "model" ? sureSentence(finding) : "", boxWord(finding)].filter(Boolean).join(" · ");
}

function confidenceText(said) { return said.said_by === "model" ? sureWord(said) : ""; }

const ruler = document.createElement("canvas").getContext("2d");
function textWidth(text) {
  ruler.font = "600 12px system-ui, sans-serif";
  return ruler.measureText(text).width;
}

/** Move the nodes of one box; all that happens while it is dragged. */
function placeBox(finding) {
  const node = drawn.get(finding.uid);
  const { x, y, w, h } = onScreen(finding.box);
  for (const rect of node.rects) {
    rect.setAttribute("x", x);
    rect.setAttribute("y", y);
    rect.setAttribute("width", Math.max(1, w));
    rect.setAttribute("height", Math.max(1, h));
  }
}

/** Where the eight handles are on the canvas; on a small box they stand outside it, so that its inside can still be taken. */
function handlePoints(box) {
  const { x, y, w, h } = onScreen(box);
  const [outX, outY] = [w < 48 ? 8 : 0, h < 48 ? 8 : 0];
  const [left, right, top, bottom] = [x - outX, x + w + outX, y - outY, y + h + outY];
  const [midX, midY] = [x + w / 2, y + h / 2];
  return { nw: [left, top], n: [midX, top], ne: [right, top], e: [right, midY], se: [right, bottom], s: [midX, bottom], sw: [left, bottom], w: [left, midY] };
}

function placeHandles() {
  const finding = findingOf(shown.selected);
  const visible = Boolean(finding?.box) && isVisible(finding);
  handleLayer.style.display = visible ? "" : "none";
  if (!visible) return;
  for (const [name, [x, y]] of Object.entries(handlePoints(finding.box))) {
    handleNodes[name].setAttribute("x", x - 5.5);
    handleNodes[name].setAttribute("y", y - 5.5);
  }
}

/** Chips stand above their box and step aside for those that already stand: inside, below, then further down. */
function placeChips() {
  const taken = [];
  const [wide, high, tall] = [sheet.frame.width * view.scale, sheet.frame.height * view.scale, 22];
  const order = sheet.now.findings.filter((finding) => drawn.has(finding.uid) && !drawn.get(finding.uid).chip.hidden)
    .sort((a, b) => (b.uid === shown.selected) - (a.uid === shown.selected) || a.box[1] - b.box[1]);
  for (const finding of order) {
    const { chip, width } = drawn.get(finding.uid);
    const { x, y, w, h } = onScreen(finding.box);
    const left = Math.max(-6, Math.min(x - 1, wide - width + 6));
    const right = Math.max(-6, Math.min(x + w - width + 1, wide - width + 6));
    const tries = [[left, y - tall], [right, y - tall], [left, y + h + 1], [right, y + h + 1], [left, y + 1], [right, y + h - tall]];
    for (let step = 1; step < 5; step++) tries.push([left, y + 1 + step * tall]);
    const free = tries.find(([tx, ty]) => ty >= 2 - view.y && ty < high + 2 && !taken.some((other) => tx < other.x + other.w && tx + width > other.x && ty < other.y + tall && ty + tall > other.y));
    const [tx, ty] = free ?? [left, y + 1];
    taken.push({ x: tx, y: ty, w: width });
    chip.style.transform = `translate(${tx}px, ${ty}px)`;
  }
}

function select(uid) {
  if (shown.selected === uid) return;
  shown.selected = uid;
  drawBoxes();
  showSelection();
  const finding = findingOf(uid);
  spoken.textContent = finding ? `${labelName(finding.label)}, ${[say("said." + finding.said_by), finding.said_by === "model" ? sureSentence(finding) : "", boxWord(finding)].filter(Boolean).join(say("list.comma"))}` : "";
}
