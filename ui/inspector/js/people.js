// Who may come in, for admins: a list with roles, letting somebody in or out, and links by which passwords are set. A link is told once and kept nowhere.

async function showPeople() {
  let found;
  try { found = await remote.people(); } catch (error) { return tell(error.message, { bad: true }); }
  const list = make("ol", { class: "gl-people" });
  const link = make("div", { class: "gl-people-link", role: "status" });
  const show = (people) => list.replaceChildren(...people.map((person) => personRow(person, show, link)));
  show(found.people);
  const dialog = openDialog(say("people.title"), [found.login ? "" : make("p", { class: "gl-quiet", text: say("people.first") }), list, link, newPerson(show, link, found.login ? "annotator" : "admin")], [], "is-wide");
  return dialog;
}

/** What was asked is done, then the list is shown as it is now; what was refused is said and nothing changes. */
async function andShow(ask_, show) {
  try {
    const answer = await ask_();
    show((await remote.people()).people);
    return answer;
  } catch (error) {
    tell(error.message, { bad: true });
    show((await remote.people()).people);
    return null;
  }
}

function roleSelect(role, label) {
  const select = make("select", { class: "gl-select", "aria-label": label }, ...LADDER.map((each) => make("option", { value: each, text: say("role." + each) })));
  select.value = role;
  return select;
}

function personRow(person, show, link) {
  const role = roleSelect(person.role, `${person.name}: ${say("people.role")}`);
  role.addEventListener("change", () => andShow(() => remote.changePerson(person.name, { role: role.value }), show));
  const state = !person.active ? "people.out" : person.ready ? "" : "people.unready";
  return make("li", { class: person.active ? "" : "is-out" }, make("div", {}, make("b", { text: person.shown || person.name }), make("span", { class: "gl-quiet", text: [person.name, state && say(state)].filter(Boolean).join(" · ") })), role,
    button({ text: say("people.link"), title: say("people.link_hint"), kind: "gl-link", press: async () => showLink(link, person.name, await andShow(() => remote.personLink(person.name), show)) }),
    person.name === me.name ? make("span") : button({ text: say(person.active ? "people.shut" : "people.let"), kind: "gl-link", press: () => andShow(() => remote.changePerson(person.name, { active: !person.active }), show) }));
}

function newPerson(show, link, usual) {
  const name = make("input", { class: "gl-input", maxlength: "64", placeholder: say("people.name"), "aria-label": say("people.name"), required: true });
  const role = roleSelect(usual, say("people.role"));
  const add = async (event) => {
    event.preventDefault();
    const made = await andShow(() => remote.addPerson(name.value.trim(), role.value), show);
    if (!made) return;
    showLink(link, made.name, made);
    name.value = "";
    if (!me.login) link.append(make("p", { text: say("people.now_login") }));
  };
  return make("form", { class: "gl-people-new", on: { submit: add } }, name, role, make("button", { type: "submit", class: "gl-button is-primary" }, make("span", { text: say("people.add") })));
}

function showLink(place, name, made) {
  if (!made?.link) return;
  const text = make("input", { class: "gl-input", readonly: true, value: made.link, "aria-label": say("people.link") });
  place.replaceChildren(make("p", { text: say("people.link_told", { name }) }), text);
  text.select();
}
