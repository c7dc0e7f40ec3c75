// What follows a settled recipe: the rules' and the linter's words, and two histograms.
import { $, call, el, Latest, svg } from "./lib.js";

const verdicts = new Latest();
const counts = new Latest();
const MARK = { error: "✕", warning: "!", info: "i", pass: "✓" };

export async function judge(question) {
  const found = await verdicts.ask((signal) => call("/api/verdict", question, { signal }));
  if (!found) return;
  $("#facts tbody").replaceChildren(...found.picture.flatMap((row) => [
    el("tr", { class: row.state }, el("th", { scope: "row" }, row.name), el("td", { class: "num muted" }, row.before), el("td", { class: "num" }, row.after)),
    ...(row.says && row.state !== "pass" ? [el("tr", { class: "says" }, el("td", { colspan: 3 }, row.says))] : []),
  ]));
  const rows = found.lint.map((row) => el("li", {}, el("span", { class: `chip ${row.severity}` }, row.code), el("span", {}, row.message)));
  $("#lint").replaceChildren(...(rows.length ? rows : [el("li", { class: "muted" }, el("span", { class: "chip pass" }, MARK.pass), "The linter has nothing to say against it.")]));
}

export async function tally(question) {
  const found = await counts.ask((signal) => call("/api/histograms", question, { signal }));
  if (!found) return;
  const size = found.sizes.edges.slice(1, -1);
  $("#charts").replaceChildren(
    chart("Box sizes at the input, short side in px", found.sizes, found.sizes.after.map((_, k) => (k === 0 ? `< ${size[0]}` : k <= size.length - 1 ? `${size[k - 1]}` : `${size.at(-1)}+`)), size.indexOf(found.stride) + 1),
    chart("Light, mean luma of a picture", found.light, found.light.after.map((_, k) => (k % 4 ? "" : String(found.light.edges[k]))), -1),
  );
  const failed = found.failed ? `; ${found.failed} more could not be read` : "";
  $("#sampled").textContent = found.sampled === found.of
    ? `Counted on all ${found.of.toLocaleString("en")} pictures${failed}.`
    : `Counted on ${found.sampled} of ${found.of.toLocaleString("en")} pictures, drawn with a fixed seed${failed}.`;
}

// Two rows of bars on one scale: the set as it is in outline, after the recipe filled.
function chart(title, { before, after }, names, stride) {
  const wide = 280, high = 84, floor = 68, most = Math.max(...before, ...after, 1), step = wide / after.length;
  const bar = (value, k, kind) => svg("rect", { class: kind, x: k * step + 1, width: step - 2, y: floor - (value / most) * 60, height: (value / most) * 60 });
  const drawn = svg("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": `${title}: before ${before.join(", ")}; after ${after.join(", ")}` });
  after.forEach((value, k) => drawn.append(bar(value, k, stride > 0 && k < stride ? "after under" : "after")));
  const line = before.map((value, k) => `${k ? "L" : "M"}${k * step + 0.5} ${floor - (value / most) * 60}H${(k + 1) * step - 0.5}`).join("");
  drawn.append(svg("path", { class: "before", d: line }));
  drawn.append(svg("path", { class: "axis", d: `M0 ${floor + 0.5}H${wide}` }));
  names.forEach((name, k) => {
    if (!name) return;
    const text = svg("text", { x: k * step + (stride < 0 ? 1 : step / 2), y: high - 4, "text-anchor": stride < 0 ? "start" : "middle" });
    text.textContent = name;
    drawn.append(text);
  });
  const legend = stride > 0 ? [el("span", { class: "key under" }, "under a stride")] : [];
  return el("figure", { class: "chart" }, el("figcaption", {}, el("span", {}, title), el("span", { class: "keys" }, el("span", { class: "key before" }, "before"), el("span", { class: "key after" }, "after"), ...legend)), drawn);
}
