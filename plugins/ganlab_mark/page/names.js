// The list at the side: concepts or groups, with their digits, colours and counts.

const COLOURS = ["#d6204e", "#1667d9", "#0a8a4a", "#b85c00", "#8a2be2", "#00818a", "#c2187e", "#7a5a00", "#52606d"];

function colourOf(at) {
  return COLOURS[at % COLOURS.length];
}

// An element with properties and children; `data` and `style` are objects of their own.
function element(tag, { data = {}, style = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.assign(made.dataset, data);
  Object.assign(made.style, style);
  made.append(...children);
  return made;
}

// Other items for a list. The button that had the focus keeps it, known by its name and by what it does; where it is
// gone, the last one that does the same.
function refill(list, items) {
  const { name, does } = list.contains(document.activeElement) ? document.activeElement.dataset : {};
  list.replaceChildren(...items);
  if (does === undefined) return;
  const alike = [...list.querySelectorAll(`[data-does="${does}"]`)];
  (alike.find((button) => button.dataset.name === name) ?? alike.at(-1))?.focus();
}

class NameList {
  // `on` has choose(name), rename(before, after) and remove(name).
  constructor(list, on) {
    this.list = list;
    this.on = on;
  }

  // `entries` is [[name, count]]; `chosen` one of the names; `kind` "concept" or "group".
  show(entries, chosen, kind) {
    refill(this.list, entries.map(([name, count], at) => this.item(name, count, at, name === chosen, kind)));
  }

  item(name, count, at, isChosen, kind) {
    const choose = element("button", { type: "button", className: "choose", data: { name, does: "choose" } },
      element("kbd", { textContent: at + 1, style: { background: colourOf(at) } }),
      element("span", { className: "name", textContent: name, title: name }),
      element("span", { className: "count", textContent: count }));
    choose.setAttribute("aria-pressed", isChosen);
    choose.addEventListener("click", () => this.on.choose(name));
    const small = (does, sign, label, act) => {
      const button = element("button", { type: "button", className: "small", textContent: sign, title: label, data: { name, does } });
      button.setAttribute("aria-label", `${label} ${name}`);
      button.addEventListener("click", act);
      return button;
    };
    const acts = element("span", { className: "acts" },
      small("rename", "\u270E", `Rename this ${kind}`, () => this.edit(name)),
      small("remove", "\u00D7", `Remove this ${kind}`, () => this.on.remove(name)));
    return element("li", { className: isChosen ? "chosen" : "" }, choose, acts);
  }

  // The item becomes a field: Enter takes the new name, Escape the old one.
  edit(name) {
    const button = [...this.list.querySelectorAll(".choose")].find((each) => each.dataset.name === name);
    const field = element("input", { value: name, maxLength: 60, ariaLabel: `New name of ${name}` });
    let done = false;
    const finish = (after) => {
      if (done) return;
      done = true;
      this.on.rename(name, after);
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") finish(field.value);
      if (event.key === "Escape") finish(name);
    });
    field.addEventListener("blur", () => finish(field.value));
    button.parentElement.replaceChildren(field);
    field.focus();
    field.select();
  }
}
