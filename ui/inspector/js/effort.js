// Seconds a person was really at the frame: time between two signs of life counts only when they are close together.

const PAUSE = 20;  // seconds without a sign of life that are a pause
const effort = { seconds: 0, last: 0 };

function signOfLife() {
  const now = performance.now() / 1000;
  if (effort.last && now - effort.last < PAUSE && document.visibilityState === "visible") effort.seconds += now - effort.last;
  effort.last = now;
}
function startEffort() {
  effort.seconds = 0;
  effort.last = performance.now() / 1000;
}
for (const event of ["pointermove", "pointerdown", "keydown", "wheel", "input"]) document.addEventListener(event, signOfLife, { passive: true, capture: true });
document.addEventListener("visibilitychange", () => { effort.last = 0; });
