// What is said of the frame on the screen: the person's working copy, its undo, its draft. Knows no pixels on the screen and no server.

// basis: the model whose proposal the person started from, null from an empty sheet. held: it is being saved, nothing may change.
const sheet = { frame: null, revision: 0, assessment: null, correction: null, basis: null, fromStore: false, held: false, about: aboutOf({}), now: null, clean: "", past: [], future: [] };
let nextUid = 1;
const listeners = [];

/** What the record says of a frame beside the opinions themselves: what became of them, who is at it, whether it was put away. */
function aboutOf(served) {
  return { state: served.state ?? "open", reviews: served.reviews ?? [], opinions: served.opinions ?? [], author: served.correction?.author ?? null, lease: served.lease ?? null, blind: Boolean(served.blind), unaided: Boolean(served.unaided), binned: Boolean(served.binned), why: served.bin_why ?? "" };
}

function onChange(listener) { listeners.push(listener); }
function changed() { for (const listener of listeners) listener(); }

/** A working copy out of an assessment or a correction; null gives an empty sheet, which is undetermined and not "none".
 *  What the model said brings along its calibrated probability where there is one (`certainty`), and a finding what it `was` at first. */
function working(said) {
  const step = {};
  const certainty = (place) => (said?.certainty ? { certainty: said.certainty[place] ?? null } : {});
  for (const field of Object.keys(profile.fields)) step[field] = { ...copyOf(said?.step?.[field] ?? { value: null, confidence: null, said_by: "model" }), ...certainty(field) };
  const finding = (each, place) => {
    const sure = certainty(`findings.${place}`);
    return { ...copyOf(each), ...sure, ...(said.certainty ? { was: { ...copyOf(each), ...sure } } : {}), uid: nextUid++ };
  };
  return {
    findings: (said?.findings ?? []).map(finding),
    step,
    violations: (said?.violations ?? []).map((violation, place) => ({ ...copyOf(violation), ...certainty(`violations.${place}`), uid: nextUid++ })),
    risk: { ...copyOf(said?.risk ?? { level: null, probabilities: {}, reasons: [], said_by: "model" }), ...certainty("risk") },
    note: said?.note ?? "",
  };
}

/** Open a frame's sheet as the server gave it. Returns what a draft did: "none", "restored" or "older". */
function openSheet(served) {
  Object.assign(sheet, { frame: served.frame, revision: served.revision, assessment: served.assessment, correction: served.correction, about: aboutOf(served) });
  startAnew();
  const draft = readDraft(draftKey());
  if (draft) {
    sheet.past = [sheet.now];
    sheet.now = { ...working(null), ...draft.now };
    if (draft.basis !== undefined) sheet.basis = draft.basis;
    nextUid = Math.max(nextUid, ...[...sheet.now.findings, ...sheet.now.violations].map((each) => each.uid + 1));
    return "restored";
  }
  return olderDraft() ? "older" : "none";
}

/** The working copy as if nobody had touched it: the latest correction, else what the model says. */
function startAnew() {
  const { assessment, correction } = sheet;
  const basis = (correction ? correction.saw_model : assessment?.model) ?? null;
  Object.assign(sheet, { now: working(correction ?? assessment), basis, past: [], future: [] });
  sheet.clean = plain(sheet.now);
}

/** The model has answered while the person already worked: their work stays, the answer is only kept beside it. */
function takeAssessment(assessment, fromStore) {
  const touched = isDirty();
  sheet.assessment = assessment;
  sheet.fromStore = fromStore;
  if (!touched && !sheet.correction) startAnew();
}

/** Without the numbers that only this screen uses. */
function plain(now) {
  return JSON.stringify(now, (name, value) => (name === "uid" ? undefined : value));
}
function isDirty() { return Boolean(sheet.now) && plain(sheet.now) !== sheet.clean; }

function remember() {
  sheet.past.push(copyOf(sheet.now));
  if (sheet.past.length > 300) sheet.past.shift();
  sheet.future = [];
}
let lastEdit = { join: "", at: 0 };

