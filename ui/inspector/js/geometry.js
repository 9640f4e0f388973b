// Moving and resizing boxes by whole pixels of the frame, inside the frame. Pure: numbers in, numbers out.

/** A unit box moved by whole pixels; its left upper corner comes to lie on whole pixels, its size stays to the last digit. */
function movedBox(box, dx, dy, width, height) {
  const move = (low, high, by, side) => {
    if (!by) return [low, high];
    const wide = high - low;
    const to = Math.min(Math.max(0, (Math.round(low * side) + by) / side), Math.max(0, 1 - wide));
    return [to, Math.min(1, to + wide)];
  };
  const [x0, x1] = move(box[0], box[2], dx, width);
  const [y0, y1] = move(box[1], box[3], dy, height);
  return [x0, y0, x1, y1];
}

/** A unit box with the edges that `handle` names moved by whole pixels. It never turns over and never gets thinner than a pixel. */
function resizedBox(box, handle, dx, dy, width, height) {
  const to = (value, by, side) => Math.min(1, Math.max(0, (Math.round(value * side) + by) / side));
  let [x0, y0, x1, y1] = box;
  if (handle.includes("w")) x0 = Math.max(0, Math.min(to(x0, dx, width), x1 - 1 / width));
  if (handle.includes("e")) x1 = Math.min(1, Math.max(to(x1, dx, width), x0 + 1 / width));
  if (handle.includes("n")) y0 = Math.max(0, Math.min(to(y0, dy, height), y1 - 1 / height));
  if (handle.includes("s")) y1 = Math.min(1, Math.max(to(y1, dy, height), y0 + 1 / height));
  return [x0, y0, x1, y1];
}
