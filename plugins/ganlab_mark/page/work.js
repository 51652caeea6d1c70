// The work in hand: marks with undo and redo, the pictures looked at, and a copy that the browser keeps.

const DEEPEST = 1000; // steps that can be undone

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
    ({ marks: this.marks, looked: this.looked } = unpack(this.content.marks));
    this.past = [];
    this.future = [];
    this.saved = { ...this.marks };
  }

  // Back to what the page came with; what the browser kept is forgotten.
  startOver() {
    this.reset();
    try { this.storage.removeItem(this.slot); } catch { /* nothing was kept */ }
  }

  // A step: new marks, and `where` to look when it is undone.
  change(marks, where) {
    this.past.push({ marks: this.marks, where });
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
    to.push({ marks: this.marks, where: last.where });
    this.marks = last.marks;
    this.keep();
    return last.where;
  }

  look(key) {
    if (this.looked.has(key)) return;
    this.looked.add(key);
    this.keep();
  }

  // Whether the boxes (or the groups) differ from what was saved last.
  unsaved(mode) {
    const parts = mode === "boxes" ? ["boxes", "concepts"] : ["groups"];
    return parts.some((part) => this.marks[part] !== this.saved[part]);
  }

  markSaved(mode) {
    const { concepts, boxes, groups } = this.marks;
    Object.assign(this.saved, mode === "boxes" ? { concepts, boxes } : { groups });
    this.keep();
  }

  keep() {
    const unsaved = ["boxes", "groups"].filter((mode) => this.unsaved(mode));
    try {
      this.storage.setItem(this.slot, JSON.stringify({ ...pack(this.marks, this.looked), unsaved, start: this.content.start }));
      this.kept = true;
    } catch { // full, forbidden or not there
      this.kept = false;
    }
  }

  // What an earlier visit left; true when it goes beyond what the page came with.
  restore() {
    let left;
    try {
      left = JSON.parse(this.storage.getItem(this.slot));
      if (!left) return false;
      const { marks, looked } = unpack(left);
      // another page of these pictures: its marks join those of this one
      const same = left.start === this.content.start;
      this.marks = same ? marks : merged(this.marks, marks);
      this.looked = new Set([...this.looked, ...looked]);
      for (const part of ["boxes", "concepts", "groups"]) {
        const mode = part === "groups" ? "groups" : "boxes";
        if (!left.unsaved.includes(mode)) this.saved[part] = this.marks[part];
      }
      return left.unsaved.length > 0;
    } catch { // forbidden, or what was left cannot be read
      return false;
    }
  }
}
