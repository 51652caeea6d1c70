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
const overview = () => (inBoxes() ? strip : grid);

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
  bring();
  tell(`${what === "undo" ? "undone" : "redone"}: ${whereText()}`);
}

function commit(boxes, selected) {
  ui.selected = selected;
  change(withBoxes(work.marks, here(), boxes));
}

function ready() {
  if (ui.concept !== null) return true;
  say("Name a concept first, in the list of concepts: what the box is around.", true);
  $("new-name").focus();
  return false;
}

function toggle() {
  if (ui.group !== null) {
    change(toggled(work.marks, ui.group, here()));
    return tell(whereText());
  }
  say("Name a group first, in the list of groups.", true);
  $("new-name").focus();
  render();
}

function dropBox(at) {
  if (at === null) return;
  const { concept } = boxesHere()[at];
  commit(boxesHere().filter((_, other) => other !== at), null);
  tell(`${concept} removed, ${boxesText(boxesHere())}`);
}

function changeBox(change) {
  if (ui.selected === null) return say("Click a box first.");
  commit(boxesHere().map((box, at) => (at === ui.selected ? { ...box, ...change(box) } : box)), ui.selected);
  tell(boxText(boxesHere()[ui.selected]));
}

function newBox() {
  if (!ready()) return;
  const [from, to] = [content.size / 4, content.size * 3 / 4];
  commit([...boxesHere(), { concept: ui.concept, ...boxBetween({ x: from, y: from }, { x: to, y: to }, content.size) }], boxesHere().length);
  tell(`new ${boxText(boxesHere().at(-1))}`);
}

function nudge(key, resizes) {
  const [right, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  changeBox((box) => {
    if (!resizes) return shifted(box, right, down, content.size);
    const end = { x: box.x + Math.max(1, box.w + right), y: box.y + Math.max(1, box.h + down) };
    return boxBetween(box, end, content.size);
  });
}

function asName(typed) {
  const name = inBoxes() ? conceptName(typed) : groupName(typed);
  if (!name) say(inBoxes() ? "A concept needs a name." : "A group's name is letters, digits and underscores, a letter first.", true);
  return name;
}

// Returns the name under which it is listed; "" where it can be none.
function add(typed) {
  const name = asName(typed);
  if (!name) return "";
  const before = work.marks;
  if (!nameList().includes(name)) change(inBoxes() ? addConcept(before, name) : addGroup(before, name));
  choose(name);
  say([name === typed.trim() ? "" : `It is called ${name}.`, lookedLess(before)].filter(Boolean).join(" "));
  return name;
}

// Returns the name that it has in the end.
function rename(before, typed) {
  const after = asName(typed) || before;
  if (after === before) {
    render();
    return before;
  }
  if (ui.concept === before) ui.concept = after;
  if (ui.group === before) ui.group = after;
  change((inBoxes() ? renameConcept : renameGroup)(work.marks, before, after));
  return after;
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
  if (!inBoxes() || strip.hasFocus()) overview().focus(at); // which reads the picture out
  else tell(whereText());
  bring();
}

// What is shown into sight, where the page scrolls too.
function bring() {
  overview().bring(ui.at);
  if (inBoxes()) $("stage").scrollIntoView({ block: "nearest" });
}

function switchTo(mode) {
  Object.assign(ui, { mode, selected: null });
  say("");
  render();
  bring();
  tell(`${mode}: ${whereText()}`);
}

function zoom(step) {
  const factor = inBoxes() ? boxFactor() : ui.zoom.groups;
  const next = step > 0 ? (factor < 1 ? factor * 2 : Math.floor(factor) + 1) : (factor > 1 ? Math.ceil(factor) - 1 : factor / 2);
  ui.zoom[ui.mode] = step === 0 ? (inBoxes() ? 0 : content.scale) : Math.min(64, Math.max(1 / 8, next));
  render();
  tell(`enlarged ${factorText(inBoxes() ? boxFactor() : ui.zoom.groups)}`);
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
  if (document.activeElement?.closest(inBoxes() ? "#groups-view" : "#boxes-view")) overview().focus(ui.at); // gone with its view
}

function renderHeader() {
  for (const mode of ["boxes", "groups"]) {
    $(`to-${mode}`).setAttribute("aria-pressed", ui.mode === mode);
    caption($(`to-${mode}`), mode === "boxes" ? "Boxes" : "Groups", work.unsaved(mode));
  }
  // not `disabled`, which would drop the focus with the last step
  $("undo").setAttribute("aria-disabled", !work.past.length);
  $("redo").setAttribute("aria-disabled", !work.future.length);
  caption($("save"), `Save ${ui.mode}`, work.unsaved(ui.mode));
  $("hint").textContent = inBoxes()
    ? `Choose a concept, drag a box around each one that you see, and go on${shortcuts.on ? " with n" : ""}. Look at every picture, then save.`
    : "Choose a group, then click the pictures that belong to it; a second click takes one out. Save when they are chosen.";
}

function caption(button, text, isUnsaved) {
  button.replaceChildren(text, ...(isUnsaved ? [element("span", { className: "unseen", textContent: ", not saved" })] : []));
  button.classList.toggle("unsaved", isUnsaved);
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
    : count(keys.length, "picture");
  const open = ["boxes", "groups"].filter((mode) => work.unsaved(mode));
  $("unsaved").textContent = open.length ? `not saved: ${open.join(", ")}` : "";
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
  $("stage").tabIndex = scrolls() ? 0 : -1;
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
    return { classes, title, tags: boxes ? [[boxes, INK]] : [], isCurrent: at === ui.at };
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

// Whether the large picture is larger than the room for it.
function scrolls() {
  const { scrollWidth, clientWidth, scrollHeight, clientHeight } = $("stage");
  return scrollWidth > clientWidth || scrollHeight > clientHeight;
}

// How much the large picture is enlarged: by whole factors, unless it is larger than the room for it.
function boxFactor() {
  const room = Math.min($("stage").clientWidth, $("stage").clientHeight) - 8;
  const fits = room / content.size;
  return ui.zoom.boxes || (fits >= 1 ? Math.floor(fits) : Math.max(1 / 8, fits));
}
