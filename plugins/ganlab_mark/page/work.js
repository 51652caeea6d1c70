// The work in hand: marks with undo and redo, and a copy that the browser keeps.

const DEEPEST = 1000; // steps that can be undone
const PARTS = { boxes: ["concepts", "boxes", "looked"], groups: ["groups"] }; // of the marks, that a file holds

class Work {
  // `content` is the page's; `storage` is localStorage, or null where the browser has none.
  constructor(content, storage) {
    this.storage = storage;
    this.slot = `ganlab mark ${content.checkpoint} ${content.seed}`;
    this.content = content;
    this.kept = true; // whether the browser keeps it
    this.reset();
    this.restored = this.restore();
  }

  reset() {
    const { marks, mode, pictures } = this.content;
    this.marks = unpack(marks);
    if (mode === "boxes") this.marks = lookedAt(this.marks, pictures[0][0]); // shown at once: no work that could be lost
    this.past = [];
    this.future = [];
    this.saved = { ...this.marks };
  }

  // Back to what the page came with; what the browser kept is forgotten.
  startOver() {
    this.reset();
    try { this.storage.removeItem(this.slot); } catch { /* nothing was kept */ }
  }

  // What the browser keeps for every page, under a name of its own; null where it keeps nothing.
  read(name) {
    try { return this.storage.getItem(name); } catch { return null; }
  }

  write(name, text) {
    try { this.storage.setItem(name, text); } catch { /* as long as the page is open */ }
  }

  // A step: new marks, and `where` to look when it is undone. Where it changes what a look is for, undoing it brings back
  // what was looked at before; else what was looked at since stays so.
  change(marks, where) {
    const looks = ["concepts", "looked"].some((part) => marks[part] !== this.marks[part]);
    this.past.push({ marks: this.marks, where, looks });
    if (this.past.length > DEEPEST) this.past.shift();
    this.future = [];
    this.marks = marks;
    this.keep();
  }

  undo() { return this.step(this.past, this.future); }

  redo() { return this.step(this.future, this.past); }

  // Returns where the step was made, or null when there is none.
  step(from, to) {
    const last = from.pop();
    if (!last) return null;
    to.push({ ...last, marks: this.marks });
    this.marks = last.looks ? last.marks : { ...last.marks, looked: this.marks.looked };
    this.keep();
    return last.where;
  }

  look(key) {
    if (this.marks.looked.has(key)) return;
    this.marks = lookedAt(this.marks, key);
    this.keep();
  }

  // Whether the boxes (or the groups) differ from what was saved last.
  unsaved(mode) {
    return PARTS[mode].some((part) => this.marks[part] !== this.saved[part]);
  }

  markSaved(mode) {
    Object.assign(this.saved, only(PARTS[mode], this.marks));
    this.keep();
  }

  keep() {
    const unsaved = Object.keys(PARTS).filter((mode) => this.unsaved(mode));
    try {
      this.storage.setItem(this.slot, JSON.stringify({ ...pack(this.marks), unsaved, start: this.content.start }));
      this.kept = true;
    } catch { // full, forbidden or not there
      this.kept = false;
    }
  }

  // Takes up what an earlier visit left. Returns how: "unsaved", "saved" or, from another page of these pictures, "joined";
  // "" where that changes nothing.
  restore() {
    const before = JSON.stringify(pack(this.marks));
    let how;
    try {
      how = this.takeUp(JSON.parse(this.storage.getItem(this.slot)));
    } catch { // forbidden, nothing there, or it cannot be read
      return "";
    }
    return JSON.stringify(pack(this.marks)) === before ? "" : how;
  }

  takeUp(left) {
    const marks = unpack(left);
    const [unsaved, saved] = [true, false].map((wanted) => (
      Object.keys(PARTS).filter((mode) => left.unsaved.includes(mode) === wanted).flatMap((mode) => PARTS[mode])));
    if (left.start !== this.content.start) { // what was saved there is in a file, and not meant for this page
      this.marks = merged(this.marks, { ...NOTHING, ...only(unsaved, marks) });
      return "joined";
    }
    this.marks = marks;
    Object.assign(this.saved, only(saved, marks));
    return unsaved.length ? "unsaved" : "saved";
  }
}

function only(parts, marks) {
  return Object.fromEntries(parts.map((part) => [part, marks[part]]));
}
