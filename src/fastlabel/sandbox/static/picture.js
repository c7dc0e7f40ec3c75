// The stage: two pictures, what is drawn over them, the handle between them, and the zoom.
import { $, svg } from "./lib.js";

const COLOURS = ["#4cd07d", "#ffb02e", "#5bb8ff", "#ff7a90", "#c39bff", "#3fd6cf", "#ffd84d", "#ff9d5c", "#a3dc5a", "#f08bd8"];
const MOST_NAMES = 60;

// An answer of /api/preview: the length of its JSON, the JSON, red, green, blue and 255 of each pixel.
export function unpacked(buffer) {
  const long = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, long)));
  return { head, pixels: new Uint8ClampedArray(buffer, 4 + long, 4 * head.width * head.height) };
}

export function paint(canvas, { head, pixels }) {
  if (canvas.width !== head.width || canvas.height !== head.height) {
    canvas.width = head.width;
    canvas.height = head.height;
  }
  // Pixels come from the network and go to the screen: nothing is gained by a trip to a GPU.
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(new ImageData(pixels, head.width, head.height), 0, 0);
}

export class Stage {
  constructor(classes) {
    this.classes = classes;
    this.root = $("#stage");
    this.sheet = $("#sheet");
    this.sides = {};
    for (const side of ["before", "after"]) {
      this.sides[side] = { canvas: $(`#${side}`), labels: $(`#${side}-labels`), tag: $(`#tag-${side}`), head: null };
    }
    this.handle = $("#handle");
    this.split = 0.5;
    this.comparing = true;
    this.named = true;
    this.zoom = 1; // 1: the whole picture in the stage
    this.shift = [0, 0];
    this.onzoom = () => {};
    this.ondrag = () => {};
    new ResizeObserver(() => this.lay()).observe(this.root);
    this.#grab();
  }

  show(side, answer) {
    const one = this.sides[side];
    const moved = !one.head || one.head.width !== answer.head.width || one.head.height !== answer.head.height;
    one.head = answer.head;
    paint(one.canvas, answer);
    this.#label(one);
    if (moved) this.lay();
  }

  // CSS pixels of the stage for one pixel of the whole picture.
  get scale() {
    const head = this.sides.after.head;
    return head ? (this.zoom * this.#fit()) : 1;
  }

  // As many pixels of the whole picture as the result has: a preview is smaller than it will be.
  #whole(head) {
    const times = head.view === "fit" ? head.full[0] / (head.from ?? head.full[0]) : 1;
    return [head.width * times, head.height * times];
  }

