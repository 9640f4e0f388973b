// Who sits here: the name that the record takes, what that person may do, logging in again without losing the work, and logging out.

const LADDER = ["viewer", "inspector", "annotator", "reviewer", "lead", "admin"];
const me = { name: "local", shown: "", role: "admin", via: "local", login: false };

function may(role) { return LADDER.indexOf(me.role) >= LADDER.indexOf(role); }
/** The name under which this person's work stands in the record. */
function myName() { return me.login ? me.name : memory.get("author") || me.name; }
/** May change frames here: the role allows it, and this frame is not put away. */
function mayEdit() { return may("annotator") && !sheet.about.binned; }

async function learnMe() {
  try { Object.assign(me, await remote.me()); } catch (error) { tell(error.message, { bad: true }); }
  root.dataset.role = me.role;
}

function showPerson() {
  const name = me.login ? me.shown || me.name : memory.get("author") || say("name.none");
  topPerson.replaceChildren(button({ text: name, title: me.login ? say("role." + me.role) : say("name.title"), sign: "person", kind: "gl-top-button", press: me.login ? showAccount : askName }));
}

function showAccount() {
  const lines_ = [make("p", {}, make("b", { text: me.shown || me.name }), ` · ${me.name}`), make("p", { class: "gl-quiet", text: `${say("role." + me.role)}: ${say("role.may_" + me.role)}` })];
  openDialog(say("person.title"), lines_, [...(may("admin") ? [{ text: say("people.title"), press: showPeople }] : []), { text: say("person.out"), press: logOut }]);
}

async function logOut() {
  if (isDirty()) keepDraft();
  try { await remote.logOut(); } catch (error) { return tell(error.message, { bad: true }); }
  sheet.clean = plain(sheet.now ?? null);  // the draft is kept; nothing asks whether to leave
  location.assign("/login");
}

let signingIn = null;
/** The session ended while somebody worked: log in here, over the frame, and go on. True when somebody is logged in again. */
function signIn() {
  signingIn ??= new Promise(showLogin).finally(() => { signingIn = null; });
  return signingIn;
}

function showLogin(resolve) {
  if (sheet.frame && isDirty()) keepDraft();
  const input = (name, type, complete) => make("input", { class: "gl-input", type, autocomplete: complete, id: `gl-login-${name}`, required: true, maxlength: "200" });
  const name = input("name", "text", "username");
  const word = input("password", "password", "current-password");
  const wrong = make("p", { class: "gl-wrong", role: "alert" });
  if (me.login) name.value = me.name;
  const enter = async (event) => {
    event.preventDefault();
    const before = me.login ? me.name : "";
    try {
      await remote.logIn(name.value, word.value);
      await learnMe();
      if (before && before !== me.name) return location.reload();  // somebody else: what was being sent was not theirs
      showPerson();
      resolve(true);
      dialog.close();
    } catch (error) {
      wrong.textContent = error.message;
      word.value = "";
      word.focus();
    }
  };
  const form = make("form", { class: "gl-login", on: { submit: enter } }, make("p", { text: say("person.again") }), make("label", { for: name.id, text: say("person.name") }), name,
    make("label", { for: word.id, text: say("person.password") }), word, wrong,
    make("div", { class: "gl-login-acts" }, make("a", { class: "gl-link", href: `/login?next=${encodeURIComponent(location.pathname + location.search)}`, text: say("person.other_way") }), make("button", { type: "submit", class: "gl-button is-primary" }, make("span", { text: say("person.in") }))));
  const dialog = openDialog(say("person.in"), form);
  dialog.addEventListener("close", () => resolve(false));
  (name.value ? word : name).focus();
}
