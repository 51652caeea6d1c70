// One picture, large, and the boxes on it: drawn, selected, moved, resized with mouse, pen or finger.

const SVG = "http://www.w3.org/2000/svg";
const STILL = 4; // screen pixels: a shorter drag is a click
const SMALLEST = 0.5; // pixels of the picture: a smaller box is none
const CORNERS = { nw: [0, 0], ne: [1, 0], sw: [0, 1], se: [1, 1] };

class Editor {
  // `on` has commit(boxes, selected), select(at or null), ready(): whether a concept is there to draw with, and
  // pan(right, down) in screen pixels.
  constructor(svg, size, on) {
    Object.assign(this, { svg, size, on, boxes: [], selected: null, gesture: null, fingers: new Map() });
    svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
    svg.addEventListener("pointerdown", (event) => this.press(event));
    svg.addEventListener("pointermove", (event) => this.drag(event));
    svg.addEventListener("pointerup", (event) => this.release(event));
    svg.addEventListener("pointercancel", (event) => {
      this.fingers.delete(event.pointerId);
      this.cancel();
    });
    svg.addEventListener("mousedown", (event) => { // else it selects text, and the next drag would drag that
      event.preventDefault();
      document.activeElement.blur();
    });
  }

  // `colours` is a Map concept -> colour; `concept` what is drawn next.
  show(boxes, selected, colours, concept) {
    if (boxes !== this.boxes) this.gesture = null; // a key while dragging: what is held is not there any more
    Object.assign(this, { boxes, selected, colours, concept });
    this.draw();
  }

  press(event) {
    this.touch(event);
    if (this.fingers.size > 1) this.cancel(); // two fingers pan
    if (event.button !== 0 || !event.isPrimary) return;
    const at = this.place(event);
    const { corner, box } = event.target.dataset;
    const held = box === undefined ? null : Number(box);
    if (corner) {
      const { x, y, w, h } = this.boxes[held];
      const [right, down] = CORNERS[corner];
      this.gesture = { kind: "resize", held, anchor: { x: right ? x : x + w, y: down ? y : y + h } };
    } else if (held !== null) {
      this.gesture = { kind: "move", held };
    } else {
      this.gesture = { kind: "draw", held: null, anchor: at };
    }
    Object.assign(this.gesture, { from: at, screen: [event.clientX, event.clientY], result: null });
    this.svg.setPointerCapture(event.pointerId);
  }

  // Where the fingers are; the first begins anew.
  touch(event) {
    if (event.pointerType !== "touch") return;
    if (event.isPrimary) this.fingers.clear();
    else this.svg.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  // As far as their middle moves.
  pan(event) {
    const [left, top] = this.fingers.get(event.pointerId);
    this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.fingers.size > 1) this.on.pan((event.clientX - left) / this.fingers.size, (event.clientY - top) / this.fingers.size);
  }

  drag(event) {
    if (this.fingers.has(event.pointerId)) this.pan(event);
    if (!this.gesture) return;
    const { kind, held, from, anchor, screen, result } = this.gesture;
    const far = Math.hypot(event.clientX - screen[0], event.clientY - screen[1]) >= STILL;
    if (!far && !result) return;
    const at = this.place(event);
    this.gesture.result = kind === "move"
      ? shifted(this.boxes[held], at.x - from.x, at.y - from.y, this.size)
      : boxBetween(anchor, at, this.size);
    this.draw();
  }

  release(event) {
    this.drag(event);
    this.fingers.delete(event.pointerId);
    if (!this.gesture) return;
    const { kind, held, from, result } = this.gesture;
    this.gesture = null;
    if (!result) {
      this.on.select(held ?? this.smallestAt(from));
    } else if (result.w < SMALLEST || result.h < SMALLEST || (kind === "draw" && !this.on.ready())) {
      this.draw();
    } else if (kind === "draw") {
      this.on.commit([...this.boxes, { concept: this.concept, ...result }], this.boxes.length);
    } else {
      this.on.commit(this.boxes.map((box, at) => (at === held ? { ...box, ...result } : box)), held);
    }
  }

  // Let go of what is being drawn; true if there was something.
  cancel() {
    const active = this.gesture !== null;
    this.gesture = null;
    if (active) this.draw();
    return active;
  }

  // Where on the picture, in its pixels.
  place(event) {
    const { left, top, width } = this.svg.getBoundingClientRect();
    return { x: (event.clientX - left) / width * this.size, y: (event.clientY - top) / width * this.size };
  }

  smallestAt({ x, y }) {
    const holds = (box) => x >= box.x && x <= box.x + box.w && y >= box.y && y <= box.y + box.h;
    const found = this.boxes.map((box, at) => ({ at, area: box.w * box.h })).filter(({ at }) => holds(this.boxes[at]));
    return found.sort((a, b) => a.area - b.area)[0]?.at ?? null;
  }

  draw() {
    const { held, result } = this.gesture ?? {};
    const boxes = this.boxes.map((box, at) => (result && at === held ? { ...box, ...result } : box));
    const pixel = this.size / (this.svg.clientWidth || this.size); // of the screen, in pixels of the picture
    const rim = 24 * pixel; // a box may be begun beside the picture, to reach its edge
    const side = this.size + 2 * rim;
    const parts = [shape("rect", { x: -rim, y: -rim, width: side, height: side, class: "around" })];
    parts.push(...boxes.flatMap((box, at) => this.outline(box, at, at === this.selected || (result && at === held), pixel)));
    if (result && held === null) parts.push(...this.outline({ concept: this.concept, ...result }, null, false, pixel));
    this.svg.replaceChildren(...parts);
  }

  // A white line below the coloured one, so that it shows on any picture; wide unseen ones to hold it by.
  outline(box, at, isSelected, pixel) {
    const { x, y, w: width, h: height } = box;
    const colour = this.colours.get(box.concept) ?? INK;
    const rect = { x, y, width, height, fill: "none" };
    const parts = [
      shape("rect", { ...rect, class: "halo" }),
      shape("rect", { ...rect, class: isSelected ? "line selected" : "line", stroke: colour }),
    ];
    const above = y > 18 * pixel ? y - 6 * pixel : y + height + 15 * pixel;
    const label = shape("text", { x: x - pixel, y: above, fill: colour, class: "label", "font-size": 13 * pixel, "stroke-width": 4 * pixel });
    label.textContent = box.concept;
    parts.push(label);
    if (at === null) return parts;
    parts.push(shape("rect", { ...rect, class: "edge", "data-box": at }));
    if (isSelected) {
      for (const [corner, [right, down]] of Object.entries(CORNERS)) {
        const end = { x1: x + right * width, y1: y + down * height, x2: x + right * width, y2: y + down * height };
        parts.push(shape("line", { ...end, class: "knob-halo" }), shape("line", { ...end, class: "knob", stroke: colour }));
        parts.push(shape("line", { ...end, class: `grip ${corner}`, "data-box": at, "data-corner": corner }));
      }
    }
    return parts;
  }
}

const INK = "#1c1f24";

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// A box moved, but not over the picture's edge.
function shifted(box, right, down, size) {
  const x = hundredth(Math.min(size - box.w, Math.max(0, box.x + right)));
  const y = hundredth(Math.min(size - box.h, Math.max(0, box.y + down)));
  return { x, y, w: box.w, h: box.h };
}
