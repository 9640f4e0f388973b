// To the next frame: which one it is, held for this person where people log in, its picture fetched before it is asked for.

/** The next frame of the queue; where people log in, the one that is held for this person from now on. */
async function nextFor(after) {
  if (me.login && may("annotator")) {
    const answer = await remote.reserve(after);
    lease.mine = answer.frame_id;
    return answer;
  }
  return preloaded.after === after && preloaded.id && preloaded.id !== after ? { frame_id: preloaded.id } : remote.next(after);
}

let preloaded = { after: null, id: null };
/** Know the next frame and have its picture before it is asked for. */
async function preloadNext(after) {
  if (!may("annotator")) return;
  try {
    const answer = await remote.next(after);
    preloaded = { after, id: answer.frame_id };
    if (answer.frame_id && answer.frame_id !== after) new Image().src = pictureUrl(answer.frame_id, 1600);
  } catch { preloaded = { after: null, id: null }; }
}

async function goNext(after) {
  try {
    const { frame_id: id } = await nextFor(after);
    if (id && id !== after) await openFrame(id);
    else tell(say("next.none"));
  } catch (error) {
    if (error.name !== "AbortError") tell(error.message, { bad: true });
  }
}
