// The list at the side: concepts or groups, with their digits, colours and counts.

const COLOURS = ["#d6204e", "#1667d9", "#08804a", "#b85c00", "#8a2be2", "#00818a", "#c2187e", "#7a5a00", "#52606d"];

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
// gone, the last one that does the same, and where none does, the list's title.
function refill(list, items) {
  const { name, does } = list.contains(document.activeElement) ? document.activeElement.dataset : {};
  list.replaceChildren(...items);
  if (does === undefined) return;
  const alike = [...list.querySelectorAll(`[data-does="${does}"]`)];
  const title = document.getElementById(list.getAttribute("aria-labelledby"));
  (alike.find((button) => button.dataset.name === name) ?? alike.at(-1) ?? title).focus();
}

class NameList {
  // `on` has choose(name), rename(before, after), which returns the name it has then, and remove(name).
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

  // The button of a name that chooses it, or that does something else.
  button(name, does = "choose") {
    return [...this.list.querySelectorAll(`[data-does="${does}"]`)].find((each) => each.dataset.name === name);
  }

  // The item becomes a field: Enter takes the new name, Escape the old one. After a key the focus is back where it was.
  edit(name) {
    const field = element("input", { value: name, maxLength: 60, ariaLabel: `New name of ${name}` });
    let done = false;
    const finish = (after) => {
      if (done) return name;
      done = true;
      return this.on.rename(name, after);
    };
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || !["Enter", "Escape", "Tab"].includes(event.key)) return;
      event.stopPropagation();
      if (event.key !== "Tab") event.preventDefault(); // else Enter would press the button that gets the focus
      this.button(finish(event.key === "Escape" ? name : field.value), "rename")?.focus();
    });
    field.addEventListener("blur", () => finish(field.value));
    this.button(name).parentElement.replaceChildren(field);
    field.focus();
    field.select();
  }
}
