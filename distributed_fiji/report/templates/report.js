"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent), sheet = data.sheet;
const root = document.documentElement, byId = id => document.getElementById(id);
const done = () => { root.dataset.ready = Math.round(performance.now()); };
if (!sheet) return done();

const SIZES = {6: [2, 3], 12: [3, 4], 24: [4, 6], 48: [6, 8], 96: [8, 12], 384: [16, 24], 1536: [32, 48]};
const [ROWS, COLUMNS] = SIZES[sheet.size], CELL = {96: 20, 384: 11, 1536: 6}[sheet.size] || 30;
const LABEL = 22, A_PAGE = sheet.size === 1536 ? 8 : 24;
const MEANING = {x: "given up", i: "input missing", f: "failed, to be tried again", p: "not finished", "-": "not submitted",
  t: "done without a table", n: "done without objects", d: "done", w: "done with warnings"};
const KIND = {x: "failed", f: "failed", i: "missing", p: "missing", "-": "missing", t: "empty", n: "empty"};
const KINDS = {missing: "no result: not submitted, not finished, or input missing", empty: "done, nothing found", failed: "failed or given up"};
const letters = row => (row > 26 ? letters(Math.floor((row - 1) / 26)) : "") + String.fromCharCode(65 + (row - 1) % 26);
const well = at => letters(Math.floor(at / COLUMNS) + 1) + String(at % COLUMNS + 1).padStart(2, "0");
const number = value => Number.isFinite(value) ? String(+value.toPrecision(5)) : "none";
const color = name => getComputedStyle(root).getPropertyValue(name).trim();
const middle = numbers => { const s = [...numbers].sort((a, b) => a - b), h = s.length >> 1; return s.length % 2 ? s[h] : (s[h - 1] + s[h]) / 2; };
const DATA = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const TWO_SIDED = [[33, 102, 172], [146, 197, 222], [247, 247, 247], [244, 165, 130], [178, 24, 43]];

function shade(share, stops) {
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1), low = Math.min(stops.length - 2, Math.floor(at));
  return `rgb(${stops[low].map((one, i) => Math.round(one + (stops[low + 1][i] - one) * (at - low))).join()})`;
}

/** A plate's statuses, a letter for each well, and its measures, a number or NaN for each. */
function opened(plate) {
  if (plate.letters) return plate;
  plate.letters = [...plate.wells.matchAll(/(\d*)(\D)/g)].map(([, count, letter]) => letter.repeat(count || 1)).join("");
  plate.numbers = plate.values.map((values, which) => {
    const {low, high} = sheet.measures[which];
    const list = typeof values === "string"
      ? Array.from(atob(values), byte => byte.charCodeAt(0)).map(byte => byte ? low + (byte - 1) / 254 * (high - low) : NaN)
      : values.map(value => value === null ? NaN : value);
    let next = 0;
    return Array.from(plate.letters, letter => letter === "-" ? NaN : list[next++]);
  });
  return plate;
}

/** Returns what a measure's numbers are in a scale, and the range of colors: [numbers, low, high]. */
function scaled(plate, which, scale) {
  const numbers = plate.numbers[which], {low, high} = sheet.measures[which];
  if (scale === "z") {
    const known = numbers.filter(Number.isFinite);
    if (!known.length) return [numbers, -3, 3];
    const center = middle(known), spread = 1.4826 * middle(known.map(one => Math.abs(one - center)));
    return [numbers.map(one => spread ? (one - center) / spread : NaN), -3, 3];
  }
  if (scale === "log") {
    const logs = numbers.map(one => one > 0 ? Math.log10(one) : NaN);
    const floor = low > 0 ? low : Math.max(high / 1e4, Number.MIN_VALUE);
    return [logs, Math.log10(floor), Math.log10(Math.max(high, floor))];
  }
  return [numbers, low, high];
}

/** Draws what has no number: each kind by its lines, in the color of ink, which no scale has. */
function hatch(pen, kind, x, y, size) {
  const a = x + 1.5, b = y + 1.5, c = x + size - 1.5, d = y + size - 1.5;
  pen.beginPath();
  if (kind === "missing") { pen.moveTo(a, d); pen.lineTo(c, b); }
  else if (kind === "empty") { pen.arc((a + c) / 2, (b + d) / 2, (c - a) / 2.4, 0, 7); }
  else { pen.moveTo(a, d); pen.lineTo(c, b); pen.moveTo(a, b); pen.lineTo(c, d); }
  pen.stroke();
}

const chosen = () => [byId("measure").selectedIndex - 1, byId("scale").value];

