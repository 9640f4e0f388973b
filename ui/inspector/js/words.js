// What Python gave this screen, and the words, numbers and dates of the language that is spoken now. Draws nothing.

const given = JSON.parse(JSON.stringify(props.given));  // a plain copy: Gradio's own is a proxy
const profile = given.profile;
const options = given.options;
const query = new URLSearchParams(location.search);

const memory = {  // localStorage that may be full or forbidden
  get(key) { try { return localStorage.getItem("gembalens." + key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem("gembalens." + key, value); return true; } catch { return false; } },
  drop(key) { try { localStorage.removeItem("gembalens." + key); } catch { /* nothing was kept */ } },
  keys(start) {
    try { return Object.keys(localStorage).filter((key) => key.startsWith("gembalens." + start)).map((key) => key.slice(10)); } catch { return []; }
  },
};

let language = [query.get("lang"), memory.get("language"), options.language].find((each) => each in given.words) ?? "en";

/** The words of a key, {places} filled. */
function say(key, values = {}) {
  const words = given.words[language][key];
  if (words === undefined) throw new Error(`no words for ${key}`);
  return words.replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
}

const labelByKey = new Map(profile.labels.map((label) => [label.key, label]));
const hazardByKey = new Map(profile.hazards.map((hazard) => [hazard.key, hazard]));

function labelName(key) { return labelByKey.get(key)?.names[language] ?? key; }
function labelColour(key) { return labelByKey.get(key)?.colour ?? options.other_colour; }
function labelInk(key) { return labelByKey.get(key)?.ink ?? "#000000"; }
function termName(field, key) { return profile.fields[field].find((term) => term.key === key)?.names[language] ?? key; }
function levelName(level) { return say("risk." + (level ?? "undetermined")); }

function locale() { return language === "zh" ? "zh-CN" : "en-GB"; }
function inSeconds(seconds) { return say("seconds", { n: seconds.toFixed(seconds < 10 ? 1 : 0) }); }
function inPercent(share) { return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 0 }).format(share); }
function asTime(iso) {
  const at = iso ? new Date(iso) : null;
  return at && !Number.isNaN(at.valueOf()) ? at.toLocaleString(locale(), { dateStyle: "medium", timeStyle: "short" }) : "";
}
