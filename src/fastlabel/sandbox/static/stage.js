// A picture with its boxes, drawn as SVG in the picture's own pixels: zoom, move, choose, reshape.

import { svg } from "./lib.js";

const SIDE = 1600; // pixels of the picture that is loaded first
const LEAST = 2; // pixels: a smaller box is a slip of the mouse
const HANDLES = { nw: [0, 1], n: [1], ne: [2, 1], e: [2], se: [2, 3], s: [3], sw: [0, 3], w: [0] };

export const outline = ([x1, y1, x2, y2]) => `M${x1} ${y1}H${x2}V${y2}H${x1}Z`;
export const pictureOf = (id, side, window) =>
  `/picture/${id}?side=${side}` + (window ? `&x=${window[0]}&y=${window[1]}&w=${window[2]}&h=${window[3]}` : "");

// One box: its casing, its line, its words.
export function drawn(box, classes, label, size) {
  const group = svg("g", { class: `box ${classes}` });
  group.append(svg("path", { class: "case", d: outline(box) }), svg("path", { class: "line", d: outline(box) }));
  if (label) {
    const above = box[1] > size * 1.5;
    const text = svg("text", { x: box[0], y: above ? box[1] - size * 0.4 : box[3] + size * 1.1, "font-size": size, "stroke-width": size * 0.24 });
    text.textContent = label;
    group.append(text);
  }
  return group;
}

// The window around a box, of the given shape, inside the picture.
export function around(box, image, factor, shape = 4 / 3, least = 48) {
  const side = Math.max(box[2] - box[0], (box[3] - box[1]) * shape) * factor;
  const w = Math.min(Math.max(side, least * shape), Math.max(image.width, image.height * shape));
  const h = w / shape;
  const put = (middle, size, whole) => (size >= whole ? (whole - size) / 2 : Math.min(Math.max(middle - size / 2, 0), whole - size));
  return [put((box[0] + box[2]) / 2, w, image.width), put((box[1] + box[3]) / 2, h, image.height), w, h];
}

export class Stage {
  // `changed(key, box)` a box was reshaped; `chose(key)`; `drew(box)` a new one.
  constructor(view, { changed, chose, drew }) {
    this.view = view;
    this.told = { changed, chose, drew };
    this.image = null;
    this.boxes = [];
    this.extra = [];
    this.chosen = null;
    this.drawing = false;
    this.window = [0, 0, 1, 1];
    this.grab = null;
    view.addEventListener("pointerdown", (event) => this.#down(event));
    view.addEventListener("pointermove", (event) => this.#move(event));
    view.addEventListener("pointerup", (event) => this.#up(event));
    view.addEventListener("pointercancel", () => { this.grab = null; this.draw(); });
    view.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, this.#at(event));
    }, { passive: false });
    new ResizeObserver(() => this.image && this.draw()).observe(view);
  }

  show(image, boxes, extra) {
    const same = this.image?.id === image.id;
    this.image = image;
    this.boxes = boxes;
    this.extra = extra;
    this.drawing = false;
    this.grab = null;
    if (!same) {
      this.photo = svg("image", { x: 0, y: 0, width: image.width, height: image.height, preserveAspectRatio: "none", href: pictureOf(image.id, SIDE) });
      this.detail = null;
    }
    this.whole();
  }

  whole() {
    this.window = [0, 0, this.image.width, this.image.height];
    this.draw();
  }

  closer(box) {
    const shape = this.view.clientWidth / Math.max(this.view.clientHeight, 1);
    this.window = around(box, this.image, 2.2, shape);
    this.draw();
  }

  zoom(by, [x, y] = [this.window[0] + this.window[2] / 2, this.window[1] + this.window[3] / 2]) {
    const [left, top, w, h] = this.window;
    const size = Math.min(Math.max(w / by, 8), this.image.width * 2);
    const scale = size / w;
    this.window = [x - (x - left) * scale, y - (y - top) * scale, size, h * scale];
    this.draw();
  }

  // Pixels of the picture in one pixel of the screen.
  get unit() {
    return Math.max(this.window[2] / Math.max(this.view.clientWidth, 1), this.window[3] / Math.max(this.view.clientHeight, 1));
  }

  draw() {
    const { view, image } = this;
    const unit = this.unit;
    view.setAttribute("viewBox", this.window.join(" "));
    view.classList.toggle("drawing", this.drawing);
    this.photo.setAttribute("class", unit < 0.34 ? "pixels" : "");
    const parts = [this.photo];
    if (this.detail) parts.push(this.detail);
    for (const item of this.extra) parts.push(drawn(item.box, item.classes, item.label, 13 * unit));
    const order = ["other", "related", "subject"];
    const sorted = [...this.boxes].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (a.key === this.chosen) - (b.key === this.chosen));
    for (const item of sorted) {
      if (!item.box) continue;
      const chosen = item.key === this.chosen;
      const classes = [item.kind, item.changed && "changed", item.ignore && "ignore", item.dropped && "dropped", chosen && "chosen"].filter(Boolean).join(" ");
      const named = item.kind !== "other" || chosen || item.changed;
      const group = drawn(item.box, classes, named ? item.label : "", 13 * unit);
      const pad = 4 * unit; // so that a thin box can be caught too
      const [x1, y1, x2, y2] = item.box;
      const area = svg("path", { class: "area", d: outline([x1 - pad, y1 - pad, x2 + pad, y2 + pad]), "data-key": item.key });
      const title = svg("title");
      title.textContent = item.label;
      area.append(title);
      group.append(area);
      parts.push(group);
    }
    const chosen = this.boxes.find((item) => item.key === this.chosen && item.box && !item.dropped);
    if (chosen) parts.push(...this.#handles(chosen, unit));
    if (this.grab?.sketch) parts.push(svg("path", { class: "sketch", d: outline(this.grab.sketch) }));
    view.replaceChildren(...parts);
    this.#sharpen(image, unit);
  }

  #handles({ box }, unit) {
    const [x1, y1, x2, y2] = box;
    const middle = { n: [(x1 + x2) / 2, y1], s: [(x1 + x2) / 2, y2], w: [x1, (y1 + y2) / 2], e: [x2, (y1 + y2) / 2] };
    const corner = { nw: [x1, y1], ne: [x2, y1], se: [x2, y2], sw: [x1, y2] };
    const side = 9 * unit;
    return Object.entries({ ...middle, ...corner }).map(([name, [x, y]]) =>
      svg("rect", { class: `handle ${name}`, x: x - side / 2, y: y - side / 2, width: side, height: side, "data-handle": name }));
  }

