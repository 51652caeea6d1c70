// The marks, as values that are never changed: {concepts: [name], groups: Map name -> [picture],
// boxes: Map picture -> [{concept, x, y, w, h}], looked: Set of pictures looked at for every concept}.
// Every function returns new ones and shares what stayed.

const NOTHING = { concepts: [], groups: new Map(), boxes: new Map(), looked: new Set() };

// Nobody has looked for a new concept yet, so no picture counts as looked at.
function addConcept(marks, name) {
  return { ...marks, concepts: [...marks.concepts, name], looked: new Set() };
}

function lookedAt(marks, key) {
  return marks.looked.has(key) ? marks : { ...marks, looked: new Set([...marks.looked, key]) };
}

function addGroup(marks, name) {
  return { ...marks, groups: new Map([...marks.groups, [name, []]]) };
}

// Rename a concept with all its boxes; where the new name is known already, the two become one.
function renameConcept(marks, before, after) {
  const concepts = [...new Set(marks.concepts.map((name) => (name === before ? after : name)))];
  const change = (box) => (box.concept === before ? { ...box, concept: after } : box);
  return { ...marks, concepts, boxes: mapValues(marks.boxes, (boxes) => boxes.map(change)) };
}

function renameGroup(marks, before, after) {
  const groups = new Map();
  for (const [name, pictures] of marks.groups) {
    const now = name === before ? after : name;
    groups.set(now, [...new Set([...(groups.get(now) ?? []), ...pictures])]);
  }
  return { ...marks, groups };
}

function removeConcept(marks, name) {
  const concepts = marks.concepts.filter((other) => other !== name);
  return { ...marks, concepts, boxes: mapValues(marks.boxes, (boxes) => boxes.filter((box) => box.concept !== name)) };
}

function removeGroup(marks, name) {
  return { ...marks, groups: new Map([...marks.groups].filter(([other]) => other !== name)) };
}

// The boxes of one picture; none left takes the picture out.
function withBoxes(marks, key, boxes) {
  const all = new Map(marks.boxes);
  if (boxes.length) all.set(key, boxes);
  else all.delete(key);
  return { ...marks, boxes: all };
}

// A picture in a group or out of it.
function toggled(marks, name, key) {
  const pictures = marks.groups.get(name);
  const after = pictures.includes(key) ? pictures.filter((other) => other !== key) : [...pictures, key];
  return { ...marks, groups: new Map(marks.groups).set(name, after) };
}

// Both, each once: no box and no member of a group that either holds is lost. What the other adds nothing to stays the same object.
function merged(marks, other) {
  const concepts = union(marks.concepts, other.concepts);
  const groups = other.groups.size ? new Map(marks.groups) : marks.groups;
  for (const [name, pictures] of other.groups) groups.set(name, union(groups.get(name) ?? [], pictures));
  const boxes = other.boxes.size ? new Map(marks.boxes) : marks.boxes;
  for (const [key, added] of other.boxes) {
    const here = boxes.get(key) ?? [];
    boxes.set(key, [...here, ...added.filter((box) => !here.some((known) => sameBox(known, box)))]);
  }
  return { concepts, groups, boxes, looked: lookedForAll(concepts, marks, other) };
}

function union(known, added) {
  const all = new Set([...known, ...added]);
  return all.size === known.length ? known : [...all];
}

// The pictures that were looked at for all concepts: on a side that has all of them, or on both.
function lookedForAll(concepts, marks, other) {
  if (concepts === marks.concepts && !other.looked.size) return marks.looked;
  const complete = [marks, other].filter((side) => concepts.every((name) => side.concepts.includes(name)));
  const counts = (key) => (marks.looked.has(key) && other.looked.has(key)) || complete.some((side) => side.looked.has(key));
  return new Set([...marks.looked, ...other.looked].filter(counts));
}

function sameBox(a, b) {
  const near = (side) => Math.abs(a[side] - b[side]) < 0.02;
  return a.concept === b.concept && ["x", "y", "w", "h"].every(near);
}

// How many boxes each concept has.
function boxCounts(marks) {
  const counts = new Map(marks.concepts.map((name) => [name, 0]));
  for (const boxes of marks.boxes.values()) {
    for (const box of boxes) counts.set(box.concept, counts.get(box.concept) + 1);
  }
  return counts;
}

// As JSON keeps them, and back.
function pack(marks) {
  const boxes = [...marks.boxes].map(([key, all]) => [key, all.map(({ concept, x, y, w, h }) => [concept, x, y, w, h])]);
  return { concepts: marks.concepts, groups: [...marks.groups], boxes, looked: [...marks.looked] };
}

function unpack({ concepts, groups, boxes, looked }) {
  const read = ([concept, x, y, w, h]) => ({ concept, x, y, w, h });
  const held = new Map(boxes.map(([key, all]) => [key, all.map(read)]));
  return { concepts, groups: new Map(groups), boxes: held, looked: new Set(looked) };
}

function mapValues(map, change) {
  return new Map([...map].map(([key, values]) => [key, change(values)]).filter(([, values]) => values.length));
}
