// Sends the one form of a page before the door, and says what came back. Keeps nothing; without it the page says that it is needed.
"use strict";

try {  // the theme in which the inspector was left
  const theme = localStorage.getItem("gembalens.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  const place = new URL(location.href), spoken = document.documentElement.lang, chosen = localStorage.getItem("gembalens.language");
  if (place.searchParams.has("lang")) {
    localStorage.setItem("gembalens.language", spoken);
  } else if ((chosen === "en" || chosen === "zh") && chosen !== spoken) {  // the language in which the inspector was left
    place.searchParams.set("lang", chosen);
    location.replace(place);
  }
} catch { /* then the system decides */ }

const form = document.getElementById("entrance");

function tell(words, field) {
  const place = form.querySelector(".said");
  place.textContent = words;
  place.hidden = !words;
  for (const input of form.elements) input.removeAttribute?.("aria-invalid");
  if (field) { field.setAttribute("aria-invalid", "true"); field.focus(); }
}

/** What is wrong with what was typed, before anything is sent. */
function wrong(fields) {
  const empty = [...fields].find((input) => input.required && !input.value);
  if (empty) return [form.dataset.wrong ?? form.dataset.short, empty];
  if (fields.again && fields.password.value.length < 10) return [form.dataset.short, fields.password];
  if (fields.again && fields.again.value !== fields.password.value) return [form.dataset.unlike, fields.again];
  return null;
}

function sentence(status, said) {
  const own = document.documentElement.lang === "en";
  if (status === 429) return form.dataset.tooOften.replace("%", Math.ceil((said.seconds ?? 60) / 60));
  if (status === 401 && !own) return form.dataset.wrong;
  return said.error ?? form.dataset.silent;
}

/** Where it goes on, in the language that is spoken here. */
function onward() {
  const place = new URL(form.dataset.then, location.origin);
  if (!place.searchParams.has("lang")) place.searchParams.set("lang", document.documentElement.lang);
  return place.origin === location.origin ? place : "/";
}

async function send(event) {
  event.preventDefault();
  const fields = form.elements, press = form.querySelector(".primary"), fault = wrong(fields);
  if (fault) { tell(...fault); return; }
  press.disabled = true;
  tell("");
  const body = {};
  for (const name of ["name", "shown", "password"]) if (fields[name]) body[name] = fields[name].value;
  try {
    const answer = await fetch(form.dataset.send ?? location.pathname, {
      method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(body),
    });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) { location.replace(onward()); return; }
    tell(sentence(answer.status, said), answer.status === 401 ? fields.password : null);
    if (answer.status === 401) fields.password.select();
  } catch {
    tell(form.dataset.silent);
  }
  press.disabled = false;
}

if (form) {
  form.addEventListener("submit", send);
  const show = form.querySelector(".show");
  show?.addEventListener("click", () => {
    const shown = form.elements.password.type === "password";
    form.elements.password.type = shown ? "text" : "password";
    if (form.elements.again) form.elements.again.type = form.elements.password.type;
    show.textContent = shown ? show.dataset.hide : show.dataset.show;
    show.setAttribute("aria-pressed", String(shown));
  });
}
