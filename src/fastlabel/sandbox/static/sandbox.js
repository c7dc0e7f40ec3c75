// The sandbox: a stack of effects on the left, what they make of a picture in the middle.
import { $, call, count, el, fail, keys, Refused, toast } from "./lib.js";
import { Bank, Writer } from "./bank.js";
import { paint, Stage, unpacked } from "./picture.js";
import { Cards, Stack } from "./stack.js";
import { judge, tally } from "./verdict.js";

const set = await call("/api/set");
const stack = new Stack(set.palette, changed);
const cards = new Cards($("#stack"), stack);
const stage = new Stage(set.classes);
let image = set.strip[0] ?? null;
let model = false;

// ---- asking for pictures --------------------------------------------------------

async function picture(body, signal) {
  let answer;
  try {
    answer = await fetch("/api/preview", {
      method: "POST", credentials: "same-origin", cache: "no-store", signal,
      headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "gone", "The server does not answer. Start it again in the terminal.");
  }
  if (!answer.ok) {
    const told = (await answer.json().catch(() => null))?.error;
    throw new Refused(answer.status, told?.code ?? "fault", told?.message ?? `The server failed (${answer.status}); see the terminal.`);
  }
  return unpacked(await answer.arrayBuffer());
}

// One question is on its way at a time, and the next one is about what is wanted by then: answers
// come in their order, and a hand that moves faster than the pictures skips some.
class Follower {
  #wanted = 0;
  #since = 0;
  #busy = false;
  #stop = null;

  #last = "";

  constructor(question, take) {
    this.question = question;
    this.take = take;
  }

  // `drop`: what is on its way is of another picture, and not wanted any more.
  ask({ drop = false } = {}) {
    const written = JSON.stringify(this.question(0));
    if (written === this.#last) return; // a slider that is let go asks what its last move asked
    this.#last = written;
    this.#wanted += 1;
    this.#since = performance.now();
    if (drop) this.#stop?.abort();
    if (!this.#busy) this.#run();
  }

  get idle() {
    return !this.#busy;
  }

  async #run() {
    this.#busy = true;
    let done = 0;
    while (done !== this.#wanted) {
      done = this.#wanted;
      const since = this.#since;
      this.#stop = new AbortController();
      try {
        const question = this.question(done);
        if (!question) continue;
        const answer = await picture(question, this.#stop.signal);
        if (answer.head.number !== done) continue;
        this.take(answer, done, since);
      } catch (error) {
        if (error.name === "AbortError" || done !== this.#wanted) continue;
        this.#last = "";
        this.take(null, done, since, error);
      }
    }
    this.#busy = false;
  }
}

const view = () => (model ? "model" : stage.wantsMore ? "full" : "fit");
const about = (stages) => (number) => image && {
  image: image.id, stages: stages(), seed: stack.seed, view: shownView, deploy: $("#deploy").value, number,
};
let shownView = "fit";
const after = new Follower(about(() => stack.recipe), (answer, number, since, error) => {
  if (error) return refused(error);
  $("#notice").hidden = true;
  stage.show("after", answer);
  cards.tell(answer.head.steps);
  say(answer.head);
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    // After the frame: that is when it is on the screen.
    channel.port1.onmessage = () => dispatchEvent(new CustomEvent("painted", { detail: { number, since, now: performance.now() } }));
    channel.port2.postMessage(null);
  });
});
const before = new Follower(about(() => []), (answer, number, since, error) => {
  if (!error) stage.show("before", answer);
});

function refused(error) {
  if (error.code === "unreadable") {
    const notice = $("#notice");
    notice.textContent = error.message;
    notice.hidden = false;
    for (const side of ["before", "after"]) paint($(`#${side}`), { head: { width: 1, height: 1 }, pixels: new Uint8ClampedArray(4) });
    $("#said").textContent = "";
  } else fail(error);
}

function say(head) {
  const boxes = head.boxes.length ? count(head.boxes.length, "box", "boxes") : "no boxes";
  const ignored = head.ignore.length ? `, ${count(head.ignore.length, "region")} to ignore` : "";
  const [wide, high] = head.full;
  const size = {
    fit: wide > head.from ? `Preview ${head.width} × ${head.height} of a picture of ${wide} × ${high}` : `All ${head.width} × ${head.height} pixels`,
    full: `All ${head.width} × ${head.height} pixels`,
    model: `The input of ${$("#deploy").value}, ${head.width} × ${head.height}`,
  }[head.view];
  const pixels = head.view === "fit" && wide > head.from && stack.running.some((one) => cards.inPixels(one)) ? " · lengths in px count the preview's: 1:1 shows the picture as it is written" : "";
  const text = `${size} · ${boxes}${ignored}${pixels}`;
  if ($("#said").textContent !== text) $("#said").textContent = text;
}

let settling = 0;
let slow = 0;

function refresh({ fresh = false } = {}) {
  clearTimeout(slow);
  slow = setTimeout(() => { if (!after.idle) $("#said").textContent = stack.recipe.some((one) => one.op === "paste") ? "Measuring the objects of the set…" : "Working…"; }, 700);
  shownView = view();
  after.ask({ drop: fresh });
  if (fresh) before.ask({ drop: true });
}

stage.onzoom = () => {
  $("#zoom").textContent = `${Math.round(100 * stage.scale * devicePixelRatio)} %`;
  clearTimeout(settling);
  settling = setTimeout(() => { if (view() !== shownView) refresh({ fresh: true }); }, 160);
};

function choose(next) {
  image = next;
  stage.zoom = 1;
  $("#name").textContent = next.row === undefined ? next.name : `${next.name} · ${(next.row + 1).toLocaleString("en")} of ${set.images.toLocaleString("en")}`;
  $("#name").title = next.name;
  for (const one of $("#strip").children) one.setAttribute("aria-pressed", String(one.dataset.id === next.id));
  refresh({ fresh: true });
  later();
}

async function step(by) {
  const row = image?.row ?? (by > 0 ? -1 : set.images);
  const next = row + by;
  if (next < 0 || next >= set.images) return;
  choose(await call(`/api/image/${next}`));
}

// ---- what follows a settled stack -----------------------------------------------

let waiting = 0;
let stripped = null;

function changed({ cards: drawn }) {
  if (drawn) cards.draw();
  $("#empty").hidden = stack.stages.length > 0;
  $("#undo").disabled = !stack.canUndo;
  $("#redo").disabled = !stack.canRedo;
  if (Number($("#seed").value) !== stack.seed) $("#seed").value = stack.seed;
  refresh();
  stripped?.abort(); // the picture in the middle goes first
  later();
}

function later() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const question = asked();
    exported().catch(fail);
    bank.load().catch(fail);
    if (image) judge(question).catch(fail);
    strip().then(() => tally(question)).catch(fail);
  }, 300);
}

