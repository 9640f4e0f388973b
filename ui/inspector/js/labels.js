// The menu that names a box: type to filter, digits for the first nine, arrows and Enter. Opens beside its box.

const menu = make("div", { class: "gl-menu", hidden: true });
const menuFilter = make("input", { class: "gl-menu-filter", type: "text", autocomplete: "off", spellcheck: "false", role: "combobox", "aria-expanded": "true", "aria-controls": "gl-menu-list" });
const menuList = make("div", { class: "gl-menu-list", id: "gl-menu-list", role: "listbox" });
menu.append(menuFilter, menuList);
stage.append(menu);
const menuState = { uid: null, at: 0, found: [] };

function openLabelMenu(uid) {
  const finding = findingOf(uid);
  if (!finding) return;
  menuState.uid = uid;
  menuFilter.value = "";
  menuFilter.placeholder = say("menu.filter");
  menuFilter.setAttribute("aria-label", say("menu.filter"));
  menu.hidden = false;
  listLabels();
  const room = stage.getBoundingClientRect();
  const { x, y, w } = finding.box ? onScreen(finding.box) : { x: 0, y: 0, w: 0 };
  const [wide, high] = [menu.offsetWidth, menu.offsetHeight];
  const right = view.x + x + w + 14;
  const left = right + wide < room.width ? right : Math.max(8, view.x + x - wide - 14);
  Object.assign(menu.style, { left: `${Math.min(left, Math.max(8, room.width - wide - 8))}px`, top: `${Math.max(8, Math.min(view.y + y - 8, room.height - high - 8))}px` });
  menuFilter.focus({ preventScroll: true });
}

function closeLabelMenu() {
  if (menu.hidden) return;
  menu.hidden = true;
  menuState.uid = null;
  if (menu.contains(document.activeElement)) stage.focus({ preventScroll: true });
}

function fold(text) { return text.normalize("NFKC").toLowerCase().replace(/[\s_-]+/g, " ").trim(); }

function listLabels() {
  const wanted = fold(menuFilter.value);
  menuState.found = profile.labels.filter((label) => [label.key, ...Object.values(label.names), ...label.aliases].some((word) => fold(word).includes(wanted)));
  const begins = (label) => fold(label.names[language]).startsWith(wanted);
  if (wanted) menuState.found.sort((a, b) => begins(b) - begins(a));
  const finding = findingOf(menuState.uid);
  const current = finding?.label;
  const shares = new Map(sharesOf(finding?.was?.label, finding?.was ?? {}));
  if (shares.size > 1 && !wanted) menuState.found.sort((a, b) => (shares.get(b.key) ?? -1) - (shares.get(a.key) ?? -1));
  menuState.at = wanted ? 0 : Math.max(0, menuState.found.findIndex((label) => label.key === current));
  menuList.replaceChildren(...menuState.found.map((label, place) => {
    const digit = profile.labels.indexOf(label) + 1;
    const swatch = make("span", { class: "gl-swatch" });
    swatch.style.background = label.colour;
    return make("div", { class: "gl-menu-item", role: "option", id: `gl-menu-${place}`, data: { key: label.key }, on: { pointerdown: (event) => { event.preventDefault(); pickLabel(label.key); } } },
      swatch, make("span", { text: label.names[language] }), shares.size > 1 && shares.has(label.key) ? shareBar(shares.get(label.key)) : "", make("kbd", { text: digit <= 9 ? String(digit) : "" }));
  }));
  if (!menuState.found.length) menuList.append(make("div", { class: "gl-menu-none", text: say("menu.nothing") }));
  markLabel();
}

function markLabel() {
  [...menuList.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === menuState.at)));
  menuFilter.setAttribute("aria-activedescendant", `gl-menu-${menuState.at}`);
  menuList.children[menuState.at]?.scrollIntoView({ block: "nearest" });
}

function pickLabel(key) {
  const uid = menuState.uid;
  closeLabelMenu();
  relabel(uid, key);
}

function relabel(uid, key) {
  const finding = findingOf(uid);
  pointer.lastLabel = key;
  if (!finding || finding.label === key) return;
  edit((now) => Object.assign(now.findings.find((each) => each.uid === uid), { label: key, ...BY_HAND }));
}

menuFilter.addEventListener("input", listLabels);
menuFilter.addEventListener("keydown", (event) => {
  event.stopPropagation();
  const digit = /^[1-9]$/.test(event.key) && !menuFilter.value ? profile.labels[Number(event.key) - 1] : null;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (digit) pickLabel(digit.key);
  else if (step) {
    menuState.at = Math.min(menuState.found.length - 1, Math.max(0, menuState.at + step));
    markLabel();
  } else if (event.key === "Enter" && !event.ctrlKey && menuState.found[menuState.at]) pickLabel(menuState.found[menuState.at].key);
  else if (event.key === "Enter" && event.ctrlKey) { closeLabelMenu(); save(); }
  else if (event.key === "Delete") { const uid = menuState.uid; closeLabelMenu(); removeFinding(uid); }
  else if (event.key === "Escape" || event.key === "Tab") closeLabelMenu();
  else return;
  event.preventDefault();
});
menuFilter.addEventListener("blur", () => setTimeout(() => { if (!menu.contains(document.activeElement)) closeLabelMenu(); }, 0));

function removeFinding(uid) {
  if (!findingOf(uid)) return;
  edit((now) => { now.findings = now.findings.filter((finding) => finding.uid !== uid); });
  select(null);
}