function draw(canvas) {
  const plate = opened(canvas.plate), [which, scale] = chosen(), pen = canvas.getContext("2d"), ratio = devicePixelRatio || 1;
  canvas.width = (LABEL + COLUMNS * CELL) * ratio; canvas.height = (14 + ROWS * CELL) * ratio;
  canvas.style.width = `${LABEL + COLUMNS * CELL}px`;
  pen.scale(ratio, ratio);
  const ink = color("--ink"), good = color("--good"), line = color("--line");
  const [numbers, low, high] = which < 0 ? [[], 0, 1] : scaled(plate, which, scale);
  pen.font = "9px system-ui"; pen.fillStyle = color("--dim");
  const every = CELL < 11 ? 8 : CELL < 20 ? 4 : 1;
  for (let row = 0; row < ROWS; row += CELL < 9 ? 4 : CELL < 12 ? 2 : 1) pen.fillText(letters(row + 1), 0, 14 + row * CELL + Math.min(CELL, 12) - 2);
  for (let column = 0; column < COLUMNS; column += every) pen.fillText(String(column + 1), LABEL + column * CELL, 9);
  for (let at = 0; at < plate.letters.length; at++) {
    const x = LABEL + at % COLUMNS * CELL, y = 14 + Math.floor(at / COLUMNS) * CELL, letter = plate.letters[at];
    const value = numbers[at], shown = which >= 0 && Number.isFinite(value);
    pen.strokeStyle = line; pen.lineWidth = .5; pen.strokeRect(x + .5, y + .5, CELL - 1, CELL - 1);
    pen.strokeStyle = ink; pen.lineWidth = 1;
    if (shown) { pen.fillStyle = shade(high > low ? (value - low) / (high - low) : .5, scale === "z" ? TWO_SIDED : DATA); pen.fillRect(x + .5, y + .5, CELL - 1, CELL - 1); }
    else if (which < 0 && !KIND[letter]) { pen.fillStyle = good; pen.fillRect(x + .5, y + .5, CELL - 1, CELL - 1); }
    if (KIND[letter] && !shown) hatch(pen, KIND[letter], x, y, CELL);
    if (letter === "w" && which < 0) { pen.fillStyle = color("--paper"); pen.fillRect(x + CELL * .35, y + CELL * .35, CELL * .3, CELL * .3); }
    if (at === canvas.at) { pen.strokeStyle = ink; pen.lineWidth = 2; pen.strokeRect(x, y, CELL, CELL); }
  }
}

function tell(canvas) {
  const plate = canvas.plate, at = canvas.at, letter = plate.letters[at], cause = plate.causes[at];
  const named = `${plate.name} ${well(at)}`.trim(), quoted = `'${named.replaceAll("'", "'\\''")}'`;
  const told = sheet.measures.map((one, which) => `${one.name} ${number(plate.numbers[which][at])}`);
  const pictures = plate.thumbnails && plate.thumbnails.sets[plate.thumbnails.of[at]] || [];
  byId("details").textContent = [`${named}: ${MEANING[letter]}`, cause ? data.causes[cause - 1] || `cause ${cause}` : "",
    letter === "-" ? "" : told.join(" · "), pictures.length ? `Thumbnails: ${pictures.length}` : "", letter === "-" ? "" : `${data.logs} --well ${quoted}`].filter(Boolean).join("\n");
}

/** Shows a well's thumbnails, and the last lines of its log where it failed. */
function view(canvas) {
  const {plate, at} = canvas, pictures = plate.thumbnails, tail = plate.tails && plate.tails[at], parts = [];
  (pictures && pictures.sets[pictures.of[at]] || []).forEach(([name, range], place) => {
    const figure = document.createElement("figure"), image = new Image(), caption = document.createElement("figcaption");
    const file = pictures.names[name].join(well(at)), [channel, low, high] = pictures.ranges[range];
    image.alt = `Thumbnail of ${file}`;
    image.width = 128;
    caption.textContent = low === undefined ? file : `${file}, channel ${channel}, ${number(low)} to ${number(high)}`;
    image.addEventListener("error", () => { caption.textContent += ": not found. Keep the folder thumbnails beside this file."; });
    image.src = `${pictures.folder}/${well(at)}-${place + 1}.png`;
    figure.append(image, caption); parts.push(figure);
  });
  const text = (kind, words) => { const one = document.createElement(kind); one.textContent = words; parts.push(one); };
  if (tail !== undefined) { text("p", "The last lines of its log:"); text("pre", sheet.tails[tail]); }
  else if ("xfi".includes(plate.letters[at])) text("p", "The page has no lines of its log; the command shows them.");
  else if (!parts.length) text("p", plate.letters[at] === "-" ? "No job." : "No thumbnails. The command shows its log.");
  byId("views").replaceChildren(...parts);
  byId("views").scrollTop = tail === undefined ? 0 : byId("views").scrollHeight;
}

function select(canvas, at) {
  for (const other of document.querySelectorAll("#plates canvas")) if (other !== canvas && other.at !== undefined) { other.at = undefined; draw(other); }
  canvas.at = at; draw(canvas); tell(canvas);
  if (!byId("views").hidden) view(canvas);
}

