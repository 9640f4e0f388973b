// Which key does what: the usual ones, what a person changed in this browser, and the page that shows and changes them. Acts on nothing itself.

const USUAL = { draw: "n", menu: "l", search: "/", hide: "h", copy: "c", paste: "v", agree: "y", cannot: "x", accept: "a", return: "r", back: "[", forward: "]", closer: "+", further: "-", whole: "0" };
const NAMES = { "-": "−" };
const FIXED = /^[1-9? ]$/;  // labels, this page, the frame without boxes

/** The keys as they are now; what the browser kept counts only as far as it names actions and keys that can be. */
const keymap = (() => {
  let kept = {};
  try { kept = JSON.parse(memory.get("keys")) ?? {}; } catch { /* the usual ones */ }
  const own = Object.entries(kept).filter(([action, key]) => action in USUAL && canBeKey(key));
  const all = { ...USUAL, ...Object.fromEntries(own) };
  return new Set(Object.values(all)).size === Object.keys(all).length ? all : { ...USUAL };
})();

function canBeKey(key) { return typeof key === "string" && key.length === 1 && key.trim() !== "" && !FIXED.test(key); }
function actionOf(key) { return Object.keys(keymap).find((action) => keymap[action] === key) ?? null; }
function keyName(action) { return NAMES[keymap[action]] ?? keymap[action].toUpperCase(); }

/** Give an action a key. The action that had it gets the one that comes free, so that nothing is ever without a key. */
function changeKey(action, key) {
  const other = actionOf(key);
  if (other) keymap[other] = keymap[action];
  keymap[action] = key;
  memory.set("keys", JSON.stringify(keymap));
}
function usualKeys() {
  Object.assign(keymap, USUAL);
  memory.drop("keys");
}

const KEY_ROWS = {  // "@draw" is the key of an action and can be changed; all others are as they are
  boxes: [["1 … 9", "label"], ["@menu @search", "menu"], ["@draw Shift", "draw"], ["← ↑ → ↓", "move"], ["Shift ←", "move10"], ["Alt ←", "resize"], ["Del", "delete"], ["@copy @paste", "copy"], ["@hide", "hide"]],
  frame: [["Tab Shift+Tab", "tab"], ["@agree", "agree"], ["@cannot", "cannot"], ["@accept @return", "check"], ["Ctrl+Enter", "save"], ["Ctrl+S", "stay"], ["@back @forward", "walk"], ["Ctrl+Z Ctrl+Y", "undo"], ["Space", "peek"], ["@closer @further @whole", "zoom"], ["?", "help"]],
};

function showKeys() {
  if (dialogPlace.querySelector(".is-keys")) return;
  const place = make("div", { class: "gl-keys" });
  const show = (focus) => {
    place.replaceChildren(...keyGroups(show), make("footer", {}, make("span", { class: "gl-quiet", text: say("keys.change") }), button({ text: say("keys.usual"), kind: "gl-link", press: () => { usualKeys(); show(); } })));
    if (focus) place.querySelector(`[data-action="${focus}"]`)?.focus();
    buildBottom();
    buildTools();
    showTools();
  };
  openDialog(say("keys.title"), place, [], "is-keys");
  show();
}

function keyGroups(show) {
  const cap = (key) => (key.startsWith("@") ? keyButton(key.slice(1), show) : make("kbd", { text: key }));
  const row = ([keys, what]) => make("div", { class: "gl-key" }, make("span", {}, ...keys.split(" ").map(cap)), make("span", { text: say("keys." + what) }));
  return Object.entries(KEY_ROWS).map(([group, rows]) => make("section", {}, make("h3", { text: say("keys.group_" + group) }), ...rows.map(row)));
}

/** A key that waits for another when it is pressed; Escape or a key that cannot be leaves it as it was. */
function keyButton(action, show) {
  const node = make("button", { type: "button", class: "gl-keycap", title: say("keys.change"), data: { action } }, make("kbd", { text: keyName(action) }));
  const listen = (event) => {
    if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    end();
    const key = event.key.toLowerCase();
    if (canBeKey(key) && !event.ctrlKey && !event.altKey && !event.metaKey) changeKey(action, key);
    show(action);
  };
  const end = () => {
    node.removeEventListener("keydown", listen, true);
    node.removeEventListener("blur", end);
    node.classList.remove("is-listening");
    node.firstChild.textContent = keyName(action);
  };
  node.addEventListener("click", () => {
    node.classList.add("is-listening");
    node.firstChild.textContent = say("keys.press");
    node.addEventListener("keydown", listen, true);
    node.addEventListener("blur", end);
  });
  return node;
}
