// The stack of effects: what is in it, how it changed, and its cards.
import { el } from "./lib.js";

export const shortened = (value) => Number(value.toPrecision(6));

// Stages with a way back. A drag of a slider is one step, however many values it passed.
export class Stack {
  #past = [];
  #ahead = [];
  #settled = "[]";
  #next = 1;

  constructor(palette, changed) {
    this.cards = new Map(palette.map((card) => [card.op, card]));
    this.stages = [];
    this.seed = 0;
    this.changed = changed;
    this.#settled = this.#written();
  }

  #written() {
    return JSON.stringify({ stages: this.stages, seed: this.seed });
  }

  #read(text) {
    const { stages, seed } = JSON.parse(text);
    this.stages = stages;
    this.seed = seed;
  }

  // What the server gets: the stages that are switched on, in their order.
  get recipe() {
    return this.stages.filter((stage) => stage.on).map((stage) => ({
      op: stage.op, p: stage.p, ...(stage.group ? { group: stage.group } : {}), ...stage.params,
    }));
  }

  // Stage numbers of the recipe back to stages of the stack.
  get running() {
    return this.stages.filter((stage) => stage.on);
  }

  make(op, params = {}) {
    const begun = {};
    for (const p of this.cards.get(op).params) begun[p.name] = p.start;
    return { id: this.#next++, op, on: true, p: 1, group: "", params: { ...begun, ...params } };
  }

  add(op, at = this.stages.length, params = {}) {
    const stage = this.make(op, params);
    this.stages.splice(at, 0, stage);
    this.settle();
    return stage;
  }

  load(stages) {
    this.stages = stages.map(({ op, p, group, params }) => {
      const stage = this.make(op);
      // What the file leaves to the operation stays so: its own default, not the page's.
      for (const known of this.cards.get(op).params) stage.params[known.name] = known.default;
      return { ...stage, p, group, params: { ...stage.params, ...params } };
    });
    this.settle();
  }

  remove(stage) {
    this.stages = this.stages.filter((other) => other !== stage);
    this.settle();
  }

  move(stage, to) {
    const from = this.stages.indexOf(stage);
    if (to < 0 || to >= this.stages.length || to === from) return;
    this.stages.splice(from, 1);
    this.stages.splice(to, 0, stage);
    this.settle();
  }

  reset(stage) {
    stage.params = this.make(stage.op).params;
    stage.p = 1;
    this.settle();
  }

  // A value on its way: shown at once, a step of its own only when it settles.
  slide() {
    this.changed({ cards: false, settled: false });
  }

  settle({ cards = true } = {}) {
    const now = this.#written();
    if (now !== this.#settled) {
      this.#past.push(this.#settled);
      this.#ahead = [];
      this.#settled = now;
    }
    this.changed({ cards, settled: true });
  }

  get canUndo() { return this.#past.length > 0; }
  get canRedo() { return this.#ahead.length > 0; }

  undo() { this.#step(this.#past, this.#ahead); }
  redo() { this.#step(this.#ahead, this.#past); }

  #step(from, to) {
    if (!from.length) return;
    to.push(this.#settled);
    this.#settled = from.pop();
    this.#read(this.#settled);
    this.changed({ cards: true, settled: true });
  }
}

// ---- cards -------------------------------------------------------------------

export class Cards {
  constructor(list, stack) {
    this.list = list;
    this.stack = stack;
    this.open = new Set(); // stages whose further settings are shown
    this.dragged = null;
    list.addEventListener("dragover", (event) => this.#over(event));
    list.addEventListener("drop", (event) => this.#drop(event));
    list.addEventListener("dragleave", (event) => {
      if (!list.contains(event.relatedTarget)) this.#mark(-1);
    });
  }

  // Something of the palette, or a card, is being dragged.
  take(dragged) {
    this.dragged = dragged;
    this.list.classList.toggle("waiting", dragged !== null);
    if (dragged === null) this.#mark(-1);
  }

  draw(focus = null) {
    const held = focus ?? this.#held();
    this.list.replaceChildren(...this.stack.stages.map((stage, at) => this.#card(stage, at)));
    if (held) this.list.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus({ preventScroll: focus === null });
  }

  #held() {
    return this.list.contains(document.activeElement) ? document.activeElement.dataset.key ?? null : null;
  }

  // Whether an effect is as long as so many pixels: the same on a preview and on the whole picture.
  inPixels(stage) {
    return stage.op === "paste" || this.stack.cards.get(stage.op).params.some((p) => p.unit === "px");
  }

  // What each stage had for this picture, under its card.
  tell(steps) {
    const running = this.stack.running;
    const had = new Map(steps.map((step) => [running[step.stage]?.id, step]));
    for (const item of this.list.children) {
      const id = Number(item.dataset.stage);
      const stage = this.stack.stages.find((one) => one.id === id);
      const note = item.querySelector(".note");
      const step = had.get(id);
      let text = "";
      if (stage?.on && !step) text = "Chance left this picture out.";
      else if (step?.skipped) text = `Not done: it ${step.skipped}.`;
      else if (step) text = drawnText(stage, step.drawn);
      if (note.textContent !== text) note.textContent = text;
      note.hidden = !text;
    }
  }

  #card(stage, at) {
    const card = this.stack.cards.get(stage.op);
    const key = (name) => `${stage.id}.${name}`;
    const rows = card.params.map((p) => [p, this.#row(stage, p)]);
    const first = rows.filter(([p]) => !p.more).map(([, row]) => row);
    const further = rows.filter(([p]) => p.more).map(([, row]) => row);
    further.push(this.#chance(stage));
    const details = el("details", { class: "further", ontoggle: () => this.open[details.open ? "add" : "delete"](stage.id) },
      el("summary", { "data-key": key("more") }, "More"), ...further);
    details.open = this.open.has(stage.id);
    const item = el("li", {
      class: `card ${stage.on ? "" : "off"}`, "data-stage": stage.id, "data-op": stage.op,
    },
      el("div", { class: "head" },
        el("span", { class: "grip", draggable: "true", "aria-hidden": "true", title: "Drag to another place",
          ondragstart: (event) => { event.dataTransfer.effectAllowed = "move"; event.dataTransfer.setData("text/plain", card.title); event.dataTransfer.setDragImage(item, 12, 12); this.take({ stage }); },
          ondragend: () => this.take(null) }),
        el("label", { class: "title grow" },
          el("input", { type: "checkbox", role: "switch", checked: stage.on, "data-key": key("on"),
            onchange: (event) => { stage.on = event.target.checked; this.stack.settle(); } }),
          stage.op === "place" ? el("img", { class: "cut", src: `/api/object/${stage.params.object}`, alt: "" }) : "",
          el("span", {}, card.title)),
        this.#button("↑", `Move ${card.title} up`, key("up"), at === 0, () => this.stack.move(stage, at - 1)),
        this.#button("↓", `Move ${card.title} down`, key("down"), at === this.stack.stages.length - 1, () => this.stack.move(stage, at + 1)),
        this.#button("↺", `Reset ${card.title}`, key("reset"), false, () => this.stack.reset(stage)),
        this.#button("×", `Remove ${card.title}`, key("remove"), false, () => this.stack.remove(stage))),
      ...first, details, el("p", { class: "note small muted", hidden: true }));
    item.title = "";
    return item;
  }

  #button(sign, label, key, disabled, work) {
    return el("button", { class: "plain icon", "aria-label": label, title: label, "data-key": key, disabled, onclick: work }, sign);
  }

  #row(stage, p) {
    const key = `${stage.id}.${p.name}`;
    const name = `${this.stack.cards.get(stage.op).title}: ${p.title}`;
    if (p.kind === "choice") {
      const select = el("select", { "data-key": key, "aria-label": name, onchange: (event) => { stage.params[p.name] = event.target.value; this.stack.settle({ cards: false }); } },
        ...p.choices.map((word) => el("option", { value: word, selected: word === stage.params[p.name] }, word)));
      return el("div", { class: "param", title: p.about }, el("span", { class: "label" }, p.title), select);
    }
    if (p.kind === "switch") {
      return el("label", { class: "param switch", title: p.about },
        el("span", { class: "label" }, p.title),
        el("input", { type: "checkbox", "data-key": key, checked: stage.params[p.name], onchange: (event) => { stage.params[p.name] = event.target.checked; this.stack.settle({ cards: false }); } }));
    }
    if (p.kind === "text") {
      return el("p", { class: "param", title: p.about }, el("span", { class: "label" }, p.title), el("span", { class: "small" }, String(stage.params[p.name])));
    }
    return this.#numbers(stage, p, key, name);
  }

  #numbers(stage, p, key, name) {
    const value = stage.params[p.name];
    const varies = Array.isArray(value);
    const row = el("div", { class: `param ${varies ? "varies" : ""}`, title: p.about });
    const slides = p.slider[1] > p.slider[0] && !(p.kind === "whole" && p.default === 0 && p.more);
    const part = (at) => {
      const read = () => (varies ? stage.params[p.name][at] : stage.params[p.name]);
      const write = (given, settled) => {
        const low = p.limits[0], high = p.limits[1] ?? Infinity;
        let next = Math.min(Math.max(given, low), high);
        next = p.kind === "whole" ? Math.round(next) : shortened(next);
        if (varies) {
          const both = [...stage.params[p.name]];
          both[at] = next;
          // The ends push each other, so that the lower one stays the lower one.
          if (both[0] > both[1]) both[1 - at] = next;
          stage.params[p.name] = both;
        } else stage.params[p.name] = next;
        show();
        if (settled) this.stack.settle({ cards: false });
        else this.stack.slide();
      };
      const which = varies ? [" from", " to"][at] : "";
      const step = p.step, origin = Math.floor(p.slider[0] / step + 1e-9) * step;
      const range = slides ? el("input", {
        type: "range", min: shortened(origin), max: p.slider[1], step: shortened(step), value: read(), "data-key": `${key}.range${at}`, "aria-label": name + which,
        oninput: (event) => write(Number(event.target.value), false),
        onchange: (event) => write(Number(event.target.value), true),
      }) : null;
      const number = el("input", {
        type: "number", min: p.limits[0], max: p.limits[1], step: "any", value: read(), "data-key": `${key}.number${at}`, "aria-label": `${name}${which}, value`,
        onchange: (event) => write(event.target.value === "" ? read() : Number(event.target.value), true),
      });
      return { range, number, show: () => { if (range) { range.value = read(); fill(range); } number.value = read(); } };
    };
    const parts = varies ? [part(0), part(1)] : [part(0)];
    const show = () => parts.forEach((one) => one.show());
    const vary = el("button", {
      class: "plain icon vary", "data-key": `${key}.vary`, "aria-pressed": String(varies), "aria-label": `${name}: draw between two values`,
      title: varies ? "One value for all pictures" : "Draw between two values, picture by picture",
      onclick: () => {
        const now = stage.params[p.name];
        stage.params[p.name] = varies ? now[1] : around(now, p);
        this.stack.settle();
      },
    }, "⇹");
    row.append(el("span", { class: "label" }, p.title, p.unit && p.unit !== p.name ? el("span", { class: "unit" }, ` ${p.unit}`) : ""),
      el("span", { class: "ranges" }, ...parts.map((one) => one.range)),
      el("span", { class: "values" }, ...parts.map((one) => one.number)), vary);
    show();
    return row;
  }

  #chance(stage) {
    const key = `${stage.id}.p`;
    const title = this.stack.cards.get(stage.op).title;
    const show = () => { range.value = stage.p; number.value = stage.p; fill(range); };
    const write = (value, settled) => {
      stage.p = Math.min(Math.max(shortened(value), 0), 1);
      show();
      if (settled) this.stack.settle({ cards: false });
      else this.stack.slide();
    };
    const range = el("input", { type: "range", min: 0, max: 1, step: 0.05, value: stage.p, "data-key": `${key}.range`, "aria-label": `${title}: Chance`, oninput: (e) => write(Number(e.target.value), false), onchange: (e) => write(Number(e.target.value), true) });
    const number = el("input", { type: "number", min: 0, max: 1, step: "any", value: stage.p, "data-key": `${key}.number`, "aria-label": `${title}: Chance, value`, onchange: (e) => write(Number(e.target.value) || 0, true) });
    const row = el("div", { class: "param", title: "Share of the pictures that get this effect." },
      el("span", { class: "label" }, "Chance"), el("span", { class: "ranges" }, range), el("span", { class: "values" }, number), el("span", { class: "vary" }));
    show();
    return row;
  }

  // ---- dragging --------------------------------------------------------------

  #place(event) {
    const items = [...this.list.children];
    const at = items.findIndex((item) => {
      const box = item.getBoundingClientRect();
      return event.clientY < box.top + box.height / 2;
    });
    return at < 0 ? items.length : at;
  }

  #mark(at) {
    [...this.list.children].forEach((item, k) => {
      item.classList.toggle("before", k === at);
      item.classList.toggle("behind", at === this.list.children.length && k === at - 1);
    });
  }

  #over(event) {
    if (!this.dragged) return;
    event.preventDefault();
    this.#mark(this.#place(event));
  }

  #drop(event) {
    if (!this.dragged) return;
    event.preventDefault();
    event.stopPropagation();
    const at = this.#place(event);
    const { op, stage } = this.dragged;
    this.take(null);
    if (op) this.stack.add(op, at);
    else this.stack.move(stage, at > this.stack.stages.indexOf(stage) ? at - 1 : at);
  }
}

function around(value, p) {
  const reach = 0.15 * (p.slider[1] - p.slider[0]);
  let ends = [value - reach, value + reach].map((end) => Math.min(Math.max(end, p.limits[0]), p.limits[1] ?? Infinity));
  ends = ends.map((end) => (p.kind === "whole" ? Math.round(end) : shortened(Math.round(end / p.step) * p.step)));
  return ends.map((end) => Math.min(Math.max(end, p.limits[0]), p.limits[1] ?? Infinity));
}

function drawnText(stage, drawn) {
  const varied = Object.entries(stage.params).filter(([, value]) => Array.isArray(value) && value[0] !== value[1]);
  const parts = varied.filter(([name]) => name in drawn).map(([name]) => `${name.replaceAll("_", " ")} ${drawn[name]}`);
  if (drawn.tightness_lost > 0) parts.push(`boxes up to ${Math.round(100 * drawn.tightness_lost)} % tighter than around their corners`);
  if (drawn.ignored) parts.push(`${drawn.ignored} to ignore`);
  if (drawn.gone) parts.push(`${drawn.gone} out of the picture`);
  if ("pasted" in drawn) {
    if (stage.op === "place") { if (!drawn.pasted) parts.push("belongs to another picture"); }
    else parts.push(drawn.pasted ? `${drawn.pasted} pasted` : "found no place");
  }
  if (drawn.hidden > 0) parts.push(`hides ${Math.round(100 * drawn.hidden)} % of a box`);
  else if (stage.op === "place" && drawn.pasted) parts.push("touches no box");
  return parts.length ? `Here: ${parts.join(", ")}` : "";
}

// The part of the track that is left of the thumb, for the style sheet.
export function fill(range) {
  const low = Number(range.min), high = Number(range.max);
  range.style.setProperty("--at", `${(100 * (Number(range.value) - low)) / (high - low || 1)}%`);
}