function block(plate) {
  opened(plate);
  const figure = document.createElement("figure"), caption = document.createElement("figcaption"), canvas = document.createElement("canvas");
  const [which] = chosen(), edge = which >= 0 ? plate.edges[which] : null;
  canvas.plate = plate; canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-roledescription", "plate map");
  canvas.setAttribute("aria-label", `Plate ${plate.name || "without a name"}, ${plate.bad} wells not done. Arrow keys go from well to well.`);
  caption.textContent = `${plate.name || "(no plate)"}: ${plate.bad} not done${edge === null || edge === undefined ? "" : `, edge ${edge > 0 ? "+" : ""}${edge}`}`;
  const found = event => {
    const box = canvas.getBoundingClientRect(), by = (LABEL + COLUMNS * CELL) / box.width;
    const column = Math.floor(((event.clientX - box.left) * by - LABEL) / CELL), row = Math.floor(((event.clientY - box.top) * by - 14) / CELL);
    return row >= 0 && row < ROWS && column >= 0 && column < COLUMNS ? row * COLUMNS + column : -1;
  };
  canvas.addEventListener("click", event => { const at = found(event); if (at >= 0) select(canvas, at); });
  canvas.addEventListener("mousemove", event => {
    const at = found(event);
    canvas.title = at < 0 ? "" : `${well(at)}: ${MEANING[plate.letters[at]]}${which >= 0 ? `, ${number(plate.numbers[which][at])}` : ""}`;
  });
  canvas.addEventListener("keydown", event => {
    const step = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
    if (!step) return;
    event.preventDefault();
    const at = canvas.at === undefined ? 0 : canvas.at, moved = canvas.at !== undefined;
    const row = Math.floor(at / COLUMNS) + (moved ? step[0] : 0), column = at % COLUMNS + (moved ? step[1] : 0);
    if (row >= 0 && row < ROWS && column >= 0 && column < COLUMNS) select(canvas, row * COLUMNS + column);
  });
  canvas.addEventListener("focus", () => { if (canvas.at === undefined) select(canvas, 0); });
  figure.append(caption, canvas);
  return figure;
}

function listed() {
  const [which] = chosen(), part = byId("filter").value.toLowerCase(), order = byId("sort").value;
  const size = plate => Math.abs(which >= 0 && plate.edges[which] || 0);
  const found = sheet.plates.filter(plate => plate.name.toLowerCase().includes(part));
  const names = (a, b) => a.name.localeCompare(b.name, "en", {numeric: true});
  found.sort((a, b) => (order === "bad" ? b.bad - a.bad : order === "edge" ? size(b) - size(a) : 0) || names(a, b));
  return byId("together").checked ? found.sort((a, b) => a.group.localeCompare(b.group, "en", {numeric: true}) || names(a, b)) : found;
}

let first = 0;
function show() {
  const found = listed(), plates = byId("plates");
  first = Math.max(0, Math.min(first, Math.floor((found.length - 1) / A_PAGE) * A_PAGE));
  const page = found.slice(first, first + A_PAGE);
  plates.replaceChildren();
  let row = plates, group;
  for (const plate of page) {
    if (byId("together").checked && plate.group !== group) { group = plate.group; row = document.createElement("div"); row.className = "row"; plates.append(row); }
    const figure = block(plate);
    row.append(figure);
    draw(figure.lastChild);
  }
  byId("which").textContent = found.length ? `${first + 1} to ${first + page.length} of ${found.length}` : "no plate has this name";
  byId("before").disabled = first === 0; byId("next").disabled = first + A_PAGE >= found.length;
  legend();
}

function legend() {
  const [which, scale] = chosen(), parts = [], box = byId("legend");
  byId("scale").disabled = which < 0;
  const item = (text, paint) => {
    const span = document.createElement("span"), canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
    canvas.width = paint.length > 1 ? 120 : 16; canvas.height = 16; canvas.setAttribute("aria-hidden", "true");
    pen.strokeStyle = color("--ink"); paint[0](pen);
    span.append(canvas, text); parts.push(span);
  };
  if (which < 0) {
    item("done", [pen => { pen.fillStyle = color("--good"); pen.fillRect(1, 1, 14, 14); }]);
    item("done with warnings", [pen => { pen.fillStyle = color("--good"); pen.fillRect(1, 1, 14, 14); pen.fillStyle = color("--paper"); pen.fillRect(6, 6, 4, 4); }]);
  } else {
    const {low, high} = sheet.measures[which], stops = scale === "z" ? TWO_SIDED : DATA;
    item(scale === "z" ? "−3 to +3 deviations" : `${number(low)} to ${number(high)}${scale === "log" ? ", logarithmic" : ""}`,
      [pen => { for (let x = 0; x < 120; x++) { pen.fillStyle = shade(x / 119, stops); pen.fillRect(x, 0, 1, 16); } }, 0]);
  }
  for (const [kind, text] of Object.entries(KINDS)) item(text, [pen => hatch(pen, kind, 0, 0, 16)]);
  box.replaceChildren(...parts);
}

byId("views").hidden = !sheet.tails.length && !sheet.plates.some(plate => plate.thumbnails);
const options = ["what became of it", ...sheet.measures.map(one => one.name)].map(name => new Option(name));
byId("measure").append(...options);
for (const id of ["measure", "scale", "sort", "together"]) byId(id).addEventListener("change", () => { first = 0; show(); });
byId("filter").addEventListener("input", () => { first = 0; show(); });
byId("controls").addEventListener("submit", event => event.preventDefault());
byId("before").addEventListener("click", () => { first -= A_PAGE; show(); });
byId("next").addEventListener("click", () => { first += A_PAGE; show(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
show();
done();
})();