  // Where the picture is larger than what was loaded, the part in sight comes in its own pixels.
  #sharpen(image, unit) {
    clearTimeout(this.later);
    if (Math.max(image.width, image.height) <= SIDE || unit * SIDE > Math.max(image.width, image.height) * 0.8) return;
    this.later = setTimeout(() => {
      const x = Math.max(Math.floor(this.window[0]), 0), y = Math.max(Math.floor(this.window[1]), 0);
      const w = Math.min(Math.ceil(this.window[0] + this.window[2]), image.width) - x;
      const h = Math.min(Math.ceil(this.window[1] + this.window[3]), image.height) - y;
      if (w < 1 || h < 1 || this.image !== image) return;
      const href = pictureOf(image.id, 2048, [x, y, w, h]);
      if (this.detail?.getAttribute("href") === href) return;
      this.detail = svg("image", { x, y, width: w, height: h, preserveAspectRatio: "none", href, class: unit < 0.34 ? "pixels" : "" });
      this.draw();
    }, 160);
  }

  #at(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.view.getScreenCTM().inverse());
    return [point.x, point.y];
  }

  #down(event) {
    if (event.button !== 0 || !this.image) return;
    const at = this.#at(event);
    const handle = event.target.dataset?.handle;
    const key = event.target.dataset?.key;
    if (this.drawing) this.grab = { kind: "draw", from: at, sketch: [...at, ...at] };
    else if (handle) this.grab = { kind: "shape", handle, from: at, box: [...this.#chosenBox()] };
    else if (key && key === this.chosen) this.grab = { kind: "move", from: at, box: [...this.#chosenBox()] };
    else this.grab = { kind: "pan", from: at, key, screen: [event.clientX, event.clientY], window: [...this.window] };
    this.view.setPointerCapture(event.pointerId);
  }

  #chosenBox() {
    return this.boxes.find((item) => item.key === this.chosen)?.box ?? [0, 0, 0, 0];
  }

  #move(event) {
    const grab = this.grab;
    if (!grab) return;
    if (grab.kind === "pan") {
      const [dx, dy] = [event.clientX - grab.screen[0], event.clientY - grab.screen[1]];
      if (Math.hypot(dx, dy) > 4) grab.moved = true;
      const unit = this.unit;
      if (grab.moved) this.window = [grab.window[0] - dx * unit, grab.window[1] - dy * unit, grab.window[2], grab.window[3]];
      this.view.classList.toggle("moving", Boolean(grab.moved));
    } else {
      const at = this.#at(event);
      const [dx, dy] = [at[0] - grab.from[0], at[1] - grab.from[1]];
      grab.moved = true;
      if (grab.kind === "draw") grab.sketch = this.inside([Math.min(grab.from[0], at[0]), Math.min(grab.from[1], at[1]), Math.max(grab.from[0], at[0]), Math.max(grab.from[1], at[1])]);
      else this.told.changed(this.chosen, grab.kind === "move" ? this.shifted(grab.box, dx, dy) : this.reshaped(grab.box, grab.handle, dx, dy), false);
    }
    this.draw();
  }

  #up(event) {
    const grab = this.grab;
    this.grab = null;
    this.view.classList.remove("moving");
    if (!grab) return;
    if (grab.kind === "draw") {
      const [x1, y1, x2, y2] = grab.sketch;
      this.drawing = false;
      if (x2 - x1 >= LEAST && y2 - y1 >= LEAST) this.told.drew(grab.sketch);
    } else if (grab.kind === "pan" && !grab.moved) this.told.chose(grab.key ?? null);
    else if (grab.moved && grab.kind !== "pan") this.told.changed(this.chosen, this.#chosenBox(), true);
    this.draw();
  }

  inside([x1, y1, x2, y2]) {
    const { width, height } = this.image;
    const round = (v) => Math.round(v * 10) / 10;
    const put = (v, most) => round(Math.min(Math.max(v, 0), most));
    return [put(x1, width), put(y1, height), put(x2, width), put(y2, height)];
  }

  shifted([x1, y1, x2, y2], dx, dy) {
    const { width, height } = this.image;
    const [w, h] = [x2 - x1, y2 - y1];
    const x = Math.min(Math.max(x1 + dx, 0), Math.max(width - w, 0));
    const y = Math.min(Math.max(y1 + dy, 0), Math.max(height - h, 0));
    return this.inside([x, y, x + w, y + h]);
  }

  reshaped(box, handle, dx, dy) {
    const made = [...box];
    for (const side of HANDLES[handle]) made[side] += side % 2 ? dy : dx;
    return this.inside([
      Math.min(made[0], made[2]), Math.min(made[1], made[3]), Math.max(made[0], made[2]), Math.max(made[1], made[3]),
    ]);
  }
}