/** One step of undo; none while the sheet is held. Steps of the same `join` that follow each other quickly (a held arrow key) are one. */
function edit(change, join = "") {
  if (sheet.held) return;
  if (!mayEdit()) return tell(say(sheet.about.binned ? "state.binned" : "person.may_look"), { bad: true });
  const now = performance.now();
  if (!join || lastEdit.join !== join || now - lastEdit.at > 700) remember();
  lastEdit = { join, at: now };
  change(sheet.now);
  keepDraft();
  changed();
}
function undo() { travel(sheet.past, sheet.future); }
function redo() { travel(sheet.future, sheet.past); }
function travel(from, to) {
  if (sheet.held || !from.length) return;
  lastEdit = { join: "", at: 0 };
  to.push(sheet.now);
  sheet.now = from.pop();
  keepDraft();
  changed();
}

function findingOf(uid) { return sheet.now?.findings.find((finding) => finding.uid === uid) ?? null; }
function isUncertain(said) { return said.said_by === "model" && ((sureOf(said) ?? 1) < options.uncertain_below || isRough(said)); }
/** The model's box is expected to lie beside the true one. */
function isRough(said) { return said.said_by === "model" && (said.overlap ?? 1) < options.rough_below; }

/** Fields and the risk that nobody has answered yet; a review needs them all. */
function unanswered() {
  const missing = Object.keys(profile.fields).filter((field) => sheet.now.step[field].value === null);
  const outside = sheet.now.findings.some((finding) => profile.not_applicable.includes(finding.label));
  return sheet.now.risk.level === null && !outside ? [...missing, "risk"] : missing;
}

function countUnconfirmed() {
  const { findings, step, violations, risk } = sheet.now;
  return [...findings, ...Object.values(step), ...violations, risk].filter((said) => said.said_by === "model").length;
}

/** What a person stands behind: without the numbers of this screen and what only the model said of its own doubts. */
function bare({ uid, certainty, was, overlap, alternatives, ...said }) { return said; }

/** What is sent. A review makes every "model" that is left into "confirmed": the person has seen it and let it stand. */
function correctionOf(now, verdict, activeSeconds) {
  const signed = (said) => {
    const rest = bare(said);
    return verdict === "reviewed" && rest.said_by === "model" ? { ...rest, said_by: "confirmed" } : rest;
  };
  return {
    frame_id: sheet.frame.id, saw_revision: sheet.revision, verdict, author: me.login ? undefined : memory.get("author") || undefined,
    findings: now.findings.map(signed), violations: now.violations.map(signed), risk: signed(now.risk),
    step: Object.fromEntries(Object.entries(now.step).map(([field, value]) => [field, signed(value)])),
    active_seconds: Math.round(activeSeconds * 10) / 10, note: now.note, saw_model: sheet.basis,
  };
}

// Drafts: by frame and revision, so that a draft can never be laid over work it has not seen.
// And by who logged in: another person at the same browser is not offered them.
function draftsOf(frameId) { return `draft.${me.login ? me.name + "/" : ""}${frameId}.`; }
function draftKey(revision = sheet.revision, frameId = sheet.frame.id) { return draftsOf(frameId) + revision; }
function readDraft(key) { try { return JSON.parse(memory.get(key)); } catch { return null; } }
function keepDraft() {
  if (!sheet.frame) return;
  if (!isDirty()) memory.drop(draftKey());
  else if (!memory.set(draftKey(), JSON.stringify({ now: sheet.now, basis: sheet.basis, at: new Date().toISOString() }))) draftFailed();
}
function dropDrafts(frameId = sheet.frame.id) { for (const key of memory.keys(draftsOf(frameId))) memory.drop(key); }
function olderDraft() { return memory.keys(draftsOf(sheet.frame.id)).find((key) => key !== draftKey()) ?? null; }
function hasDraft(frameId) { return memory.keys(draftsOf(frameId)).length > 0; }
