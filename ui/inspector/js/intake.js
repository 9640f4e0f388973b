// How frames come in: drop, choose, folder, paste, camera, samples; many at once with progress. The empty state of the screen lives here too.

const TAKEN = ["image/jpeg", "image/png", "image/webp"];
const empty = make("div", { class: "gl-empty" });
const veil = make("div", { class: "gl-veil", hidden: true });
const filesInput = make("input", { type: "file", accept: TAKEN.join(","), multiple: true, hidden: true, class: "gl-files" });
const folderInput = make("input", { type: "file", webkitdirectory: true, multiple: true, hidden: true, class: "gl-folder" });
const intake = { waiting: [], running: false, done: 0, all: 0, refused: [], stop: null, first: null };

const dropWhere = make("span", { class: "gl-where" });

function buildEmpty() {
  const choose = button({ text: say("drop.choose"), sign: "upload", kind: "gl-button is-primary", press: () => filesInput.click() });
  const zone = make("div", { class: "gl-drop" }, icon("upload", "gl-drop-icon"), make("h2", { text: say("drop.title") }), make("p", {}, say("drop.types", { mib: options.max_upload_mib }), dropWhere), choose,
    make("div", { class: "gl-drop-ways" }, make("span", { class: "gl-way" }, icon("paste"), say("drop.paste")), button({ text: say("drop.folder"), sign: "folder", kind: "gl-link", press: () => folderInput.click() }), button({ text: say("drop.camera"), sign: "camera", kind: "gl-link", press: openCamera })));
  zone.addEventListener("click", (event) => { if (!event.target.closest("button")) filesInput.click(); });
  const samples = make("div", { class: "gl-samples" });
  empty.replaceChildren(zone, samples);
  showSamples(samples);
  veil.replaceChildren(icon("upload", "gl-drop-icon"), make("strong", { text: say("drop.release") }));
}

async function showSamples(place) {
  let samples;
  try { samples = await remote.samples(); } catch { return; }
  if (!samples.length) return;
  place.replaceChildren(make("h2", { text: say("samples.title") }), make("div", { class: "gl-samples-list" }, ...samples.map((sample) =>
    make("button", { type: "button", class: "gl-sample", data: { name: sample.name }, on: { click: () => takeSample(sample.name) } }, make("img", { src: sample.url, alt: "", loading: "lazy" }), make("span", { text: sample.title })))),
    make("p", { class: "gl-quiet", text: say("samples.origin", { origin: samples[0].origin }) }));
}

async function takeSample(name) {
  try {
    const { frame } = await remote.takeSample(name);
    arrived(frame);
    openFrame(frame.id);
  } catch (error) { tell(error.message, { bad: true }); }
}

function arrived(frame) {
  addCard({ frame_id: frame.id, name: frame.name, received_at: frame.received_at, level: null, reviewed: false, revision: 0, ...(walk.cards.get(frame.id) ?? {}) });
  showWalk();
}

/** Take files in one after the other; the first that is taken opens at once, the model looks at the others after it. */
function takeFiles(files) {
  const pictures = [...files].filter((file) => TAKEN.includes(file.type) || (!file.type && /\.(jpe?g|png|webp)$/i.test(file.name)));
  const others = files.length - pictures.length;
  if (others && !pictures.length) return tell(say("drop.no_pictures"), { bad: true });
  pictures.sort((a, b) => (a.webkitRelativePath || a.name).localeCompare(b.webkitRelativePath || b.name, undefined, { numeric: true }));
  intake.waiting.push(...pictures);
  intake.all += pictures.length;
  if (!intake.running) runIntake();
}

/** A sentence that says of which file it speaks. */
function named(file, sentence) { return sentence.includes(file.name) ? sentence : `${file.name}: ${sentence}`; }

async function runIntake() {
  Object.assign(intake, { running: true, refused: [], first: null, stop: new AbortController() });
  while (intake.waiting.length) {
    const file = intake.waiting.shift();
    showProgress();
    try {
      const [answer] = await remote.upload(file, intake.stop.signal);
      if (answer.frame) {
        arrived(answer.frame);
        if (intake.first === null) await openFrame(intake.first = answer.frame.id);
        else assessLater(answer.frame.id);
      } else intake.refused.push(named(file, answer.error));
    } catch (error) {
      if (error.name === "AbortError") break;
      intake.refused.push(named(file, error.message));
      if (error.status === 0) break;
    }
    intake.done += 1;
  }
  Object.assign(intake, { running: false, waiting: [], done: 0, all: 0 });
  progress.hidden = true;
  if (intake.refused.length) tell(intake.refused.slice(0, 3).join("\n") + (intake.refused.length > 3 ? `\n${say("drop.and_more", { n: intake.refused.length - 3 })}` : ""), { bad: true, long: true });
}

const progress = make("div", { class: "gl-progress", role: "status", hidden: true });
function showProgress() {
  if (intake.all < 2) return;
  const meter = make("progress", { max: String(intake.all), value: String(intake.done), "aria-label": say("drop.progress", { n: intake.done, all: intake.all }) });
  progress.replaceChildren(make("span", { text: say("drop.progress", { n: intake.done + 1, all: intake.all }) }), meter, button({ text: say("bar.cancel"), kind: "gl-link", press: () => { intake.waiting = []; intake.stop.abort(); } }));
  progress.hidden = false;
}

for (const input of [filesInput, folderInput]) {
  input.addEventListener("change", () => { takeFiles(input.files); input.value = ""; });
}

// Anywhere on the page: drag files over it, or paste a picture.
function carriesFiles(event) { return [...(event.dataTransfer?.types ?? [])].includes("Files"); }
document.addEventListener("dragover", (event) => { if (carriesFiles(event)) { event.preventDefault(); veil.hidden = false; } });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) veil.hidden = true; });
document.addEventListener("drop", async (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  veil.hidden = true;
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain_ = [...event.dataTransfer.files];
  takeFiles(entries.some((entry) => entry.isDirectory) ? (await Promise.all(entries.map(filesIn))).flat() : plain_);
});
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length) { event.preventDefault(); takeFiles(files); }
});

/** All files under a dropped entry. A reader hands out at most 100 at a time and has to be asked until it gives none. */
async function filesIn(entry) {
  if (entry.isFile) return new Promise((resolve) => { entry.file((file) => resolve([file]), () => resolve([])); });
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve) => { reader.readEntries(resolve, () => resolve([])); });
    if (!some.length) return found;
    found.push(...(await Promise.all(some.map(filesIn))).flat());
  }
}
