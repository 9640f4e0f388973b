// What became of a correction, over the verdict: waits for a check, accepted, returned with a word, two who see it differently. And the checker's own acts.

const review = { busy: false };

/** The banner of the frame on the screen: one line for each thing that a person must know before working on it. */
function showState() {
  if (!sheet.frame) return;
  const lines_ = [binnedLine(), blindLine(), unaidedLine(), leaseLine(), stateLine()].filter(Boolean);
  part.state.hidden = !lines_.length;
  part.state.replaceChildren(...lines_);
}

function stateLineOf(kind, sign, text, more = "", acts = []) {
  return make("div", { class: `gl-state is-${kind}` }, icon(sign), make("div", { class: "gl-state-text" }, make("span", { text }), more ? make("q", { text: more }) : ""), ...acts);
}
function binnedLine() {
  const { binned, why } = sheet.about;
  return binned && stateLineOf("calm", "trash", say("state.binned"), why, may("lead") ? [button({ text: say("bin.out"), kind: "gl-link", press: () => takeOut(sheet.frame.id) })] : []);
}
function blindLine() { return sheet.about.blind && stateLineOf("calm", "eye", say("state.blind")); }
/** Drawn to be judged without the model's proposal, so that it can be told what proposals do to people. */
function unaidedLine() { return sheet.about.unaided && stateLineOf("calm", "eye", say("state.unaided")); }
function leaseLine() {
  const held = sheet.about.lease;
  return held && !held.mine && stateLineOf("calm", "person", say("state.held", { who: held.holder, at: asTime(held.until) }));
}

function stateLine() {
  const { state, reviews, author } = sheet.about;
  const last = reviews.filter((each) => each.revision === sheet.revision).at(-1);
  if (state === "returned") return stateLineOf("returned", "undo", say(author === myName() ? "state.returned_to_you" : "state.returned", { who: last?.reviewer ?? "", author }), last?.comment);
  if (state === "accepted") return stateLineOf("accepted", "check", say(last ? "state.accepted" : "state.settled", { who: last?.reviewer ?? author }), last?.comment);
  if (state === "disputed") return stateLineOf("returned", "eye", say("state.disputed"), "", may("reviewer") ? [button({ text: say("state.compare"), kind: "gl-link", press: showOpinions })] : []);
  return state === "corrected" && mayReview() ? stateLineOf("calm", "pencil", say("state.corrected", { author }), "", reviewButtons()) : null;
}

/** Nobody checks their own work; where nobody has to log in there is nobody else. */
function mayReview() { return may("reviewer") && sheet.about.state === "corrected" && !sheet.about.binned && !sheet.about.blind && !isDirty() && (!me.login || sheet.about.author !== me.name); }

function reviewButtons() {
  return [button({ text: say("review.accept"), sign: "check", title: say("review.accept_hint"), keys: keyName("accept"), kind: "gl-button is-quiet is-small", press: acceptIt }),
    button({ text: say("review.return"), sign: "undo", title: say("review.return_hint"), keys: keyName("return"), kind: "gl-button is-quiet is-small", press: askReturn })];
}
function acceptIt() { if (mayReview()) sendReview("accepted", ""); }
function askReturn() {
  if (!mayReview()) return;
  const { id } = sheet.frame;
  const comment = make("textarea", { class: "gl-note is-wide", rows: "3", maxlength: "2000", "aria-label": say("review.comment") });
  openDialog(say("review.return"), [make("p", { text: say("review.return_body", { author: sheet.about.author }) }), comment], [
    { text: say("review.return"), primary: true, focus: false, press: () => { if (isOpen(id)) (comment.value.trim() ? sendReview("returned", comment.value.trim()) : tell(say("review.comment_missing"), { bad: true })); } }]);
  comment.focus();
}

async function sendReview(verdict, comment) {
  if (review.busy) return;
  review.busy = true;
  const { id } = sheet.frame;
  try {
    await remote.review(id, { verdict, comment, revision: sheet.revision });
    tell(say("review." + verdict));
    await goReview(id);
  } catch (error) {
    tell(error.message, { bad: true });
    if (isOpen(id) && error.status === 409) await openFrame(id);
  } finally { review.busy = false; }
}

/** The next frame that waits for a decision or a check of somebody else's correction, oldest first. */
async function goReview(after) {
  let found;
  try {
    found = await Promise.all(["disputed", "corrected"].map((state) => remote.frames(`state=${state}&sort=oldest&limit=200`)));
  } catch (error) { return tell(error.message, { bad: true }); }
  const next = found.flatMap((page) => page.frames).find((card) => card.frame_id !== after && (!me.login || card.author !== me.name));
  if (next) await openFrame(next.frame_id);
  else {
    if (after && isOpen(after)) await openFrame(after);
    tell(say("review.none"));
  }
}

/** What several people said of a disputed frame, side by side; one of them can be the start of the decision. */
function showOpinions() {
  const { id } = sheet.frame;
  const all = [sheet.correction, ...sheet.about.opinions].filter(Boolean);
  const column = (version) => make("section", { class: "gl-version" }, make("h3", { text: `${version.author} · ${asTime(version.at)}` }), versionPicture(version), versionLines(version, all.find((each) => each !== version) ?? version),
    button({ text: say("state.start_here"), kind: "gl-button is-quiet is-small", press: () => { if (isOpen(id)) edit((now) => Object.assign(now, working(version))); dialog.close(); } }));
  const dialog = openDialog(say("state.disputed_title"), [make("p", { text: say("state.disputed_body") }), make("div", { class: "gl-versions" }, ...all.map(column))], [], "is-wide");
}

/** How a sheet is saved: as a revision, as an opinion of its own where others' are not shown, or as the decision between several. */
function sendSheet(id, correction) {
  if (sheet.about.blind) return remote.opinion(id, correction);
  return sheet.about.state === "disputed" && may("reviewer") ? remote.adjudicate(id, correction) : remote.correct(id, correction);
}
