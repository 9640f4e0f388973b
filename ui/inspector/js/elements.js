// Making elements. Text always goes in as text, so a label or a file name can never become markup.

const ICONS = {
  plus: "M12 5v14M5 12h14", upload: "M12 16V4m0 0L7 9m5-5 5 5M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3",
  folder: "M3 7a1 1 0 0 1 1-1h5l2 2h8a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1z",
  camera: "M4 8h3l2-3h6l2 3h3a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1zM12 17a4 4 0 1 0 0-8 4 4 0 0 0 0 8z",
  undo: "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3", redo: "m15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13", check: "m5 12.5 4.5 4.5L19 7", x: "M6 6l12 12M18 6 6 18",
  bin: "M3 5h18v4H3zM5 9v10a1 1 0 0 0 1 1h12a1 1 0 0 0 1-1V9M9.500 13h5",
  draw: "M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3M12 8.5v7M8.5 12h7",
  fit: "M4 9V5a1 1 0 0 1 1-1h4M15 4h4a1 1 0 0 1 1 1v4M20 15v4a1 1 0 0 1-1 1h-4M9 20H5a1 1 0 0 1-1-1v-4",
  paste: "M9 4H6a1 1 0 0 0-1 1v15a1 1 0 0 0 1 1h12a1 1 0 0 0 1-1V5a1 1 0 0 0-1-1h-3M9 3h6v3H9z",
  down: "m6 9 6 6 6-6", out: "M7 17 17 7M9 7h8v8", home: "M4 11l8-7 8 7M6 9.500V20h12V9.500",
  minus: "M5 12h14", sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  keys: "M3 7a1 1 0 0 1 1-1h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1zM7 10h.01M11 10h.01M15 10h.01M8 14h8",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5a7.5 7.5 0 0 1 15 0", next: "M5 12h14m-6-6 6 6-6 6",
  pencil: "M4 20l1-4L16 5l3 3L8 19z", download: "M12 4v12m0 0-5-5m5 5 5-5M4 20h16", clock: "M12 7v5l3 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  tag: "M4 4h8l8 8-8 8-8-8zM8.5 8.5h.01", wrench: "M20 6.5a4.5 4.5 0 0 1-6.2 5.2L7 18.5a2 2 0 0 1-3-3l6.800-6.800A4.500 4.500 0 0 1 16 3l-2.500 2.500 1.500 3.500 3.500 0z",
};

const SHAPES = {  // a level's mark in a square of 24, filled
  high: "M7.600 2h8.800L22 7.600v8.800L16.400 22H7.600L2 16.400V7.600z", medium: "M12 2.500 23 21.500H1z", low: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  none: "m2.500 12.800 3-3 4.200 4.200 8.800-9.500 3 2.900L9.800 20z", undetermined: "M12 1 23 12 12 23 1 12z",
};
const SIGN = { high: "M12 7v6.500M12 16.800v.2", medium: "M12 9.500v5.500M12 18v.2", undetermined: "M9.500 9.800a2.500 2.500 0 1 1 3.700 2.200c-.8.500-1.200.9-1.200 1.800M12 16.800v.2" };

/** An element. `text`, `on` (events) and `data` are special, all else are attributes; false and null leave one out. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function makeSvg(tag, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function icon(name, kind = "gl-icon") {
  const drawing = makeSvg("svg", { viewBox: "0 0 24 24", class: kind, "aria-hidden": "true" });
  drawing.append(makeSvg("path", { d: ICONS[name] }));
  return drawing;
}

/** The mark of a risk level: its shape, and inside it a sign where the shape has room. */
function riskMark(level) {
  const key = level ?? "undetermined";
  const drawing = makeSvg("svg", { viewBox: "0 0 24 24", class: "gl-mark", "aria-hidden": "true" });
  drawing.append(makeSvg("path", { d: SHAPES[key], class: "gl-mark-shape" }));
  if (SIGN[key]) drawing.append(makeSvg("path", { d: SIGN[key], class: "gl-mark-sign" }));
  return drawing;
}

/** A button with an icon, a word, or both. Without a word it is named by `title`. */
function button({ text, title, sign, kind = "gl-button", press, keys, ...more }) {
  const hint = [title ?? text, keys].filter(Boolean).join("  ·  ");
  return make("button", { type: "button", class: kind, title: hint, "aria-label": text ? null : title, on: { click: press }, ...more },
    sign ? icon(sign) : null, text ? make("span", { text }) : null);
}

function copyOf(value) { return JSON.parse(JSON.stringify(value)); }
