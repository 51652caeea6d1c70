// What keys and buttons do, and how the page begins.

const KEYS = {
  n: () => step(1),
  p: () => step(-1),
  m: () => switchTo(inBoxes() ? "groups" : "boxes"),
  a: () => $("new-name").focus(),
  b: () => (inBoxes() ? newBox() : undefined),
  o: () => { if (!inBoxes()) flipOnly(); },
  "+": () => zoom(1),
  "=": () => zoom(1),
  "-": () => zoom(-1),
  0: () => zoom(0),
  "?": () => showHelp(),
  Delete: () => (inBoxes() ? dropBox(ui.selected) : undefined),
  Backspace: () => (inBoxes() ? dropBox(ui.selected) : undefined),
  Escape: () => { if (!editor.cancel()) letGo(); },
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  ArrowUp: () => step(-1, true),
  ArrowDown: () => step(1, true),
};
const WITH_CONTROL = {
  s: save,
  z: ({ shiftKey }) => (shiftKey ? travel(work.redo(), "redo") : travel(work.undo(), "undo")),
  y: () => travel(work.redo(), "redo"),
};

const FIELDS = "input:not([type=checkbox]), textarea, select, [contenteditable]";
const SWITCH = "ganlab mark shortcuts"; // where the browser keeps whether they are off

// Keys that write a character are shortcuts unless a person switches them off: speech input and unsteady hands press
// them unasked (WCAG 2.1.4).
const shortcuts = {
  on: work.read(SWITCH) !== "off",
  turn(on) {
    this.on = on;
    work.write(SWITCH, on ? "on" : "off");
    render();
  },
};

function press(event) {
  if ($("help-page").open || event.isComposing) return;
  const typing = event.target.matches?.(FIELDS) ?? false;
  const act = actionOf(event, typing);
  if (!act) return;
  event.preventDefault();
  act(event);
}

// What a key is for, if anything; a field keeps its own keys, but for saving.
function actionOf(event, typing) {
  const { code, shiftKey } = event;
  const key = meant(event);
  if (event.ctrlKey || event.metaKey) return typing && key !== "s" ? undefined : WITH_CONTROL[key];
  if (typing) return key === "Escape" ? toNames : undefined;
  if (key.length === 1 && !shortcuts.on) return undefined;
  if (shiftKey && inBoxes() && key.startsWith("Arrow")) return () => nudge(key, event.altKey);
  if (event.altKey || (key.startsWith("Arrow") && event.target === $("stage") && scrolls())) return undefined;
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(code)?.[1] ?? (/^[1-9]$/.test(key) ? key : undefined);
  if (digit === undefined) return KEYS[key];
  const name = nameList()[digit - 1];
  if (name === undefined) return () => say(`There is no ${inBoxes() ? "concept" : "group"} ${digit} yet.`);
  if (shiftKey && inBoxes()) return () => changeBox(() => ({ concept: name }));
  return () => {
    choose(name);
    tell(`${name} chosen`);
  };
}

// A key without Caps Lock; where its letter is none of the Latin ones, the Latin one of its place.
function meant({ key, code }) {
  if (key.length > 1) return key;
  const place = /^Key([A-Z])$/.exec(code)?.[1];
  return (/^[\x20-\x7e]$/.test(key) ? key : place ?? key).toLowerCase();
}

// To the next picture or the one before; in the grid perhaps by a row.
function step(by, row = false) {
  if (inBoxes()) return go(ui.at + by);
  const at = grid.beside(by, row);
  if (at === grid.stop) return say(row ? `There is no picture ${by < 0 ? "above" : "below"}.` : `This is the ${by < 0 ? "first" : "last"} picture.`);
  go(at);
}

function flipOnly() {
  ui.only = !ui.only;
  render();
  tell(ui.only ? `only ${whereText()}` : `all ${count(keys.length, "picture")}`);
}

function letGo() {
  if (ui.selected !== null) tell("no box selected");
  select(null);
}

// The focus to the chosen name, or where there is none to the title of the list.
function toNames() {
  (names.button(inBoxes() ? ui.concept : ui.group) ?? $("names-title")).focus();
}

function showHelp() {
  const [left, right] = [...work.marks.groups.keys(), "left", "right"];
  const concept = ui.concept ?? "window";
  $("commands").textContent = `ganlab probe ${quoted(concept)} --boxes ${fileName("boxes")}\n`
    + `ganlab turn ${left} ${right} --exemplars ${fileName("groups")}`;
  $("help-page").showModal();
  $("help-title").focus(); // the button at its end would scroll it there
}

// A word for the shell.
function quoted(text) {
  return /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

const RESTORED = {
  unsaved: "Your unsaved work from last time is back. To begin anew: ? and Start over.",
  saved: "Your work from last time is back. To begin anew: ? and Start over.",
  joined: "Unsaved work from another page of these pictures was added to this one. To begin without it: ? and Start over.",
};

function begin() {
  const click = (id, act) => $(id).addEventListener("click", act);
  click("to-boxes", () => switchTo("boxes"));
  click("to-groups", () => switchTo("groups"));
  click("undo", WITH_CONTROL.z);
  click("redo", WITH_CONTROL.y);
  click("smaller", KEYS["-"]);
  click("larger", KEYS["+"]);
  click("zoom", KEYS[0]);
  click("new-box", newBox);
  click("previous", KEYS.p);
  click("next", KEYS.n);
  click("open", () => $("file").click());
  click("save", save);
  click("help", showHelp);
  click("start-over", () => {
    work.startOver();
    $("help-page").close();
    select(null);
    say("These are the marks that the page came with.");
  });
  $("only").addEventListener("change", flipOnly);
  $("file").addEventListener("change", async () => {
    await addFiles([...$("file").files]);
    $("file").value = ""; // the same file may be chosen again
  });
  $("add").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = add($("new-name").value);
    if (!name) return; // to be mended in the field
    $("new-name").value = "";
    names.button(name).focus();
  });
  $("shortcuts").checked = shortcuts.on;
  $("shortcuts").addEventListener("change", () => shortcuts.turn($("shortcuts").checked));
  document.addEventListener("keydown", press);
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    addFiles([...event.dataTransfer.files]);
  });
  window.addEventListener("resize", render);
  window.addEventListener("beforeunload", (event) => {
    if (!work.kept && (work.unsaved("boxes") || work.unsaved("groups"))) event.preventDefault();
  });
  window.addEventListener("storage", (event) => {
    if (event.key === work.slot) say("This page is marked in another tab too: close one of them, or the last to change wins.", true);
  });
  render();
  if (work.restored) say(RESTORED[work.restored]);
}

begin();
