// Marks saved to a file, and files added to the marks.

function save() {
  if (!inBoxes() && !work.marks.groups.size) return say("There is no group to save yet.", true);
  const holds = inBoxes()
    ? composeBoxes(content.checkpoint, content.size, work.marks)
    : composeGroups(content.checkpoint, work.marks);
  const file = fileName(ui.mode);
  const link = element("a", { href: URL.createObjectURL(new Blob([`${JSON.stringify(holds, null, 1)}\n`], { type: "application/json" })), download: file });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  work.markSaved(ui.mode);
  render();
  say(inBoxes()
    ? `${file} is in the browser's downloads: ${count(holds.annotations.length, "box", "boxes")} on ${count(holds.images.length, "picture")}${unlooked()}.`
    : `${file} is in the browser's downloads: ${count(work.marks.groups.size, "group")}.`);
}

// A file of boxes says of each picture on it that the concepts without a box are not there.
function unlooked() {
  const some = [...work.marks.boxes.keys()].filter((key) => !work.marks.looked.has(key)).length;
  return some ? `, ${some} of them not yet looked at for every concept` : " looked at";
}

function fileName(mode) {
  return `${content.gan.replace(/[^\w.+-]+/g, "-")}-${mode === "boxes" ? "boxes" : "exemplars"}.json`;
}

async function addFiles(files) {
  for (const file of files) {
    try {
      const { marks, notes } = readFile(await file.text(), content.checkpoint, content.size);
      const before = work.marks;
      ui.mode = marks.groups.size ? "groups" : "boxes";
      change(merged(before, marks));
      const held = marks.groups.size
        ? count(marks.groups.size, "group")
        : `${count([...marks.boxes.values()].flat().length, "box", "boxes")} on ${count(marks.looked.size, "picture")}`;
      say([`Added ${file.name}: ${held}.`, ...notes, "Ctrl+Z takes it back.", lookedLess(before)].join(" ").trim());
    } catch (error) {
      say(`${file.name} was not added: ${error.message}.`, true);
    }
  }
}
