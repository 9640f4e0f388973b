// The strip below: thumbnails of the walk with their risk mark, a small "add", and the three actions. Newest on the left.

const strip = make("div", { class: "gl-strip", role: "list" });
const actions = make("div", { class: "gl-actions" });
const bottom = make("div", { class: "gl-bottom" });
const walk = { cards: new Map(), more: true, loading: false };

async function loadWalk(before) {
  if (walk.loading) return;
  walk.loading = true;
  try {
    const cards = await remote.walk(before);
    walk.more = cards.length >= 60;
    for (const card of cards) addCard(card, false);
    showWalk();
  } catch (error) {
    tell(error.message, { bad: true });
  } finally {
    walk.loading = false;
  }
}

/** A card of the walk; a frame that came in again moves to the front. */
function addCard(card, first = true) {
  const known = walk.cards.get(card.frame_id);
  const whole = { assessed: card.uncertainty !== null && card.uncertainty !== undefined, ...known, ...card };
  walk.cards.delete(card.frame_id);
  walk.cards = first ? new Map([[card.frame_id, whole], ...walk.cards]) : walk.cards.set(card.frame_id, whole);
}

function cardChanged(id, changes) {
  const card = walk.cards.get(id);
  if (!card) return;
  Object.assign(card, changes);
  card.node?.replaceWith(thumbnail(card));
  showCurrentCard();
}

function thumbnail(card) {
  const image = make("img", { src: pictureUrl(card.frame_id, 320), alt: "", loading: "lazy", draggable: "false" });
  const state = card.level !== null || card.assessed || card.reviewed ? `is-${card.level ?? "undetermined"}` : "is-waiting";
  const level = state === "is-waiting" ? say("walk.waiting") : levelName(card.level);
  const badge = make("span", { class: "gl-thumb-mark" }, state === "is-waiting" ? "" : riskMark(card.level));
  const name = [card.name, level, card.reviewed ? say("walk.reviewed") : ""].filter(Boolean).join(" · ");
  card.node = make("button", { type: "button", class: `gl-thumb ${state}${card.reviewed ? " is-reviewed" : ""}`, title: name, "aria-label": name, data: { id: card.frame_id }, on: { click: () => openFrame(card.frame_id) } },
    image, badge, card.reviewed ? make("span", { class: "gl-thumb-done" }, icon("check")) : "", make("span", { class: "gl-thumb-draft" }, icon("pencil")));
  return card.node;
}

function showWalk() {
  strip.replaceChildren(may("inspector") ? addTile : "", ...[...walk.cards.values()].map((card) => card.node ?? thumbnail(card)));
  showCurrentCard();
}

/** Which thumbnail is framed, which ones have a draft, which one the model looks at. */
function showCurrentCard() {
  for (const [id, { node }] of walk.cards) {
    if (!node) continue;
    const current = id === sheet.frame?.id;
    if (current && !node.classList.contains("is-current")) node.scrollIntoView({ block: "nearest", inline: "nearest" });
    node.classList.toggle("is-current", current);
    if (current) node.setAttribute("aria-current", "true");
    else node.removeAttribute("aria-current");
    node.classList.toggle("has-draft", hasDraft(id));
    node.classList.toggle("is-busy", work.assessing === id || work.waiting.includes(id));
  }
}

strip.addEventListener("scroll", () => {
  if (walk.more && strip.scrollLeft + strip.clientWidth > strip.scrollWidth - 400) loadWalk([...walk.cards.keys()].at(-1));
}, { passive: true });

function step(by) {
  const ids = [...walk.cards.keys()];
  const place = ids.indexOf(sheet.frame?.id);
  const id = ids[place + by];
  if (id) openFrame(id);
}

const addTile = make("button", { type: "button", class: "gl-add-tile" });
const actionButtons = {};

function buildBottom() {
  addTile.replaceChildren(icon("plus"), make("span", { text: say("walk.add_short") }));
  addTile.title = say("walk.add");
  addTile.onclick = () => openAddMenu(addTile);
  actionButtons.agree = button({ text: say("agree"), sign: "check", title: say("agree.hint"), keys: keyName("agree"), kind: "gl-button is-quiet", press: agree });
  actionButtons.cannot = button({ text: say("cannot_tell"), title: say("cannot_tell.hint"), keys: keyName("cannot"), kind: "gl-button is-quiet", press: cannotTell });
  actionButtons.save = button({ text: say("save_next"), sign: "next", title: say("save_next.hint"), keys: "Ctrl+Enter", kind: "gl-button is-primary", press: () => save() });
  actions.replaceChildren(actionButtons.agree, actionButtons.cannot, actionButtons.save);
  for (const card of walk.cards.values()) card.node = null;  // they speak another language now
  bottom.replaceChildren(strip, actions);
  strip.setAttribute("aria-label", say("walk.title"));
  showWalk();
}

function showActions() {
  const ready = Boolean(sheet.now) && !work.saving && mayEdit();
  const looking = work.assessing === sheet.frame?.id;
  actionButtons.agree.disabled = !ready || looking || isDirty() || !sheet.assessment || unanswered().length > 0;
  actionButtons.cannot.disabled = !ready;
  actionButtons.save.disabled = !ready || (looking && !isDirty());
}
