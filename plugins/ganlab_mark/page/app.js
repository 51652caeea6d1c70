// The page: what is shown, what buttons and keys do.

const content = JSON.parse(document.getElementById("content").textContent);
const keys = content.pictures.map(([key]) => key);
const work = new Work(content, browserStorage());
// `zoom` is screen pixels for a pixel of the picture; 0: as large as there is room
const ui = { mode: content.mode, at: 0, concept: null, group: null, selected: null, only: false, zoom: { boxes: 0, groups: content.scale } };

const $ = (id) => document.getElementById(id);
const names = new NameList($("names"), { choose, rename, remove });
const editor = new Editor($("boxes"), content.size, { commit, select, ready, pan });
const strip = new Overview($("strip"), content.pictures, go);
const grid = new Overview($("grid"), content.pictures, (at) => { ui.at = at; toggle(); });

const inBoxes = () => ui.mode === "boxes";
const here = () => keys[ui.at];
const boxesHere = () => work.marks.boxes.get(here()) ?? [];
const nameList = () => (inBoxes() ? work.marks.concepts : [...work.marks.groups.keys()]);
const members = () => work.marks.groups.get(ui.group) ?? [];

function browserStorage() {
  try { return window.localStorage; } catch { return null; }
}

// --- what is done to the marks

function change(marks) {
  work.change(marks, { mode: ui.mode, at: ui.at });
  render();
}

function travel(where, what) {
  if (!where) return say(`There is nothing to ${what}.`);
  Object.assign(ui, where, { selected: null });
  say("");
  render();
  (inBoxes() ? strip : grid).bring(ui.at);
}

function commit(boxes, selected) {
  ui.selected = selected;
  change(withBoxes(work.marks, here(), boxes));
}

function ready() {
  if (ui.concept !== null) return true;
  say("Name a concept first, at the left: what the box is around.", true);
  $("new-name").focus();
  return false;
}

function toggle() {
  if (ui.group !== null) return change(toggled(work.marks, ui.group, here()));
  say("Name a group first, at the left.", true);
  $("new-name").focus();
  render();
}

function dropBox(at) {
  if (at === null) return;
  commit(boxesHere().filter((_, other) => other !== at), null);
}

function changeBox(change) {
  if (ui.selected === null) return say("Click a box first.");
  commit(boxesHere().map((box, at) => (at === ui.selected ? { ...box, ...change(box) } : box)), ui.selected);
}

function newBox() {
  if (!ready()) return;
  const [from, to] = [content.size / 4, content.size * 3 / 4];
  commit([...boxesHere(), { concept: ui.concept, ...boxBetween({ x: from, y: from }, { x: to, y: to }, content.size) }], boxesHere().length);
}

