// The review desk: one finding after the other, by keyboard.

import { $, call, count, el, fail, keys, Latest, svg, toast } from "./lib.js";
import { around, drawn, pictureOf, Stage } from "./stage.js";

const TILES = 48;
const tab = (sessionStorage.tab ??= crypto.randomUUID());
const latest = new Latest();

let about = null;
let card = null; // what is on the desk, as the server told it
let at = 0; // its place, or where to go on
let edits = new Map(); // key of a box -> what it is to be; "p1", "p2": new ones
let busy = false;
let grid = false;
let first = 0; // of the grid
let filter = { state: "open", codes: [], classes: [], splits: [], least: 0 };

const stage = new Stage($("#picture"), {
  chose: choose,
  drew: (box) => add(box),
  changed(key, box, done) {
    edit(key, { box }, !done);
  },
});

// --- cards ---------------------------------------------------------------------------

// One thing at a time: a key pressed while the next card is on its way is not meant for it.
async function alone(work) {
  if (busy) return;
  busy = true;
  try {
    await work();
  } catch (error) {
    if (error.status === 409 && card?.finding !== undefined) {
      toast(`${error.message}; nothing of yours was kept here`, "error");
      show(await call("/api/card", { finding: card.finding, filter }).catch(() => null) ?? card);
    } else fail(error);
  } finally {
    busy = false;
  }
}

const go = (step, from = null) => alone(async () => { await settle(); show(await call("/api/card", { from: from ?? at, step, filter })); });
const open = (finding) => alone(async () => { await settle(); asCard(); show(await call("/api/card", { finding, filter })); });

const said = (verb) => call("/api/decide", {
  finding: card.finding, verb, edits: changes(), seen: card.seen, image_seen: card.image_seen, tab, filter,
});

// Changes of a card that is left without a decision are kept too.
async function settle() {
  if (card && edits.size) show(await said("edit"));
}

const decide = (verb) => {
  if (!card || grid) return;
  return alone(async () => show(await said(verb)));
};

const undo = () => alone(async () => {
  if (card && !grid && edits.size) return reset();
  const back = await call("/api/undo", { tab, filter });
  asCard();
  show(back);
  toast("Taken back");
});

const changes = () => [...edits].map(([key, change]) => (key[0] === "p" ? change : { key, ...change }));

function reset() {
  edits = new Map();
  stage.chosen = null;
  paint(true);
}

function show(next) {
  progress(next.progress);
  edits = new Map();
  stage.chosen = null;
  if (next.card === null || next.card === undefined) {
    card = null;
    delete document.body.dataset.finding;
    return nothing(next.progress);
  }
  card = next;
  at = next.card;
  for (const part of ["#card-view", "#said"]) $(part).hidden = grid;
  $("#empty").hidden = true;
  $("#acts").hidden = grid;
  words();
  paint();
  for (const id of card.ahead) new Image().src = pictureOf(id, 1600);
  document.body.dataset.finding = card.finding;
  document.body.dataset.state = card.state;
}

function nothing(p) {
  for (const part of ["#card-view", "#said", "#acts", "#grid-view"]) $(part).hidden = true;
  const some = p.open + p.accepted + p.dismissed + p.skipped;
  const [title, why] = !about.cards ? ["Nothing was found in this set", "There is no finding about a picture."]
    : !some ? ["No finding passes this filter", "Choose fewer rules, another class or a lower score."]
    : filter.state === "open" ? ["All of it is decided", `${count(p.accepted, "finding")} accepted, ${p.dismissed.toLocaleString("en")} dismissed, ${p.skipped.toLocaleString("en")} skipped.`]
    : [`No finding here is ${filter.state}`, ""];
  $("#empty-told").textContent = title;
  $("#empty-why").textContent = why;
  $("#empty").hidden = false;
  $("#empty-told").focus();
}

function progress(p) {
  const all = p.open + p.accepted + p.dismissed + p.skipped;
  const decided = p.accepted + p.dismissed;
  $("#done").max = Math.max(all, 1);
  $("#done").value = decided;
  const left = p.expected >= 10 ? Math.round(p.expected) : Math.round(p.expected * 10) / 10;
  $("#told").textContent = `${decided.toLocaleString("en")} of ${all.toLocaleString("en")} decided` +
    (p.skipped ? `, ${p.skipped.toLocaleString("en")} skipped` : "") +
    (p.open ? `; about ${left.toLocaleString("en")} errors left` : "");
  $("#filtered").textContent = all === about.cards ? "" : `${all.toLocaleString("en")} of ${about.cards.toLocaleString("en")}`;
}

