// What a person can change in the verdict, each as one step of undo. No element is made here.

const BY_HAND = { said_by: "person", confidence: null, overlap: null, certainty: null };  // the model's own figures go when its word does

function setField(field, value) {
  edit((now) => {
    const before = now.step[field];
    now.step[field] = value === "" ? { value: null, confidence: null, said_by: "person" } : { value, confidence: null, said_by: before.value === value ? "confirmed" : "person" };
  });
}

function confirmField(field) {
  edit((now) => { now.step[field].said_by = "confirmed"; });
}

function setRisk(level) {
  if (sheet.now.risk.level === level) {
    if (sheet.now.risk.said_by === "model") edit((now) => { now.risk.said_by = "confirmed"; });
    return;
  }
  edit((now) => { now.risk = { level, probabilities: {}, reasons: ["person"], said_by: "person" }; });
}

/** A violation that is added lifts the risk to its own level at least; one that is taken away lowers nothing by itself.
 *  An undetermined frame stays so, because what is known can only be too low, unless the violation is of the worst level. */
function addViolation(key) {
  const hazard = hazardByKey.get(key);
  if (!hazard) return;
  const rank = (level) => profile.levels.indexOf(level);
  edit((now) => {
    const lifts = now.risk.level === null ? hazard.risk === profile.levels.at(-1) : rank(hazard.risk) > rank(now.risk.level);
    now.violations.push({ uid: nextUid++, hazard: key, risk: hazard.risk, box: null, confidence: null, rules: [], said_by: "person" });
    if (lifts) now.risk = { level: hazard.risk, probabilities: {}, reasons: ["person"], said_by: "person" };
  });
}

function addWhole(label) {
  if (!labelByKey.has(label)) return;
  edit((now) => { now.findings.push({ uid: nextUid++, label, box: null, confidence: null, said_by: "person" }); });
}

function nudge(dx, dy, resize) {
  const finding = findingOf(shown.selected);
  if (!finding?.box) return;
  const { width, height } = sheet.frame;
  const handle = `${dy ? "s" : ""}${dx ? "e" : ""}`;
  const box = resize ? resizedBox(finding.box, handle, dx, dy, width, height) : movedBox(finding.box, dx, dy, width, height);
  edit((now) => Object.assign(now.findings.find((each) => each.uid === finding.uid), { box, ...BY_HAND }), `nudge ${finding.uid}`);
}

let copied = null;
function copyBox() { copied = findingOf(shown.selected)?.box ? copyOf(findingOf(shown.selected)) : copied; }
function pasteBox() {
  if (!copied) return;
  const { width, height } = sheet.frame;
  const box = movedBox(copied.box, Math.round(width / 60), Math.round(height / 60), width, height);
  const uid = nextUid++;
  edit((now) => { now.findings.push({ uid, label: copied.label, box, confidence: null, said_by: "person" }); });
  select(uid);
}

function toggleHidden() {
  if (shown.selected) {
    if (!shown.hidden.delete(shown.selected)) shown.hidden.add(shown.selected);
    shown.selected = null;
  } else if (shown.hidden.size) shown.hidden.clear();
  else shown.allHidden = !shown.allHidden;
  hiddenChanged();
}
function hiddenChanged() {
  drawBoxes();
  showSeen();
  showTools();
}

function showAll() {
  shown.hidden.clear();
  shown.hiddenLabels.clear();
  shown.allHidden = false;
  setThreshold(0);
  hiddenChanged();
}
function removeAll(findings) {
  const gone = new Set(findings.map((finding) => finding.uid));
  if (gone.size) edit((now) => { now.findings = now.findings.filter((finding) => !gone.has(finding.uid)); });
}
