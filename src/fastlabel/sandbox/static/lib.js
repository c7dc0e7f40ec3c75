// What every page of the local server needs: calls, text on the page, toasts, keys.

// The secret has become a cookie; it need not stand in the address, nor in the history.
if (location.search.includes("token=")) history.replaceState(null, "", "/" + location.hash);

export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

// One call; the answer's JSON, or a Refused with the words of the server.
export async function call(path, body, { signal } = {}) {
  const asked = { signal, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) {
    asked.method = "POST";
    asked.headers = { "content-type": "application/json" };
    asked.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, asked);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "gone", "The server does not answer. Start it again in the terminal; what was saved is kept.");
  }
  if (answer.ok) return answer.json();
  let told = null;
  try {
    told = (await answer.json()).error;
  } catch { /* no JSON: a fault of the server itself */ }
  throw new Refused(answer.status, told?.code ?? "fault", told?.message ?? `The server failed (${answer.status}); see the terminal.`);
}

// Only the last of several questions counts: an earlier one is aborted, and a late answer dropped.
export class Latest {
  #number = 0;
  #stop = null;

  // Gives null where a later question has been asked meanwhile.
  async ask(work) {
    const number = ++this.#number;
    this.#stop?.abort();
    const stop = (this.#stop = new AbortController());
    try {
      const answer = await work(stop.signal, number);
      return number === this.#number ? answer : null;
    } catch (error) {
      if (number !== this.#number || error.name === "AbortError") return null;
      throw error;
    }
  }

  cancel() {
    this.#number++;
    this.#stop?.abort();
  }
}

// An element; strings among its children are text, never markup.
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  set(made, attributes);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function set(made, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
}

export const $ = (selector, within = document) => within.querySelector(selector);

let toasts = null;

// A word that goes away by itself; errors stay longer. Screen readers hear it.
export function toast(text, kind = "") {
  if (toasts === null) {
    toasts = el("div", { class: "toasts", role: "status", "aria-live": "polite" });
    document.body.append(toasts);
  }
  const shown = el("div", { class: `toast ${kind}` }, text);
  toasts.replaceChildren(shown);
  setTimeout(() => shown.remove(), kind === "error" ? 8000 : 2600);
}

export const fail = (error) => {
  if (error?.name !== "AbortError") toast(error?.message ?? String(error), "error");
};

// Keys of the page: {"a": work, "shift+d": work, "ctrl+z": work}. Typing in a field is typing.
export function keys(table, { when = () => true } = {}) {
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=range]):not([type=checkbox]), textarea, select");
    if (event.defaultPrevented || event.isComposing || typing || !when()) return;
    // Letters by what they write, so that layouts agree with the labels on the page.
    let name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.shiftKey && (event.key.length > 1 || /[a-z]/i.test(event.key))) name = `shift+${name}`;
    if (event.ctrlKey || event.metaKey) name = `ctrl+${name}`;
    if (event.altKey) name = `alt+${name}`;
    const work = table[name];
    if (!work) return;
    event.preventDefault();
    work(event);
  });
}

export const count = (n, one, many = one + "s") => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
