// The place where the frame lies: its size on the screen, zoom and pan, unit space <-> screen. Draws no box.

const stage = make("div", { class: "gl-stage", tabindex: "0", role: "application" });
const canvas = make("div", { class: "gl-canvas" });
const picture = make("img", { class: "gl-picture", alt: "", draggable: "false" });
const lines = makeSvg("svg", { class: "gl-lines", "aria-hidden": "true" });
const chips = make("div", { class: "gl-chips" });
canvas.append(picture, lines, chips);
const stageBar = make("div", { class: "gl-stagebar", hidden: true, role: "status" });
stage.append(canvas, stageBar);

const view = { scale: 1, x: 0, y: 0, fit: true };  // screen pixels for one pixel of the frame; where its corner lies in the stage
const MARGIN = 18;  // screen pixels around a fitted frame, so that handles at its edge can be taken

function fitScale() {
  const { width, height } = sheet.frame;
  const room = stage.getBoundingClientRect();
  return Math.max(0.01, Math.min((room.width - 2 * MARGIN) / width, (room.height - 2 * MARGIN) / height));
}

/** Put the canvas where the view says. Called at each zoom, pan and change of the stage's size. */
function placeCanvas() {
  if (!sheet.frame) return;
  const { width, height } = sheet.frame;
  const room = stage.getBoundingClientRect();
  if (view.fit) view.scale = fitScale();
  const [wide, high] = [width * view.scale, height * view.scale];
  view.x = wide + 2 * MARGIN <= room.width || view.fit ? (room.width - wide) / 2 : Math.min(MARGIN, Math.max(room.width - wide - MARGIN, view.x));
  view.y = high + 2 * MARGIN <= room.height || view.fit ? (room.height - high) / 2 : Math.min(MARGIN, Math.max(room.height - high - MARGIN, view.y));
  Object.assign(canvas.style, { width: `${wide}px`, height: `${high}px`, left: `${view.x}px`, top: `${view.y}px` });
  lines.setAttribute("width", wide);
  lines.setAttribute("height", high);
  useSharpPicture();
  drawBoxes();
  showZoom();
}

/** The preview is enough until its pixels could be counted; then the frame itself. */
function useSharpPicture() {
  const longest = Math.max(sheet.frame.width, sheet.frame.height);
  const enough = longest <= 1600 || longest * view.scale * (window.devicePixelRatio || 1) <= 2000;
  const wanted = pictureUrl(sheet.frame.id, enough ? 1600 : 0);
  if (picture.dataset.wanted === wanted || (enough && picture.dataset.frame === sheet.frame.id)) return;
  if (picture.dataset.frame !== sheet.frame.id) picture.classList.add("is-old");  // never the last frame under the boxes of this one
  picture.dataset.wanted = wanted;
  picture.dataset.frame = sheet.frame.id;
  if (enough) {
    picture.src = wanted;
    return;
  }
  const sharp = new Image();
  sharp.onload = () => { if (picture.dataset.wanted === wanted) picture.src = wanted; };
  sharp.src = wanted;
}

picture.addEventListener("load", () => picture.classList.remove("is-old"));

function zoomTo(scale, at) {
  if (!sheet.frame) return;
  const room = stage.getBoundingClientRect();
  const point = at ?? { x: room.width / 2, y: room.height / 2 };
  const wanted = Math.min(40, Math.max(fitScale() * 0.999, scale));
  const grown = wanted / view.scale;
  Object.assign(view, { x: point.x - (point.x - view.x) * grown, y: point.y - (point.y - view.y) * grown, scale: wanted, fit: wanted <= fitScale() * 1.001 });
  placeCanvas();
}
function zoomBy(factor, at) { zoomTo(view.scale * factor, at); }
function zoomFit() { view.fit = true; placeCanvas(); }
function panBy(dx, dy) {
  view.fit = false;
  view.x += dx;
  view.y += dy;
  placeCanvas();
}

/** Screen pixels inside the stage of a pointer event. */
function inStage(event) {
  const room = stage.getBoundingClientRect();
  return { x: event.clientX - room.left, y: event.clientY - room.top };
}
/** Pixels of the frame, not rounded, of a pointer event. */
function inFrame(event) {
  const point = inStage(event);
  return { x: (point.x - view.x) / view.scale, y: (point.y - view.y) / view.scale };
}

const zoomText = make("output", { class: "gl-zoom-text" });
function showZoom() { zoomText.textContent = inPercent(view.scale); }

/** A thin bar over the frame: what is going on, since when (or `until` when, in seconds from now), and a way to stop it.
 *  `act` and `press` put one more button before Cancel. */
let barTimer = 0;
function showBar(text, cancel, { until = 0, act = "", press = null } = {}) {
  clearInterval(barTimer);
  const begun = performance.now();
  const seconds = make("span", { class: "gl-bar-seconds" });
  const tick = () => {
    const gone = (performance.now() - begun) / 1000;
    seconds.textContent = inSeconds(until ? Math.max(0, until - gone) : gone);
  };
  stageBar.replaceChildren(make("span", { class: `gl-bar-moving${until ? " is-resting" : ""}` }), make("div", { class: "gl-bar-text" }, make("span", { text }), seconds,
    press ? button({ text: act, kind: "gl-link", press }) : null, cancel ? button({ text: say("bar.cancel"), kind: "gl-link", press: cancel }) : null));
  stageBar.hidden = false;
  tick();
  barTimer = setInterval(tick, 100);
}
function hideBar() {
  clearInterval(barTimer);
  stageBar.hidden = true;
}