let texts = { toml: "", python: "", command: "" };
let shownText = "toml";

async function exported() {
  texts = await call("/api/export", { stages: stack.recipe, seed: stack.seed });
  $("#code").textContent = texts[shownText] || "# nothing in the stack: pictures stay as they are\n";
}

async function strip() {
  stripped?.abort();
  const stop = (stripped = new AbortController());
  for (const one of [...$("#strip").children]) {
    if (stop.signal.aborted) return;
    try {
      const answer = await picture({ image: one.dataset.id, stages: stack.recipe, seed: stack.seed, view: "fit", side: 240 }, stop.signal);
      paint($("canvas", one), answer);
      one.classList.remove("broken");
    } catch (error) {
      if (error.name === "AbortError") return;
      one.classList.add("broken");
      one.title = error.message;
    }
  }
}

// ---- the page --------------------------------------------------------------------

$("#set").textContent = `${set.name} · ${count(set.images, "picture")} · ${count(set.boxes, "box", "boxes")}`;
document.title = `${set.name} · fastlabel sandbox`;
$("#deploy").append(...set.profiles.map((p) => el("option", { value: p.name, selected: p.name === set.deploy }, `${p.name}, ${p.width} × ${p.height}`)));
if (set.deploy === null) $("#deploy").value = "edge-640";
const SHOWN = 10;
const chips = set.palette.filter((card) => card.op !== "place").map((card) => el("button", {
  class: "effect", draggable: "true", "data-op": card.op, title: card.about, "data-group": card.group,
  onclick: () => {
    const made = stack.add(card.op);
    cards.draw(`${made.id}.on`);
  },
  ondragstart: (event) => { event.dataTransfer.effectAllowed = "copy"; event.dataTransfer.setData("text/plain", card.title); cards.take({ op: card.op }); },
  ondragend: () => cards.take(null),
}, card.title));
const further = el("details", { class: "further" }, el("summary", {}, `${chips.length - SHOWN} more`), el("div", { class: "chips" }, ...chips.slice(SHOWN)));
$("#palette").append(el("div", { class: "chips" }, ...chips.slice(0, SHOWN)), further);
const empty = $("#empty");
empty.addEventListener("dragover", (event) => { if (cards.dragged) event.preventDefault(); });
empty.addEventListener("drop", (event) => {
  if (!cards.dragged?.op) return;
  event.preventDefault();
  stack.add(cards.dragged.op);
  cards.take(null);
});

$("#strip").append(...set.strip.map((one) => el("button", {
  "data-id": one.id, "aria-label": `Picture ${one.name}`, title: one.name, onclick: () => choose(one),
}, el("canvas", { width: 240, height: 160 }))));