const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function words() {
  const { image, proposed } = card;
  $("#severity").textContent = card.severity;
  $("#severity").className = `chip ${card.severity}`;
  $("#code").textContent = card.code;
  $("#rule").textContent = card.name;
  $("#message").textContent = card.message;
  const state = { open: "", skipped: "Skipped before.", accepted: "Accepted.", dismissed: "Dismissed." }[card.state];
  $("#question").textContent = [state, upper(proposed ? `${proposed.words}?` : card.asks)].filter(Boolean).join(" ");
  effect();
  const facts = [
    ["Picture", image.name], ["Class", card.class], ["Split", image.split],
    ["How sure", card.score === null ? null : `${Math.round(card.score * 100)} %`],
    ["Size", `${image.width} × ${image.height}`], ["Label", card.place === image.name ? null : card.place],
    ["Boxes", card.boxes.length.toLocaleString("en")],
  ];
  $("#facts").replaceChildren(...facts.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  $("#also-part").hidden = !card.also.length;
  $("#also").replaceChildren(...card.also.map((other) =>
    el("li", {}, el("button", { class: "plain", onclick: () => open(other.finding) },
      el("span", { class: "mono" }, other.code), ` ${other.name}${other.state === "open" ? "" : ` (${other.state})`}`))));
}

function effect() {
  const own = edits.size;
  $("#effect").textContent = own
    ? `Accept keeps your ${count(own, "change")}, and says that the finding is right.`
    : card.edited ? "Accept keeps the changes that were made here."
    : card.proposed ? "Accept does so, in the plan. Change the boxes first where it should be otherwise."
    : "Accept says that it is right. If labels must change, change them first.";
  $("#reset").disabled = !own;
}

const proposedLabel = () => (card.proposed.category === null ? "proposed" : about.classes[card.proposed.category]);

// The boxes as they would be with the changes made here.
function boxes() {
  const made = card.boxes.map((box) => ({ ...box, ...edits.get(box.key), changed: edits.has(box.key) }));
  for (const [key, change] of edits) {
    if (key[0] === "p") made.push({ key, kind: "subject", ignore: false, dropped: false, ...change, changed: true });
  }
  for (const box of made) box.label = (box.category >= 0 ? about.classes[box.category] : "unknown class") + (box.ignore ? " (ignored)" : "") + (box.dropped ? " (deleted)" : "");
  return made;
}

function extra() {
  const made = card.guesses.map((guess) => ({ box: guess.box, classes: "guess", label: `${guess.name} ${guess.score.toFixed(2)}` }));
  if (card.proposed?.box && !edits.size && card.state !== "accepted") made.push({ box: card.proposed.box, classes: "proposed", label: proposedLabel() });
  return made;
}

function paint(again = false) {
  const all = boxes();
  if (again) {
    stage.boxes = all;
    stage.extra = extra();
    stage.draw();
  } else stage.show(card.image, all, extra());
  $("#picture").setAttribute("aria-label", `Picture ${card.image.name} with ${count(all.length, "box", "boxes")}`);
  legend(all);
  close_up(all);
  tools(all);
}

function legend(all) {
  const kinds = [["subject", "what it is about"], ["related", "named with it"], ["proposed", "proposed"], ["guess", "predicted"], ["other", "other labels"]];
  const there = new Set([...all.filter((b) => b.box).map((b) => b.kind), ...extra().map((e) => e.classes)]);
  $("#legend").replaceChildren(...kinds.filter(([kind]) => there.has(kind)).map(([kind, name]) => el("span", {}, el("i", { class: kind }), name)));
  $("#legend").hidden = !there.size;
}

const subject = (all) => all.find((b) => b.kind === "subject" && b.box)?.box ?? card.proposed?.box ?? null;

function close_up(all) {
  const view = $("#crop");
  const box = subject(all);
  const figure = view.closest("figure");
  figure.hidden = !card.twin && !box;
  if (card.twin) {
    view.setAttribute("viewBox", "0 0 4 3");
    view.replaceChildren(svg("image", { width: 4, height: 3, href: pictureOf(card.twin.id, 640) }));
    $("#crop-told").textContent = `The other picture: ${card.twin.name}`;
    view.setAttribute("aria-label", `Picture ${card.twin.name}`);
    return;
  }
  if (!box) return;
  const window = around(box, card.image, 1.9);
  const [x, y] = [Math.max(Math.floor(window[0]), 0), Math.max(Math.floor(window[1]), 0)];
  const [w, h] = [Math.min(Math.ceil(window[0] + window[2]), card.image.width) - x, Math.min(Math.ceil(window[1] + window[3]), card.image.height) - y];
  figure.hidden = w < 1 || h < 1;
  if (figure.hidden) return;
  const unit = window[2] / 336;
  view.setAttribute("viewBox", window.join(" "));
  view.classList.add("quiet");
  const href = pictureOf(card.image.id, 960, [x, y, w, h]);
  const old = $("image", view);
  const photo = old?.getAttribute("href") === href ? old : svg("image", { x, y, width: w, height: h, preserveAspectRatio: "none", href });
  const lines = all.filter((b) => b.box && b.kind !== "other" && !b.dropped).map((b) => drawn(b.box, b.changed ? `${b.kind} changed` : b.kind, "", 12 * unit));
  view.replaceChildren(photo, ...lines, ...extra().map((e) => drawn(e.box, e.classes, "", 12 * unit)));
  view.setAttribute("aria-label", "The box from close by");
  const zoom = card.image.width / window[2];
  $("#crop-told").textContent = zoom > 1.3 ? `${zoom.toFixed(1)} × closer; the box is ${Math.round(box[2] - box[0])} × ${Math.round(box[3] - box[1])} pixels` : "";
}

// --- boxes ---------------------------------------------------------------------------

function tools(all = boxes()) {
  const chosen = all.find((b) => b.key === stage.chosen);
  for (const part of document.querySelectorAll("button.of-box")) part.disabled = !chosen;
  const list = $("#category");
  list.disabled = !chosen || chosen.dropped;
  list.value = chosen && chosen.category >= 0 ? String(chosen.category) : "";
  $('[data-key="x"]').firstChild.textContent = chosen?.dropped ? "Keep " : "Delete ";
  effect();
}

function choose(key) {
  stage.chosen = key;
  stage.draw();
  tools();
}

function edit(key, change, moving = false) {
  edits.set(key, { ...edits.get(key), ...change });
  stage.boxes = boxes();
  stage.extra = extra();
  if (!moving) paint(true);
}

function add(box) {
  const wanted = card.proposed?.category ?? card.boxes.find((b) => b.kind === "subject")?.category ?? 0;
  const key = `p${edits.size + 1}-${Date.now()}`;
  edits.set(key, { box, category: Math.max(wanted, 0) });
  stage.chosen = key;
  paint(true);
}

const chosen = () => boxes().find((b) => b.key === stage.chosen);

function toggle(name) {
  const box = chosen();
  if (!box) return toast("Choose a box first: click it, or press b");
  if (box.key[0] === "p" && name === "dropped") {
    edits.delete(box.key);
    stage.chosen = null;
  } else edits.set(box.key, { ...edits.get(box.key), [name]: !box[name] });
  paint(true);
}

function nextBox() {
  const all = boxes().filter((b) => b.box);
  const rank = { subject: 0, related: 1, other: 2 };
  all.sort((a, b) => rank[a.kind] - rank[b.kind]);
  if (!all.length) return toast("This picture has no boxes; n draws one");
  choose(all[(all.findIndex((b) => b.key === stage.chosen) + 1) % all.length].key);
}

function newBox() {
  const { width, height } = card.image;
  if (stage.drawing) { // a second n: one in the middle, for the keyboard to move
    stage.drawing = false;
    return add([width * 0.4, height * 0.4, width * 0.6, height * 0.6].map(Math.round));
  }
  stage.drawing = true;
  choose(null);
  toast("Draw it with the mouse, or press n again for one in the middle");
}

function arrow(event, dx, dy) {
  const box = chosen();
  if (!box?.box || box.dropped || grid) return false;
  const by = event.ctrlKey || event.metaKey ? 10 : 1;
  const made = event.shiftKey ? stage.reshaped(box.box, "se", dx * by, dy * by) : stage.shifted(box.box, dx * by, dy * by);
  edit(box.key, { box: made });
  return true;
}

// --- grid ----------------------------------------------------------------------------

function asCard() {
  grid = false;
  views();
}

function views() {
  $("#as-card").setAttribute("aria-pressed", String(!grid));
  $("#as-grid").setAttribute("aria-pressed", String(grid));
  $("#grid-view").hidden = !grid;
  for (const part of ["#card-view", "#said", "#acts"]) $(part).hidden = grid || !card;
}

async function tiles() {
  const told = await latest.ask((signal) => call("/api/grid", { filter, start: first, most: TILES }, { signal }));
  if (told === null || !grid) return;
  progress(told.progress);
  if (!told.total) return nothing(told.progress);
  $("#empty").hidden = true;
  $("#tiles").replaceChildren(...told.cards.map((one) => {
    const box = one.box;
    const window = box ? around(box, one.image, 2.6, 4 / 3, 96) : [0, 0, one.image.width, one.image.height];
    const view = svg("svg", { viewBox: window.join(" "), class: "quiet", "aria-hidden": "true" });
    view.append(svg("image", { x: 0, y: 0, width: one.image.width, height: one.image.height, preserveAspectRatio: "none", href: pictureOf(one.image.id, 640) }));
    if (box) view.append(drawn(box, "subject", "", 1));
    return el("li", {}, el("button", { class: "tile", "data-finding": one.finding, onclick: () => open(one.finding) }, view,
      el("span", { class: "kind" }, el("span", { class: "mono small" }, one.code), el("span", { class: `chip ${one.state === "open" ? one.severity : "pass"}` }, one.state === "open" ? one.severity : one.state)),
      el("span", { class: "words" }, one.message)));
  }));
  $("#page").textContent = `${(first + 1).toLocaleString("en")} to ${(first + told.cards.length).toLocaleString("en")} of ${told.total.toLocaleString("en")}`;
  $("#earlier").disabled = first === 0;
  $("#later").disabled = first + TILES >= told.total;
  $("#grid-view").scrollTop = 0;
}

async function toggleGrid() {
  await alone(settle);
  grid = !grid;
  first = 0;
  views();
  if (grid) tiles().catch(fail);
  else go("here");
}

// --- filter, plan --------------------------------------------------------------------

function refilter() {
  first = 0;
  views();
  if (grid) tiles().catch(fail);
  else go("here", 0);
}

function fillFilter() {
  const classes = $("#f-class");
  classes.replaceChildren(el("option", { value: "" }, "all"), ...about.found_classes.map((k) => el("option", { value: k }, about.classes[k])));
  $("#l-class").hidden = about.found_classes.length < 2;
  $("#f-split").replaceChildren(el("option", { value: "*" }, "all"), ...about.splits.map((s) => el("option", { value: s.value }, s.name)));
  $("#l-split").hidden = about.splits.length < 2;
  $("#f-codes").replaceChildren(...about.codes.map((c) => el("li", {}, el("label", { title: c.name },
    el("input", { type: "checkbox", value: c.code }), el("span", {}, el("span", { class: "mono" }, c.code), ` ${c.name}`),
    el("span", { class: "num small" }, c.count.toLocaleString("en"))))));
  $("#filters").addEventListener("change", () => {
    const split = $("#f-split").value;
    filter = {
      state: $("#f-state").value,
      classes: classes.value === "" ? [] : [Number(classes.value)],
      splits: split === "*" ? [] : [split],
      least: Number($("#f-least").value),
      codes: [...document.querySelectorAll("#f-codes input:checked")].map((box) => box.value),
    };
    refilter();
  });
  $("#f-least").addEventListener("input", () => ($("#f-told").value = Number($("#f-least").value).toFixed(2)));
}

const write = () => alone(async () => {
  await settle();
  const told = await call("/api/plan", {});
  const actions = Object.entries(told.actions).map(([name, n]) => `${n.toLocaleString("en")} ${name.replaceAll("_", " ")}`).join(", ");
  $("#plan-told").replaceChildren(...[
    el("p", {}, actions ? `${upper(actions)}.` : "No label changes: nothing was accepted that changes one."),
    told.verdicts ? el("p", { class: "muted" }, `${count(told.verdicts, "verdict")}: ${told.right.toLocaleString("en")} right, ${(told.verdicts - told.right).toLocaleString("en")} false alarms.`) : null,
    ...told.notes.map((note) => el("p", { class: "muted" }, upper(note))),
    el("p", {}, told.commands.length ? "Nothing in the data set has changed. In the terminal:" : "Nothing in the data set has changed."),
    ...told.commands.map((line) => el("pre", {}, line)),
  ].filter(Boolean));
  $("#plan-dialog").showModal();
});

// --- keys ----------------------------------------------------------------------------

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const onCard = (work) => () => { if (card && !grid && $("#empty").hidden) work(); };
const table = {
  a: () => decide("accept"), d: () => decide("dismiss"), s: () => decide("skip"), z: undo, "ctrl+z": undo,
  k: onCard(() => go("kind")), g: toggleGrid, w: write, b: onCard(nextBox), n: onCard(newBox),
  x: onCard(() => toggle("dropped")), Delete: onCard(() => toggle("dropped")), i: onCard(() => toggle("ignore")),
  r: onCard(reset),
  c: onCard(() => (chosen() ? $("#category").focus() : toast("Choose a box first: click it, or press b"))),
  f: onCard(() => { const box = chosen()?.box ?? subject(boxes()); if (box) stage.closer(box); }),
  0: onCard(() => stage.whole()), "+": onCard(() => stage.zoom(1.3)), "=": onCard(() => stage.zoom(1.3)), "-": onCard(() => stage.zoom(1 / 1.3)),
  Escape: onCard(() => { stage.drawing = false; choose(null); }),
  "?": () => $("#keys-dialog").showModal(),
};
for (const [name, [dx, dy]] of Object.entries(ARROWS)) {
  for (const with_ of ["", "shift+", "ctrl+", "ctrl+shift+"]) {
    table[with_ + name] = (event) => {
      if (arrow(event, dx, dy) || with_ || grid) return;
      if (card && dx) go(dx > 0 ? "next" : "previous");
    };
  }
}
keys(table, { when: () => !document.querySelector("dialog[open]") });

for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", (event) => {
    const name = button.dataset.key;
    if (name.startsWith("Arrow")) go(name === "ArrowRight" ? "next" : "previous");
    else table[name](event);
    button.blur(); // so that the next key is one of the desk again
  });
}
$("#category").addEventListener("change", (event) => {
  if (stage.chosen && event.target.value !== "") edit(stage.chosen, { category: Number(event.target.value) });
  event.target.blur();
});
$("#as-card").addEventListener("click", () => grid && toggleGrid());
$("#as-grid").addEventListener("click", () => grid || toggleGrid());
$("#write").addEventListener("click", write);
$("#empty-write").addEventListener("click", write);
$("#empty-all").addEventListener("click", () => {
  filter = { state: "all", codes: [], classes: [], splits: [], least: 0 };
  for (const box of document.querySelectorAll("#f-codes input")) box.checked = false;
  $("#f-state").value = "all"; $("#f-class").value = ""; $("#f-split").value = "*"; $("#f-least").value = 0; $("#f-told").value = "0";
  refilter();
});
$("#help").addEventListener("click", () => $("#keys-dialog").showModal());
$("#earlier").addEventListener("click", () => { first = Math.max(first - TILES, 0); tiles().catch(fail); });
$("#later").addEventListener("click", () => { first += TILES; tiles().catch(fail); });
addEventListener("beforeunload", (event) => { if (edits.size) event.preventDefault(); });
if (innerWidth <= 1180) $("#filters").open = false;

async function start() {
  about = await call("/api/about");
  document.title = `Review · ${about.name} · fastlabel`;
  $("#name").textContent = about.name;
  $("#category").replaceChildren(el("option", { value: "", hidden: true }, "class"), ...about.classes.map((name, k) => el("option", { value: k }, name)));
  fillFilter();
  if (about.first !== null) {
    filter.state = "all";
    $("#f-state").value = "all";
    await open(about.first);
  } else await go("here", 0);
  if (about.moved) toast(`The findings are new; earlier decisions are in ${about.moved}`);
  else if (about.earlier && about.first === null) toast(`Going on after ${count(about.earlier, "decision")}`);
}

start().catch(fail);