function nudge(key, resizes) {
  const [right, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  changeBox((box) => {
    if (!resizes) return shifted(box, right, down, content.size);
    const end = { x: box.x + Math.max(1, box.w + right), y: box.y + Math.max(1, box.h + down) };
    return boxBetween(box, end, content.size);
  });
}

function add(typed) {
  const name = inBoxes() ? conceptName(typed) : groupName(typed);
  if (!name) return say(inBoxes() ? "A concept needs a name." : "A group's name is letters, digits and underscores, a letter first.", true);
  const before = work.marks;
  if (!nameList().includes(name)) change(inBoxes() ? addConcept(before, name) : addGroup(before, name));
  choose(name);
  say([name === typed.trim() ? "" : `It is called ${name}.`, lookedLess(before)].filter(Boolean).join(" "));
}

function rename(before, typed) {
  const after = inBoxes() ? conceptName(typed) : groupName(typed);
  if (!after || after === before) return render();
  if (ui.concept === before) ui.concept = after;
  if (ui.group === before) ui.group = after;
  change((inBoxes() ? renameConcept : renameGroup)(work.marks, before, after));
}

function remove(name) {
  change((inBoxes() ? removeConcept : removeGroup)(work.marks, name));
  say(`${name} was removed, with all its ${inBoxes() ? "boxes" : "pictures"}; Ctrl+Z brings it back.`);
}

// A warning where fewer pictures count as looked at than before, but for the one shown.
function lookedLess(before) {
  const lost = [...before.looked].some((key) => key !== here() && !work.marks.looked.has(key));
  return lost ? "Go through the pictures again: a picture counts as looked at once it was for every concept." : "";
}

// --- where one is

function choose(name) {
  ui[inBoxes() ? "concept" : "group"] = name;
  render();
}

function select(at) {
  ui.selected = at;
  render();
}

function pan(right, down) {
  $("stage").scrollBy(-right, -down);
}

function go(at) {
  if (at < 0 || at >= keys.length) return say(at < 0 ? "This is the first picture." : "This is the last picture.");
  Object.assign(ui, { at, selected: null });
  say("");
  render();
  (inBoxes() ? strip : grid).bring(at);
  if (!inBoxes()) grid.focus(at);
}

function switchTo(mode) {
  Object.assign(ui, { mode, selected: null });
  say("");
  render();
  (inBoxes() ? strip : grid).bring(ui.at);
}

function zoom(step) {
  const factor = inBoxes() ? boxFactor() : ui.zoom.groups;
  const next = step > 0 ? (factor < 1 ? factor * 2 : Math.floor(factor) + 1) : (factor > 1 ? Math.ceil(factor) - 1 : factor / 2);
  ui.zoom[ui.mode] = step === 0 ? (inBoxes() ? 0 : content.scale) : Math.min(64, Math.max(1 / 8, next));
  render();
}

// --- what is seen

function render() {
  const { marks } = work;
  if (!marks.concepts.includes(ui.concept)) ui.concept = marks.concepts[0] ?? null;
  if (!marks.groups.has(ui.group)) ui.group = marks.groups.keys().next().value ?? null;
  document.body.dataset.mode = ui.mode;
  if (inBoxes()) work.look(here());
  renderHeader();
  renderSide();
  if (inBoxes()) renderPicture();
  else renderGrid();
}

function renderHeader() {
  for (const mode of ["boxes", "groups"]) {
    $(`to-${mode}`).setAttribute("aria-pressed", ui.mode === mode);
    $(`to-${mode}`).classList.toggle("unsaved", work.unsaved(mode));
  }
  $("undo").disabled = !work.past.length;
  $("redo").disabled = !work.future.length;
  $("save").textContent = inBoxes() ? "Save boxes" : "Save groups";
  $("save").classList.toggle("unsaved", work.unsaved(ui.mode));
  $("hint").textContent = inBoxes()
    ? "Choose a concept, drag a box around each one that you see, and go on with n. Look at every picture, then save."
    : "Choose a group, then click the pictures that belong to it; a second click takes one out. Save when they are chosen.";
}

function renderSide() {
  const counts = inBoxes() ? boxCounts(work.marks) : new Map([...work.marks.groups].map(([name, all]) => [name, all.length]));
  $("names-title").textContent = inBoxes() ? "Concepts" : "Groups";
  $("new-name").placeholder = inBoxes() ? "window" : "smiling_woman";
  $("new-name").setAttribute("aria-label", inBoxes() ? "New concept" : "New group");
  names.show([...counts], inBoxes() ? ui.concept : ui.group, inBoxes() ? "concept" : "group");
  $("details-title").textContent = inBoxes() ? "On this picture" : ui.group === null ? "" : `In ${ui.group}`;
  refill($("details"), inBoxes() ? boxesHere().map(boxItem) : members().map(memberItem));
  const looked = keys.filter((key) => work.marks.looked.has(key)).length;
  $("counts").textContent = inBoxes()
    ? `looked at ${looked} of ${keys.length} pictures, ${work.marks.boxes.size} with boxes`
    : `${keys.length} pictures`;
}

function boxItem(box, at) {
  const said = `${box.concept} ${round(box.w)}\u00D7${round(box.h)}`;
  const place = element("span", { textContent: `${round(box.x)}, ${round(box.y)}`, title: "left and top, in pixels" });
  const swatch = element("i", { className: "swatch", style: { background: colourOf(work.marks.concepts.indexOf(box.concept)) } });
  const isChosen = at === ui.selected;
  const button = element("button", { type: "button", className: isChosen ? "choose chosen" : "choose", data: { name: at, does: "choose" } }, swatch, said, place);
  button.setAttribute("aria-pressed", isChosen);
  button.addEventListener("click", () => select(at));
  const cross = element("button", { type: "button", className: "small", textContent: "\u00D7", title: "Remove this box (Delete)", ariaLabel: `Remove ${said}`, data: { name: at, does: "remove" } });
  cross.addEventListener("click", () => dropBox(at));
  return element("li", {}, button, cross);
}

function memberItem(key) {
  const at = keys.indexOf(key);
  const button = element("button", { type: "button", className: "member", title: `${key}: show it`, ariaLabel: `Show ${key}`, data: { name: key, does: "show" } },
    ...(at < 0 ? [key] : [element("img", { src: dataUri(content.pictures[at][1]), alt: "" })]));
  button.addEventListener("click", () => { if (at >= 0) go(at); });
  return element("li", { className: "thumb" }, button);
}

function renderPicture() {
  const [key, png] = content.pictures[ui.at];
  showStrip(); // first: what it takes is no room for the picture
  const side = content.size * boxFactor();
  const [left, top] = [$("stage").clientWidth, $("stage").clientHeight].map((room) => Math.max(0, Math.floor((room - side) / 2)));
  Object.assign($("picture").style, { width: `${side}px`, height: `${side}px`, margin: `${top}px ${left}px` }); // on whole pixels
  if ($("large").dataset.key !== key) Object.assign($("large"), { src: dataUri(png), alt: `picture ${key}` }).dataset.key = key;
  $("place-name").textContent = key;
  $("place").textContent = `picture ${ui.at + 1} of ${keys.length}`;
  $("zoom").textContent = factorText(boxFactor());
  const colours = new Map(work.marks.concepts.map((name, at) => [name, colourOf(at)]));
  editor.show(boxesHere(), ui.selected, colours, ui.concept);
}

function showStrip() {
  strip.show((shown, at) => {
    const boxes = (work.marks.boxes.get(shown) ?? []).length;
    const classes = `${at === ui.at ? "current" : ""} ${work.marks.looked.has(shown) ? "looked" : ""}`;
    const title = `${shown}: ${boxes ? count(boxes, "box", "boxes") : work.marks.looked.has(shown) ? "looked at, no boxes" : "not looked at yet"}`;
    return { classes, title, tags: boxes ? [[boxes, INK]] : [] };
  }, ui.at);
}

function renderGrid() {
  const groups = [...work.marks.groups].map(([name, all], at) => (
    { name, all: new Set(all), tag: [at + 1, colourOf(at)] }));
  const active = groups.find(({ name }) => name === ui.group);
  $("grid").style.setProperty("--side", `${content.size * ui.zoom.groups}px`);
  $("grid").style.setProperty("--active", active?.tag[1] ?? INK);
  $("zoom").textContent = factorText(ui.zoom.groups);
  $("only").checked = ui.only;
  grid.show((key) => {
    const inside = active?.all.has(key) ?? false;
    const holding = groups.filter(({ all }) => all.has(key));
    const hidden = ui.only && active !== undefined && !inside;
    const title = [key, ...holding.map(({ name }) => name)].join(" ");
    return { classes: inside ? "inside" : "", pressed: inside, hidden, tags: holding.map(({ tag }) => tag), title };
  }, ui.at);
}

// How much the large picture is enlarged: by whole factors, unless it is larger than the room for it.
function boxFactor() {
  const room = Math.min($("stage").clientWidth, $("stage").clientHeight) - 8;
  const fits = room / content.size;
  return ui.zoom.boxes || (fits >= 1 ? Math.floor(fits) : Math.max(1 / 8, fits));
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

function say(text, isWarning = false) {
  $("status").textContent = text;
  $("status").classList.toggle("warning", isWarning);
}
