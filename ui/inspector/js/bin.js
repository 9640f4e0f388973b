// Frames that were put away: nothing is deleted, whoever put one away can take it out again.

function askBin() {
  if (!sheet.frame || !may("lead")) return;
  const { id, name } = sheet.frame;
  const why = make("input", { class: "gl-input", maxlength: "500", "aria-label": say("bin.why") });
  openDialog(say("bin.title"), [make("p", { text: say("bin.body", { name }) }), why], [{ text: say("bin.put"), primary: true, focus: false, press: () => putAway(id, why.value.trim()) }]);
  why.focus();
}

async function putAway(id, why) {
  if (!why) return tell(say("bin.why_missing"), { bad: true });
  try { await remote.bin(id, why); } catch (error) { return tell(error.message, { bad: true }); }
  const card = walk.cards.get(id);
  walk.cards.delete(id);
  showWalk();
  tell(say("bin.done"), { act: say("bin.out"), press: () => takeOut(id, card) });
  if (isOpen(id)) await goNext(id);
}

async function takeOut(id, card) {
  try { await remote.unbin(id); } catch (error) { return tell(error.message, { bad: true }); }
  if (card) { addCard(card); showWalk(); }
  await openFrame(id);
  tell(say("bin.is_out"));
}

async function showBin() {
  let found;
  try { found = await remote.binned(); } catch (error) { return tell(error.message, { bad: true }); }
  const line = (card) => make("li", {}, make("img", { src: pictureUrl(card.frame_id, 320), alt: "", loading: "lazy" }), make("div", {}, make("strong", { text: card.name }), make("span", { text: [card.why, card.who, asTime(card.at)].filter(Boolean).join(" · ") }),
    button({ text: say("bin.out"), kind: "gl-link", press: () => { dialog.close(); takeOut(card.frame_id, card); } })));
  const dialog = openDialog(say("bin.list"), found.frames.length ? make("ol", { class: "gl-history is-bin" }, ...found.frames.map(line)) : make("p", { class: "gl-quiet", text: say("bin.empty") }));
}