  #fit() {
    const [wide, high] = this.#whole(this.sides.after.head);
    const box = this.root.getBoundingClientRect();
    return Math.min(box.width / wide, box.height / high);
  }

  // Whether more of the picture's pixels could be seen than the preview has.
  get wantsMore() {
    const head = this.sides.after.head;
    if (!head || head.view !== "fit") return false;
    return this.scale * devicePixelRatio * (head.full[0] / (head.from ?? head.full[0])) > 1.02;
  }

  lay() {
    const head = this.sides.after.head;
    if (!head) return;
    const box = this.root.getBoundingClientRect();
    const [wide, high] = this.#whole(head).map((side) => side * this.scale);
    const room = [Math.max(0, (wide - box.width) / 2), Math.max(0, (high - box.height) / 2)];
    this.shift = this.shift.map((value, k) => Math.min(Math.max(value, -room[k]), room[k]));
    Object.assign(this.sheet.style, {
      width: `${wide}px`, height: `${high}px`,
      left: `${(box.width - wide) / 2 + this.shift[0]}px`, top: `${(box.height - high) / 2 + this.shift[1]}px`,
    });
    this.root.classList.toggle("large", this.zoom > 1);
    const shownPixel = wide / head.width * devicePixelRatio;
    this.sheet.classList.toggle("pixelated", shownPixel >= 1.99);
    for (const side of ["before", "after"]) this.#place(this.sides[side], wide, high);
    this.#divide(box, wide);
    this.onzoom();
  }

  // The other picture keeps its shape: one that was cut or scaled stands in the middle.
  #place(one, wide, high) {
    if (!one.head) return;
    const fit = Math.min(wide / one.head.width, high / one.head.height);
    const size = [one.head.width * fit, one.head.height * fit];
    const place = { width: `${size[0]}px`, height: `${size[1]}px`, left: `${(wide - size[0]) / 2}px`, top: `${(high - size[1]) / 2}px` };
    Object.assign(one.canvas.style, place);
    Object.assign(one.labels.style, place);
    one.left = (wide - size[0]) / 2;
    one.wide = size[0];
    for (const text of one.labels.querySelectorAll("text")) text.setAttribute("font-size", 12 / fit);
    for (const plate of one.labels.querySelectorAll("text")) {
      plate.setAttribute("stroke-width", 3 / fit);
      plate.setAttribute("dy", -4 / fit);
    }
  }

  // The handle stays in sight: it divides what is seen, not what lies outside.
  #divide(box, wide) {
    const on = this.comparing && this.sides.before.head;
    const left = Math.max(0, (wide - box.width) / 2 - this.shift[0]);
    const seen = Math.min(wide, box.width);
    const at = left + this.split * seen;
    for (const side of ["before", "after"]) {
      const one = this.sides[side];
      if (!one.head) continue;
      const cut = Math.min(Math.max(at - one.left, 0), one.wide);
      const clip = side === "before" ? `inset(0 ${one.wide - cut}px 0 0)` : on ? `inset(0 0 0 ${cut}px)` : "none";
      one.canvas.style.clipPath = clip;
      one.labels.style.clipPath = clip;
      one.canvas.hidden = side === "before" && !on;
      one.labels.toggleAttribute("hidden", (side === "before" && !on) || !this.named);
      one.tag.hidden = !on;
    }
    this.handle.hidden = !on;
    this.handle.style.left = `${at}px`;
    this.handle.setAttribute("aria-valuenow", Math.round(100 * this.split));
    this.handle.setAttribute("aria-valuetext", `${Math.round(100 * this.split)} % before`);
  }

  #label(one) {
    const { head, labels } = one;
    const written = JSON.stringify([head.width, head.height, head.boxes, head.ignore]);
    if (written === one.written) return; // light and weather move nothing
    one.written = written;
    labels.setAttribute("viewBox", `0 0 ${head.width} ${head.height}`);
    labels.setAttribute("preserveAspectRatio", "none");
    const parts = [];
    for (const region of head.ignore) parts.push(rect(region, { class: "ignore" }));
    const names = head.boxes.length <= MOST_NAMES;
    for (const row of head.boxes) {
      const colour = COLOURS[(row.class ?? 0) % COLOURS.length];
      for (const ring of row.rings) {
        parts.push(svg("polygon", { class: "ring", points: ring.map((point) => point.join(",")).join(" "), stroke: colour, fill: colour }));
      }
      if (row.obb) parts.push(svg("polygon", { class: "turned", points: row.obb.map((point) => point.join(",")).join(" "), stroke: colour }));
      parts.push(rect(row.box, { class: row.pasted === null ? "box" : "box pasted", stroke: colour, "data-object": row.pasted }));
      if (names) {
        const name = svg("text", { x: row.box[0], y: row.box[1], fill: colour });
        name.textContent = row.class === null ? "no class" : this.classes[row.class] ?? "";
        parts.push(name);
      }
    }
    labels.replaceChildren(...parts);
    if (one.wide) {
      const fit = one.wide / head.width;
      for (const text of labels.querySelectorAll("text")) {
        text.setAttribute("font-size", 12 / fit);
        text.setAttribute("stroke-width", 3 / fit);
        text.setAttribute("dy", -4 / fit);
      }
    }
  }

  // ---- hands -----------------------------------------------------------------

  zoomTo(zoom, at = null) {
    const box = this.root.getBoundingClientRect();
    const middle = at ?? [box.width / 2, box.height / 2];
    const next = Math.min(Math.max(zoom, 1), 64);
    const grown = next / this.zoom;
    // What is under the pointer stays there.
    this.shift = this.shift.map((value, k) => {
      const from = middle[k] - (k ? box.height : box.width) / 2;
      return from + (value - from) * grown;
    });
    this.zoom = next;
    this.lay();
  }

  // One pixel of the picture on one of the screen.
  toPixels() {
    this.zoomTo(1 / devicePixelRatio / this.#fit());
  }

  #grab() {
    const { root, handle } = this;
    const divide = (event) => {
      const box = root.getBoundingClientRect();
      const wide = this.sheet.getBoundingClientRect().width;
      const left = Math.max(0, (box.width - wide) / 2);
      this.split = Math.min(Math.max((event.clientX - box.left - left) / Math.min(wide, box.width), 0), 1);
      this.lay();
    };
    handle.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      handle.setPointerCapture(event.pointerId);
      handle.onpointermove = divide;
    });
    handle.addEventListener("pointerup", () => { handle.onpointermove = null; });
    handle.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1 }[event.key];
      const end = { Home: 0, End: 1 }[event.key];
      if (step === undefined && end === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.split = end ?? Math.min(Math.max(this.split + step, 0), 1);
      this.lay();
    });
    const pasted = this.sides.after.labels;
    let held = null;
    pasted.addEventListener("pointerdown", (event) => {
      const object = event.target.dataset?.object;
      if (object === undefined || event.button !== 0) return;
      event.stopPropagation();
      event.preventDefault();
      held = { object: Number(object), at: [event.clientX, event.clientY] };
      // The drawing is made anew while it moves: the sheet stays.
      this.sheet.setPointerCapture(event.pointerId);
    });
    this.sheet.addEventListener("pointermove", (event) => {
      if (!held) return;
      const box = this.sides.after.canvas.getBoundingClientRect();
      this.ondrag(held.object, [(event.clientX - held.at[0]) / box.width, (event.clientY - held.at[1]) / box.height], false);
      held.at = [event.clientX, event.clientY];
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.sheet.addEventListener(end, () => {
        if (held) this.ondrag(held.object, [0, 0], true);
        held = null;
      });
    }
    let from = null;
    root.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.zoom <= 1) return;
      from = [event.clientX - this.shift[0], event.clientY - this.shift[1]];
      root.setPointerCapture(event.pointerId);
    });
    root.addEventListener("pointermove", (event) => {
      if (!from) return;
      this.shift = [event.clientX - from[0], event.clientY - from[1]];
      this.lay();
    });
    for (const end of ["pointerup", "pointercancel"]) root.addEventListener(end, () => { from = null; });
    root.addEventListener("wheel", (event) => {
      // Without Ctrl the page scrolls, as people expect; a pinch arrives with it.
      if (!event.ctrlKey) return;
      event.preventDefault();
      const box = root.getBoundingClientRect();
      this.zoomTo(this.zoom * Math.exp(-event.deltaY / 200), [event.clientX - box.left, event.clientY - box.top]);
    }, { passive: false });
    root.addEventListener("keydown", (event) => {
      if (event.target !== root) return;
      const move = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
      if (move && this.zoom > 1) {
        event.preventDefault();
        this.shift = this.shift.map((value, k) => value + move[k]);
        this.lay();
      } else if (event.key === "+" || event.key === "=") this.zoomTo(this.zoom * 1.25);
      else if (event.key === "-") this.zoomTo(this.zoom / 1.25);
      else if (event.key === "0") this.zoomTo(1);
    });
  }
}

function rect([x1, y1, x2, y2], attributes) {
  return svg("rect", { x: x1, y: y1, width: Math.max(x2 - x1, 0), height: Math.max(y2 - y1, 0), ...attributes });
}
