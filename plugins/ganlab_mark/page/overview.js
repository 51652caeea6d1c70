// Many small pictures: the strip below the large one, and the grid to choose from.

class Overview {
  // `pictures` is [[key, PNG in base64]]; `choose(at)` is called with the number of the one that was clicked.
  constructor(holder, pictures, choose) {
    Object.assign(this, { holder, pictures, choose, buttons: null, stop: 0 });
  }

  // Made when it is first shown: thousands of pictures take a moment.
  build() {
    this.buttons = this.pictures.map(([key, png], at) => {
      const image = element("img", { src: dataUri(png), alt: "", draggable: false });
      const button = element("button", { type: "button", className: "tile", data: { key }, tabIndex: -1 },
        image, element("span", { className: "key", textContent: key }), element("span", { className: "tags" }));
      button.setAttribute("aria-label", `picture ${key}`);
      button.addEventListener("click", () => this.choose(at));
      return button;
    });
    this.holder.append(...this.buttons);
  }

  // What each tile says: `told(key, at)` gives {classes, pressed, tags: [[text, colour]], hidden, title, isCurrent}.
  show(told, current) {
    if (!this.buttons) this.build();
    const focused = this.buttons.indexOf(document.activeElement);
    const all = this.pictures.map(([key], at) => told(key, at));
    this.stop = nearest(all, current);
    this.buttons.forEach((button, at) => {
      const { classes = "", pressed, tags = [], hidden = false, title = "", isCurrent = false } = all[at];
      button.className = `tile ${classes}`;
      button.hidden = hidden;
      button.title = title;
      button.tabIndex = at === this.stop ? 0 : -1;
      if (pressed !== undefined) button.setAttribute("aria-pressed", pressed);
      if (isCurrent) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      const wanted = JSON.stringify(tags);
      if (button.dataset.tags === wanted) return;
      button.dataset.tags = wanted;
      button.querySelector(".tags").replaceChildren(
        ...tags.map(([text, background]) => element("i", { textContent: text, style: { background } })));
    });
    if (focused >= 0 && all[focused].hidden) this.focus(this.stop);
  }

  bring(at) {
    this.buttons[at].scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // To the tile, or where it is hidden to the one that Tab comes to.
  focus(at) {
    this.buttons[this.buttons[at].hidden ? this.stop : at].focus();
  }

  hasFocus() {
    return this.holder.contains(document.activeElement);
  }

  // The tile after the one that Tab comes to or before it, or a row below or above, among those shown; rows are as they
  // are laid out.
  beside(by, row) {
    const shown = this.buttons.map((_, number) => number).filter((number) => !this.buttons[number].hidden);
    const here = shown.indexOf(this.stop);
    const top = this.buttons[shown[0]]?.offsetTop;
    const columns = Math.max(1, shown.filter((number) => this.buttons[number].offsetTop === top).length);
    return shown[here + by * (row ? columns : 1)] ?? this.stop;
  }
}

// `at`, or where it is hidden the next one shown, else the last; `at` again where none is.
function nearest(tiles, at) {
  if (!tiles[at].hidden) return at;
  const after = tiles.findIndex((tile, other) => other > at && !tile.hidden);
  if (after >= 0) return after;
  const before = tiles.findLastIndex((tile) => !tile.hidden);
  return before >= 0 ? before : at;
}

function dataUri(png) {
  return `data:image/png;base64,${png}`;
}
