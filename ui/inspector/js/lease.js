// Frames that are mine for a while: taken when the queue gives one or when I begin to change one, kept while I work, given back when I leave. A lease is a courtesy between people; what is saved is protected by revisions.

const RENEW_SECONDS = 240;  // the server's leases last 15 minutes
const lease = { mine: null, asked: null };  // frame ids; a tab holds one at a time
const tabName = (() => {
  try {
    const kept = sessionStorage.getItem("gembalens.tab") ?? randomName();
    sessionStorage.setItem("gembalens.tab", kept);
    return kept;
  } catch { return randomName(); }
})();

/** Take or renew a frame. Somebody else's stays theirs: the panel says whose and until when. */
async function takeLease(id) {
  if (!me.login || !may("annotator") || lease.asked === id) return;
  lease.asked = id;
  try {
    const given_ = await remote.hold(id);
    lease.mine = id;
    if (isOpen(id)) sheet.about.lease = { holder: me.name, until: given_.until, mine: true };
  } catch (error) {
    if (lease.mine === id) lease.mine = null;
    if (isOpen(id) && error.body?.lease) sheet.about.lease = error.body.lease;
  }
  lease.asked = null;
  if (isOpen(id)) showState();
}

/** Another frame is open now, or none: what I held is free for others. */
function leaveOthers(open) {
  const id = lease.mine;
  if (!id || id === open) return;
  lease.mine = null;
  remote.letGo(id).catch(() => {});  // it ends by itself
}

setInterval(() => {
  const here = document.visibilityState === "visible" && performance.now() / 1000 - effort.last < RENEW_SECONDS;
  if (here && sheet.frame && lease.mine === sheet.frame.id) takeLease(sheet.frame.id);
}, RENEW_SECONDS * 1000);
addEventListener("pagehide", () => leaveOthers(null));
onChange(() => { if (sheet.frame && lease.mine !== sheet.frame.id && !sheet.about.lease && isDirty()) takeLease(sheet.frame.id); });
