// What the page says of what was done. One polite live region holds both: `say` shows it, `tell` is for ears alone, where
// the eye sees it anyway.

function say(text, isWarning = false) {
  $("status").textContent = text;
  $("status").classList.toggle("warning", isWarning);
  $("told").textContent = "";
}

function tell(text) {
  $("told").textContent = text;
}

// Where one is, in a few words.
function whereText() {
  if (!inBoxes()) return ui.group === null ? "no group" : `${ui.group}, ${count(members().length, "picture")}`;
  return `picture ${ui.at + 1} of ${keys.length}, ${here()}, ${boxesText(boxesHere())}`;
}

function boxesText(boxes) {
  return boxes.length ? count(boxes.length, "box", "boxes") : "no boxes";
}

function boxText({ concept, x, y, w, h }) {
  return `${concept} ${round(w)}\u00D7${round(h)} at ${round(x)}, ${round(y)}`;
}

function factorText(factor) {
  return `${Math.round(factor * 100) / 100}\u00D7`;
}

function round(number) {
  return Math.round(number * 10) / 10;
}

function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}
