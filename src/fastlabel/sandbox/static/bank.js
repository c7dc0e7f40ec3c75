// Real objects of the set: thumbnails, and putting one into the picture.
import { $, call, count, el, fail } from "./lib.js";

export class Bank {
  // `question`: the picture and the recipe as they are now; `add`: take the parameters of a place.
  constructor(question, add) {
    this.question = question;
    this.add = add;
    this.loaded = null;
    $("#bank").addEventListener("toggle", () => { if ($("#bank").open) this.load().catch(fail); });
    const stage = $("#stage");
    stage.addEventListener("dragover", (event) => { if (this.dragged) event.preventDefault(); });
    stage.addEventListener("drop", (event) => {
      if (!this.dragged) return;
      event.preventDefault();
      event.stopPropagation();
      const box = $("#after").getBoundingClientRect();
      const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      const one = this.dragged;
      this.dragged = null;
      this.put(one, at).catch(fail);
    });
  }

  async load() {
    const { image } = this.question();
    if (!image || this.loaded === image || !$("#bank").open) return;
    this.loaded = image;
    let found;
    try {
      found = await call(`/api/bank/${image}`);
    } catch (error) {
      this.loaded = null;
      $("#bank-said").textContent = error.message;
      return;
    }
    if (this.loaded !== image) return; // another picture by now
    const written = JSON.stringify(found.objects);
    if (written === this.written) return;
    this.written = written;
    $("#bank-said").textContent = found.objects.length ? "Click one, or drag it into the picture. Best first." : "No box here could be cut out.";
    $("#objects").replaceChildren(...found.objects.map((one) => el("button", {
      draggable: "true", class: one.good ? "" : "poor",
      "aria-label": `${one.class}, ${one.side} px, quality ${one.quality}${one.good ? "" : `: ${one.why}`}`,
      title: `${one.class} · ${one.side} px · quality ${one.quality}${one.good ? "" : ` · ${one.why}`}`,
      onclick: () => this.put(one).catch(fail),
      ondragstart: (event) => { event.dataTransfer.effectAllowed = "copy"; event.dataTransfer.setData("text/plain", one.class); this.dragged = one; },
      ondragend: () => { this.dragged = null; },
    }, el("img", { src: `/api/object/${one.object}`, alt: "", loading: "lazy", draggable: "false" }))));
  }

  // Where the prior says, or where it was dropped, in shares of the picture.
  async put(one, at = null) {
    const found = await call("/api/place", { ...this.question(), object: one.object });
    if (at) {
      found.x = Math.round(1e4 * Math.min(Math.max(at[0], 0), 1)) / 1e4;
      found.y = Math.round(1e4 * Math.min(Math.max(at[1] + found.height / 2, found.height), 1)) / 1e4;
    }
    this.add(found);
  }
}

// Writing the set: begun here, followed here, and it can be stopped here.
export class Writer {
  #timer = 0;

  constructor(out, question) {
    if (out === null) return;
    this.question = question;
    $("#write").hidden = false;
    $("#out").textContent = out;
    $("#start").onclick = () => this.start(false);
    $("#force").onclick = () => this.start(true);
    $("#stop").onclick = () => call("/api/stop", {}).then(() => this.follow(), fail);
    this.follow();
  }

  async start(force) {
    $("#force").hidden = true;
    try {
      this.show(await call("/api/write", { ...this.question(), force, copies: Math.trunc(Number($("#copies").value)), originals: $("#originals").checked }));
      this.follow();
    } catch (error) {
      $("#written").textContent = error.message;
      $("#force").hidden = error.code !== "lint";
    }
  }

  async follow() {
    clearTimeout(this.#timer);
    try {
      const state = await call("/api/written");
      this.show(state);
      if (state.state === "running") this.#timer = setTimeout(() => this.follow(), 250);
    } catch (error) { fail(error); }
  }

  show({ state, done, total, message }) {
    const running = state === "running";
    $("#start").disabled = running;
    $("#stop").hidden = !running;
    $("#progress").hidden = !running;
    $("#progress").value = total ? done / total : 0;
    $("#written").textContent = running ? `${done.toLocaleString("en")} of ${count(total, "image")}` : message;
    $("#write").dataset.state = state;
  }
}
