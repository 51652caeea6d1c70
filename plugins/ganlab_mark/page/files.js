// What pictures are called, and the two files: boxes as COCO, groups as exemplars.

const FILE_NAME = /(?<![0-9a-z])([0-9a-f]{12})[-_]s(\d+)[-_]i(\d{5,})(?:[-_]c(\d+)(?![0-9a-z]))?/gi;
const PICTURE = /^\d+:\d+(?::\d+)?$/;

// "0:12" (seed, index, perhaps a class) -> "3fa9c1d2e4b0-s0-i00012.png"
function pictureFile(checkpoint, key) {
  const [seed, index, label] = key.split(":");
  return `${checkpoint}-s${seed}-i${index.padStart(5, "0")}${label === undefined ? "" : `-c${label}`}.png`;
}

// The other way, whatever a tool put before or after the name; null where it holds none.
function readPictureFile(file) {
  let text = String(file);
  try { text = decodeURIComponent(text); } catch { /* a plain % in a name */ }
  const found = [...text.split(/[\\/]/).pop().matchAll(FILE_NAME)].pop();
  if (!found) return null;
  const [, checkpoint, ...numbers] = found;
  const parts = numbers.filter((part) => part !== undefined).map((part) => part.replace(/^0+(?=\d)/, ""));
  return { checkpoint: checkpoint.toLowerCase(), key: parts.join(":") };
}

// COCO: every picture that was looked at or has boxes, those without boxes too.
function composeBoxes(checkpoint, size, marks) {
  const pictures = [...new Set([...marks.looked, ...marks.boxes.keys()])].sort(byName);
  const images = pictures.map((key, at) => (
    { id: at + 1, file_name: pictureFile(checkpoint, key), width: size, height: size }));
  const annotations = pictures.flatMap((key, at) => (marks.boxes.get(key) ?? []).map((box) => ({
    image_id: at + 1, category_id: marks.concepts.indexOf(box.concept) + 1,
    bbox: [box.x, box.y, box.w, box.h], area: hundredth(box.w * box.h), iscrowd: 0, segmentation: [],
  })));
  return {
    info: { description: "boxes on a GAN's samples; a file name tells checkpoint, seed and index" },
    licenses: [],
    categories: marks.concepts.map((name, at) => ({ id: at + 1, name, supercategory: "" })),
    images,
    annotations: annotations.map((annotation, at) => ({ id: at + 1, ...annotation })),
  };
}

function composeGroups(checkpoint, marks) {
  return { checkpoint, groups: Object.fromEntries(marks.groups) };
}

// What a saved file holds, as marks and notes for a person. Throws an Error with a sentence for a person.
function readFile(text, checkpoint, size) {
  let document;
  try { document = JSON.parse(text); } catch { throw new Error("it is no JSON"); }
  if (Array.isArray(document?.images)) return readBoxes(document, checkpoint, size);
  if (document?.groups && typeof document.groups === "object") return readGroups(document, checkpoint);
  throw new Error("it holds neither boxes (COCO) nor groups (exemplars)");
}

function readBoxes(document, checkpoint, size) {
  const boxes = new Map();
  const images = new Map();
  for (const image of document.images) {
    const name = readPictureFile(image.file_name);
    if (!name) throw new Error(`the file name ${JSON.stringify(image.file_name)} tells no checkpoint, seed and index`);
    checkCheckpoint(name.checkpoint, checkpoint);
    images.set(String(image.id), { key: name.key, scale: size / (Number(image.width) || size) });
  }
  const concepts = new Map((document.categories ?? []).map((each) => [String(each.id), conceptName(each.name)]));
  let turned = 0;
  for (const { image_id, category_id, bbox, attributes } of document.annotations ?? []) {
    const image = images.get(String(image_id));
    const concept = concepts.get(String(category_id));
    if (!image || !concept || !Array.isArray(bbox) || bbox.length !== 4 || !bbox.every((side) => isFinite(side))) {
      throw new Error("one of its annotations is no box on a picture and of a category that it lists");
    }
    const rotation = Number(attributes?.rotation ?? 0);
    if (!isFinite(rotation)) throw new Error("one of its boxes has a rotation that is no number");
    turned += rotation !== 0;
    const [x, y, w, h] = around(bbox.map(Number), rotation).map((side) => side * image.scale);
    const box = boxBetween({ x, y }, { x: x + w, y: y + h }, size);
    if (box.w > 0 && box.h > 0) boxes.set(image.key, [...(boxes.get(image.key) ?? []), { concept, ...box }]);
  }
  const looked = new Set([...images.values()].map((image) => image.key));
  const notes = turned ? [`${turned} of its boxes ${turned === 1 ? "was" : "were"} rotated: upright ones around them were taken.`] : [];
  return { marks: { ...NOTHING, concepts: [...new Set(concepts.values())], boxes, looked }, notes };
}

function readGroups(document, checkpoint) {
  checkCheckpoint(document.checkpoint, checkpoint);
  const groups = new Map();
  for (const [name, pictures] of Object.entries(document.groups)) {
    if (groupName(name) !== name) throw new Error(`${JSON.stringify(name)} is no name of a group`);
    const fine = Array.isArray(pictures) && pictures.every((key) => typeof key === "string" && PICTURE.test(key));
    if (!fine) throw new Error(`the group ${JSON.stringify(name)} is no list of pictures such as "0:12"`);
    groups.set(name, [...new Set(pictures)]);
  }
  return { marks: { ...NOTHING, groups }, notes: [] };
}

// The upright box around one that CVAT gives upright, with an angle in degrees to turn it by about its centre.
function around([x, y, w, h], degrees) {
  if (!degrees) return [x, y, w, h];
  const [along, across] = [Math.cos, Math.sin].map((part) => Math.abs(part(degrees * Math.PI / 180)));
  const [wide, high] = [w * along + h * across, w * across + h * along];
  return [x + (w - wide) / 2, y + (h - high) / 2, wide, high];
}

function checkCheckpoint(found, wanted) {
  if (found !== wanted) throw new Error(`its marks are on the checkpoint ${found}, this page shows ${wanted}`);
}

// As ganlab writes concepts: lower case, blanks between words. Reading the file makes them singular.
function conceptName(text) {
  return String(text ?? "").normalize("NFC").replace(/[\s_-]+/g, " ").trim().toLowerCase();
}

// A group is a word in an expression: letters, digits and underscores. "" where nothing of that is left.
function groupName(text) {
  const word = String(text).normalize("NFC").trim().replace(/[\s-]+/g, "_").replace(/[^\p{L}\p{N}_]/gu, "");
  return word.replace(/^[^\p{L}_]+/u, "");
}

// The box between two opposite corners, inside the picture, to a hundredth of a pixel.
function boxBetween(a, b, size) {
  const [left, right] = [a.x, b.x].map((at) => clip(at, size)).sort((p, q) => p - q);
  const [top, bottom] = [a.y, b.y].map((at) => clip(at, size)).sort((p, q) => p - q);
  return { x: left, y: top, w: hundredth(right - left), h: hundredth(bottom - top) };
}

function clip(at, size) {
  return hundredth(Math.min(size, Math.max(0, at)));
}

function hundredth(number) {
  return Math.round(number * 100) / 100;
}

// By seed, index and class, as numbers.
function byName(a, b) {
  const [left, right] = [a, b].map((key) => key.split(":").map(Number));
  return left[0] - right[0] || left[1] - right[1] || (left[2] ?? -1) - (right[2] ?? -1);
}