$("#undo").onclick = () => stack.undo();
$("#redo").onclick = () => stack.redo();
$("#previous").onclick = () => step(-1).catch(fail);
$("#next").onclick = () => step(1).catch(fail);
$("#smaller").onclick = () => stage.zoomTo(stage.zoom / 1.5);
$("#larger").onclick = () => stage.zoomTo(stage.zoom * 1.5);
$("#zoom").onclick = () => stage.zoomTo(1);
$("#pixels").onclick = () => stage.toPixels();
$("#seed").onchange = (event) => {
  const value = Math.floor(Number(event.target.value));
  stack.seed = Number.isSafeInteger(value) && value >= 0 ? value : 0;
  stack.settle({ cards: false });
};
$("#dice").onclick = () => { stack.seed = (stack.seed + 1) % Number.MAX_SAFE_INTEGER; stack.settle({ cards: false }); };
const press = (name, work) => {
  const button = $(name);
  button.onclick = () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    work(on);
    stage.lay();
  };
};
press("#boxes", (on) => { stage.named = on; });
press("#compare", (on) => { stage.comparing = on; });
press("#model", (on) => { model = on; stage.zoom = 1; refresh({ fresh: true }); });
$("#deploy").onchange = () => { if (model) refresh({ fresh: true }); later(); };

const tabs = ["toml", "python", "command"];
for (const name of tabs) $(`#tab-${name}`).onclick = () => tab(name);
$(".tabs").onkeydown = (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by && event.target.role === "tab") tab(tabs[(tabs.indexOf(shownText) + by + 3) % 3], true);
};
function tab(name, focus = false) {
  shownText = name;
  for (const other of tabs) {
    $(`#tab-${other}`).setAttribute("aria-selected", String(other === name));
    $(`#tab-${other}`).tabIndex = other === name ? 0 : -1;
  }
  $("#code").setAttribute("aria-labelledby", `tab-${name}`);
  $("#code").textContent = texts[name];
  if (focus) $(`#tab-${name}`).focus();
}
$("#copy").onclick = async () => {
  await navigator.clipboard.writeText(texts[shownText]).then(() => toast("Copied"), () => toast("The browser does not let this page copy: mark the text and copy it", "error"));
};
$("#save").onclick = async () => {
  await exported().catch(fail);
  const address = URL.createObjectURL(new Blob([texts.toml], { type: "application/toml" }));
  el("a", { href: address, download: "recipe.toml" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
};
$("#open").onchange = async (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (!file) return;
  try {
    const read = await call("/api/recipe", { text: await file.text() });
    stack.load(read.stages);
    toast(`${file.name}: ${count(read.stages.length, "effect")}`);
  } catch (error) { fail(error); }
};

// ---- objects, and the whole set -------------------------------------------------

const asked = () => ({ image: image?.id, stages: stack.recipe, seed: stack.seed, deploy: $("#deploy").value });
const bank = new Bank(asked, (found) => {
  const made = stack.add("place", stack.stages.length, found);
  cards.draw(`${made.id}.x.range0`);
});
new Writer(set.out, asked);

// An object in the picture is dragged to where it should be.
stage.ondrag = (object, [dx, dy], settled) => {
  const moved = stack.running.find((one) => one.op === "place" && one.params.object === object);
  if (!moved) return;
  if (settled) {
    stack.settle();
    return;
  }
  const put = (name, by) => { moved.params[name] = Math.round(1e4 * Math.min(Math.max(moved.params[name] + by, 0), 1)) / 1e4; };
  put("x", dx);
  put("y", dy);
  stack.slide();
};

// ---- pictures of one's own ---------------------------------------------------------

async function take(files) {
  for (const file of files) {
    try {
      const answer = await fetch("/api/own", { method: "POST", credentials: "same-origin", headers: { "x-name": encodeURIComponent(file.name), "content-type": "application/octet-stream" }, body: file });
      const read = await answer.json();
      if (!answer.ok) throw new Refused(answer.status, read.error.code, `${file.name}: ${read.error.message}`);
      choose({ id: read.id, name: `${read.name} (your own)` });
    } catch (error) { fail(error); }
  }
}
$("#own").onchange = (event) => { take([...event.target.files]).then(() => { event.target.value = ""; }); };
const isFile = (event) => [...event.dataTransfer?.types ?? []].includes("Files");
addEventListener("dragover", (event) => { if (isFile(event)) { event.preventDefault(); $("#drop").hidden = false; } });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("#drop").hidden = true; });
addEventListener("drop", (event) => {
  $("#drop").hidden = true;
  if (!isFile(event)) return;
  event.preventDefault();
  take([...event.dataTransfer.files]);
});

keys({
  "ctrl+z": () => stack.undo(),
  "ctrl+shift+z": () => stack.redo(),
  "ctrl+y": () => stack.redo(),
  "[": () => step(-1).catch(fail),
  "]": () => step(1).catch(fail),
  b: () => $("#boxes").click(),
  c: () => $("#compare").click(),
});

if (image) choose(image);
else {
  $("#notice").textContent = "This set has no pictures. Drop one of your own here.";
  $("#notice").hidden = false;
}
changed({ cards: true, settled: true });
document.documentElement.dataset.ready = "true";

// For those who drive the page from outside.
export { stack };
export const idle = () => after.idle && before.idle;
