// Two people saved one frame: their versions put together piece by piece. What only one of them changed is taken from that one; where both did, the person chooses.

/** The choices between the version `base` that both saw, `theirs` and `mine`: one for each field, the risk, each violation, each box. */
function piecesOf(base, theirs, mine) {
  const pieces = [];
  const whole = (place, name, words, of) => {
    const [b, t, m] = [base, theirs, mine].map((each) => words(of(each)));
    if (t !== m) pieces.push({ place, name, theirs: t, mine: m, take: m === b ? "theirs" : "mine", both: m !== b && t !== b });
  };
  whole("risk", say("risk.title"), (risk) => levelName(risk.level), (each) => each.risk);
  whole("note", say("note.empty"), (note) => note || "–", (each) => each.note ?? "");
  for (const field of Object.keys(profile.fields)) whole(`step.${field}`, say("field." + field), (value) => (value?.value ? termName(field, value.value) : "–"), (each) => each.step[field]);
  const sets = (place, all, keyOf_, name) => {
    const [b, t, m] = all.map((list) => new Map(list.map((each) => [keyOf_(each), each])));
    for (const key of new Set([...t.keys(), ...m.keys()])) {
      if (t.has(key) && m.has(key)) continue;
      pieces.push({ place, key, name: name(t.get(key) ?? m.get(key)), only: t.has(key) ? "theirs" : "mine", keep: !b.has(key), said: t.get(key) ?? m.get(key) });
    }
  };
  sets("violations", [base.violations, theirs.violations, mine.violations], violationKey, (each) => hazardByKey.get(each.hazard)?.names[language] ?? each.hazard);
  sets("findings", [base.findings, theirs.findings, mine.findings], boxKey, (each) => labelName(each.label));
  return pieces;
}
function violationKey(violation) { return JSON.stringify([violation.hazard, violation.risk, (violation.box ?? []).map((corner) => Math.round(corner * 1000))]); }
function boxKey(finding) { return JSON.stringify([finding.label, (finding.box ?? []).map((corner) => Math.round(corner * 1000))]); }

/** The sheet that the choices make: mine as the ground, and of theirs what was taken. */
function merged(pieces, theirs, mine) {
  const now = copyOf(mine);
  const other = working(theirs);
  if (pieces.some((piece) => piece.place === "risk" && piece.take === "theirs")) now.risk = other.risk;
  if (pieces.some((piece) => piece.place === "note" && piece.take === "theirs")) now.note = other.note;
  for (const piece of pieces.filter((each) => each.place.startsWith("step.") && each.take === "theirs")) now.step[piece.place.slice(5)] = other.step[piece.place.slice(5)];
  for (const [place, keyOf_] of [["violations", violationKey], ["findings", boxKey]]) {
    const chosen = pieces.filter((piece) => piece.place === place);
    const drop = new Set(chosen.filter((piece) => piece.only === "mine" && !piece.keep).map((piece) => piece.key));
    const add = new Set(chosen.filter((piece) => piece.only === "theirs" && piece.keep).map((piece) => piece.key));
    now[place] = [...now[place].filter((each) => !drop.has(keyOf_(each))), ...other[place].filter((each) => add.has(keyOf_(each)))];
  }
  return now;
}

function showMerge(theirs, save_) {
  const mine = sheet.now;
  const pieces = piecesOf(JSON.parse(sheet.clean), theirs, mine);
  const choice = (piece, side) => {
    const pick = make("input", { type: "radio", name: `gl-merge-${piece.place}`, on: { change: () => { piece.take = side; } } });
    pick.checked = piece.take === side;
    return make("label", { class: "gl-merge-side" }, pick, make("span", { text: piece[side] }));
  };
  const tick = (piece) => {
    const box = make("input", { type: "checkbox", on: { change: () => { piece.keep = box.checked; } } });
    box.checked = piece.keep;
    return make("label", { class: "gl-merge-side is-both" }, box, make("span", { text: say(piece.only === "theirs" ? "merge.only_theirs" : "merge.only_mine", { who: theirs.author }) }));
  };
  const rows = pieces.map((piece) => make("div", { class: `gl-merge-row${piece.both ? " is-different" : ""}` }, make("b", { text: piece.name }), ...(piece.only ? [tick(piece)] : [choice(piece, "theirs"), choice(piece, "mine")])));
  const head = make("div", { class: "gl-merge-row is-head" }, make("span"), make("span", { text: theirs.author }), make("span", { text: say("merge.mine") }));
  const body = pieces.length ? [make("p", { text: say("merge.body") }), make("div", { class: "gl-merge" }, head, ...rows)] : make("p", { text: say("merge.same") });
  openDialog(say("merge.title"), body, [{ text: say("merge.save"), primary: true, press: () => save_(merged(pieces, theirs, mine)) }], "is-wide");
}
