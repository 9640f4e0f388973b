// The work on one frame after the other: open, ask the model, save, go on. The only file that joins the sheet with the server.

const work = { opening: null, assessing: null, failed: "", stop: null, waiting: [], saving: false, sent: null, wanted: null, hurry: null };
const REST = 5;  // seconds between two questions to a busy model that does not say how long it wants to be left alone

/** Is this frame still the one on the screen? What answers late (a save, a notice, a dialog) asks first. */
function isOpen(id) { return sheet.frame?.id === id; }

/** Open a frame. What is being edited stays as a draft. While a sheet is being saved it is only noted: `send` opens it then. */
async function openFrame(id) {
  work.wanted = id;
  work.opening?.abort();
  if (sheet.held) return;
  const opening = new AbortController();
  work.opening = opening;
  closeLabelMenu();
  let served;
  try {
    served = await remote.sheet(id, opening.signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    work.wanted = null;
    return tell(error.message, { bad: true });
  }
  if (work.opening !== opening || sheet.held) return;
  work.wanted = null;
  const draft = openSheet(served);
  sheet.fromStore = Boolean(served.assessment);
  work.failed = "";
  Object.assign(shown, { selected: null, hovered: null, hidden: new Set(), allHidden: false });
  view.fit = true;
  startEffort();
  picture.alt = sheet.frame.name;
  showScreen("frame");
  rememberPlace();
  placeCanvas();
  changed();
  showCurrentCard();
  if (draft === "restored") tell(say("draft.restored"), { act: say("draft.discard"), press: () => isOpen(id) && discardDraft() });
  if (draft === "older") tell(say("draft.older"), { act: say("draft.take"), press: () => isOpen(id) && takeOlderDraft() });
  leaveOthers(id);
  if (options.model && may("inspector") && !served.unaided && !isOfThisModel(served.assessment)) assess(id);
  else if (work.assessing !== id) hideBar();
  preloadNext(id);
}

/** Whether the model that runs here has answered already, and to the question that it is asked now. */
function isOfThisModel(assessment) {
  return assessment?.model === options.model && (!options.prompt_id || assessment.prompt_id === options.prompt_id);
}

function rememberPlace() {
  const url = new URL(location.href);
  if (sheet.frame) url.searchParams.set("frame", sheet.frame.id);
  history.replaceState(null, "", url);
}

function discardDraft() {
  if (sheet.held) return;
  dropDrafts();
  startAnew();
  changed();
}
function takeOlderDraft() {
  const draft = readDraft(olderDraft());
  if (draft) edit((now) => Object.assign(now, draft.now));
}

/** Ask the model for a frame; one at a time, the frame on the screen before those that wait. */
function assess(id) {
  if (work.assessing === id) return (work.hurry ? showResting : showLooking)(id);
  work.waiting = [id, ...work.waiting.filter((each) => each !== id)];
  if (!work.assessing) assessNext();
  else if (sheet.frame?.id === id) showBar(say("bar.waiting"), () => stopAssessing(id));
}
function assessLater(id) {
  if (!options.model || !may("inspector")) return;
  if (!work.waiting.includes(id)) work.waiting.push(id);
  if (!work.assessing) assessNext();
}

async function assessNext() {
  const id = work.waiting.shift();
  if (!id) return;
  work.assessing = id;
  work.stop = new AbortController();
  if (sheet.frame?.id === id) {
    work.failed = "";
    showLooking(id);
    showPanel();
    showTools();
  }
  showCurrentCard();
  let failed = "";
  try {
    const { from_store: fromStore, ...assessment } = await askUntilFree(id, work.stop.signal);
    cardChanged(id, { level: assessment.risk.level, assessed: true });
    if (sheet.frame?.id === id) takeAssessment(assessment, fromStore);
  } catch (error) {
    failed = error.name === "AbortError" ? say("bar.stopped") : error.message;
  }
  work.assessing = null;
  if (sheet.frame?.id === id) {
    work.failed = failed;
    hideBar();
    if (failed && isJudged()) tell(failed, { bad: true, act: say("bar.ask_again"), press: () => assess(id) });
    changed();
  } else if (sheet.frame && work.waiting.includes(sheet.frame.id)) showBar(say("bar.waiting"), () => stopAssessing(sheet.frame.id));
  showCurrentCard();
  assessNext();
}

function showLooking(id) { showBar(where.host ? say("bar.sent", { host: where.host }) : say("bar.looking"), () => stopAssessing(id)); }

/** Ask; while the model is busy, wait as long as it says and ask again, until it answers or the person stops it. */
async function askUntilFree(id, signal) {
  for (;;) {
    try {
      return await remote.assess(id, signal);
    } catch (error) {
      if (!error.busy) throw error;
      await rest(id, error.retrySeconds || REST, signal);
      if (sheet.frame?.id === id) showLooking(id);
    }
  }
}

/** The pause before the next question; ends early by "Ask now", and with an AbortError by Cancel. */
function rest(id, seconds, signal) {
  return new Promise((resolve, reject) => {
    const end = (how) => { clearTimeout(timer); signal.removeEventListener("abort", stop); work.hurry = null; how(); };
    const stop = () => end(() => reject(new DOMException("", "AbortError")));
    const done = () => end(resolve);
    const timer = setTimeout(done, seconds * 1000);
    signal.addEventListener("abort", stop);
    Object.assign(work, { hurry: done, until: performance.now() / 1000 + seconds });
    if (sheet.frame?.id === id) showResting(id);
  });
}
function showResting(id) {
  showBar(say("bar.busy"), () => stopAssessing(id), { until: work.until - performance.now() / 1000, act: say("bar.now"), press: () => work.hurry?.() });
}

function stopAssessing(id) {
  work.waiting = work.waiting.filter((each) => each !== id);
  if (work.assessing === id) return work.stop.abort();
  work.failed = say("bar.stopped");
  hideBar();
  changed();
}

/** Not now: nothing is open, a save is on its way, or a box is under the hand. */
function cannotSave() { return !sheet.now || work.saving || Boolean(pointer.drag) || !mayEdit(); }

/** Save as reviewed and go on. Refuses while something is unanswered or boxes are faded, and says which. */
async function save({ stay = false, agreed = false } = {}) {
  if (cannotSave()) return;
  if (work.assessing === sheet.frame.id && !isDirty()) return tell(say("save.wait"));
  const missing = unanswered();
  if (missing.length) {
    tell(say("save.missing", { what: missing.map((field) => say("field." + field)).join(say("list.comma")) }), { bad: true });
    (missing[0] === "risk" ? part.levels.querySelector("button") : part.rows[missing[0]].select).focus();
    return;
  }
  const unseen = agreed ? [] : unseenFindings();
  if (unseen.length) return askAboutUnseen(unseen, { stay });
  await send("reviewed", { stay });
}

async function agree() {
  if (cannotSave()) return;
  if (isDirty()) return tell(say("agree.changed"));
  await save();
}
async function cannotTell() { if (!cannotSave()) await send("cannot_tell"); }

/** After a save that failed: once more, with all the questions of a first one. On another frame by now: back to it, its draft waits there. */
function saveAgain(id, verdict, how) {
  if (!isOpen(id)) return openFrame(id);
  return verdict === "reviewed" ? save(how) : cannotTell();
}

/** Send the sheet. It is held until the answer is here, so that the answer meets the frame and the work that it speaks of. */
async function send(verdict, { stay = false } = {}) {
  const id = sheet.frame.id;
  const correction = sameAgain(id, verdict) ?? correctionOf(sheet.now, verdict, effort.seconds);
  work.sent = { id, verdict, said: plain(sheet.now), correction };
  work.saving = true;
  sheet.held = true;
  changed();
  try {
    const saved = await sendSheet(id, correction);
    sheet.held = false;
    work.sent = null;
    accept(id, correction, saved);
    if (work.wanted) await openFrame(work.wanted);
    else if (stay) tell(say("save.done"));
    else await goNext(id);
  } catch (error) {
    sheet.held = false;
    work.wanted = null;  // the person stays with what was not saved
    if (isOpen(id)) keepDraft();
    if (error.status === 409 && error.body?.theirs) showConflict(id, error.body, verdict);
    else tell(error.status === 0 ? say("save.offline") : error.message, { bad: true, act: say("bar.again"), press: () => saveAgain(id, verdict, { stay }) });
  } finally {
    work.saving = false;
    changed();
  }
}

/** What was sent and not answered, if it still says the same: sent again to the last letter, the record knows it for the same write. */
function sameAgain(id, verdict) {
  const { sent } = work;
  return sent?.id === id && sent.verdict === verdict && sent.said === plain(sheet.now) && sent.correction.saw_revision === sheet.revision ? sent.correction : null;
}

/** The record has it: what was sent is what stands now. */
function accept(id, correction, saved) {
  dropDrafts(id);
  if (lease.mine === id) lease.mine = null;  // saving ended it
  cardChanged(id, { reviewed: correction.verdict === "reviewed", verdict: correction.verdict, level: correction.risk.level, revision: saved.revision });
  if (!isOpen(id)) return;
  Object.assign(sheet.about, { state: saved.state ?? "corrected", author: saved.author ?? myName(), lease: null });
  Object.assign(sheet, { revision: saved.revision ?? sheet.revision, correction: { ...correction, ...saved }, now: working(correction), past: [], future: [] });
  sheet.clean = plain(sheet.now);
  startEffort();
  changed();
}
