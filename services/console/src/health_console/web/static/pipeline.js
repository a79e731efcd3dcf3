// The page of the pipeline's health: shows the document that the server sends every two seconds.
import { arrange, byId, h, say, svg } from "./dom.js";
import { clock, latency, number, span } from "./format.js";
import { about, follow } from "./stream.js";

const STATES = {
  up: ["\u2713", "Running"], behind: ["\u25b2", "Behind"], down: ["\u2715", "No answer"], starting: ["\u2026", "Starting"],
  scheduled: ["\u25f7", "On schedule"], absent: ["\u2013", "Not in this pipeline"],
};
const COMMON = 6; // reasons that are shown at once
const CURVE = { width: 240, height: 44 };
const kept = new Map(); // elements by name, so that what is read or focused stays where it is

function once(name, make) {
  if (!kept.has(name)) kept.set(name, make());
  return kept.get(name);
}

function take(told) {
  verdict(told);
  arrange(byId("figures"), told.headline.map((figure) => headline(figure)));
  arrange(byId("path"), told.stages.map((stage) => stageCard(stage)));
  byId("latency").replaceChildren(latencies(told.latencies));
  letters(told.dead_letters, told.now);
}

/** One sentence that says whether all is well. */
function verdict(told) {
  const named = (state) => told.stages.filter((stage) => stage.state === state).map((stage) => stage.title);
  const missed = told.headline.filter((figure) => figure.holds === false).map((figure) => figure.label.toLowerCase());
  const [down, behind] = [named("down"), named("behind")];
  const said = [];
  if (down.length) said.push(`No answer: ${down.join(", ")}`);
  if (behind.length) said.push(`behind: ${behind.join(", ")}`);
  if (missed.length) said.push(`over its target: ${missed.join(", ")}`);
  const element = byId("verdict");
  element.dataset.state = down.length ? "down" : said.length ? "behind" : "up";
  const text = said.join("; ");
  say(element, text ? `${text[0].toUpperCase()}${text.slice(1)}.` : "All stages answer, and everything measured is within its target.");
}

function headline(figure) {
  const parts = once(`figure ${figure.label}`, () => {
    const [value, target] = [h("span", { class: "value" }), h("span", { class: "target" })];
    return { value, target, element: h("div", { class: "figure" }, h("dt", {}, figure.label), h("dd", {}, value, target)) };
  });
  parts.element.dataset.holds = String(figure.holds);
  say(parts.value, figure.unit === "ms" ? latency(figure.value) : figure.value === null ? "\u2013" : `${number(figure.value)}${figure.unit[0] === "/" ? "" : "\u00a0"}${figure.unit}`);
  const mark = figure.holds === null ? "" : figure.holds ? "\u2713 " : "\u2715 over ";
  say(parts.target, figure.most === null ? (figure.value === null ? "nothing to measure just now" : "\u00a0") : `${mark}target ${figure.unit === "ms" ? latency(figure.most) : `${number(figure.most)}\u00a0${figure.unit}`}`);
  return parts.element;
}

function stageCard(stage) {
  const parts = once(`stage ${stage.name}`, () => {
    const [state, note, body] = [h("span", { class: "state" }), h("p", { class: "note" }), h("div", { class: "measures" })];
    const table = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${stage.title} in detail` });
    const head = h("div", { class: "head" }, h("h3", {}, stage.title), state);
    return { state, note, body, table, element: h("li", { class: "stage" }, head, h("p", { class: "does" }, stage.does), note, body, table) };
  });
  const [icon, word] = STATES[stage.state] ?? ["?", stage.state];
  parts.element.dataset.state = stage.state;
  say(parts.state, `${icon} ${word}`);
  say(parts.note, stage.note);
  parts.note.hidden = !stage.note;
  parts.body.replaceChildren(...measures(stage));
  parts.table.hidden = !stage.table?.rows.length;
  parts.table.replaceChildren(...(stage.table?.rows.length ? [table(stage.table)] : []));
  return parts.element;
}

function measures(stage) {
  const found = [];
  if (stage.rate && stage.rate.value !== null) {
    found.push(h("p", { class: "rate" }, h("span", { class: "value" }, number(stage.rate.value)), ` ${stage.rate.unit}`), curve(stage.rate));
  }
  for (const fact of [stage.behind, ...stage.facts]) {
    if (!fact || fact.value === null) continue;
    const value = fact.unit === "ms" ? latency(fact.value) : `${number(fact.value)}\u00a0${fact.unit}`;
    found.push(h("p", { class: "fact", "data-holds": String(fact.holds) }, h("span", {}, fact.label), " ", h("strong", {}, value)));
  }
  return found;
}

/** The last five minutes of a rate. */
function curve({ curve: values, unit }) {
  const most = Math.max(...values.filter((value) => value !== null), 1e-9) * 1.1;
  const x = (index) => CURVE.width - (values.length - 1 - index) * (CURVE.width / 149);
  const y = (value) => CURVE.height - 2 - (value / most) * (CURVE.height - 4);
  let line = "";
  values.forEach((value, index) => {
    if (value !== null) line += `${line && values[index - 1] !== null ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  return svg("svg", { class: "curve", viewBox: `0 0 ${CURVE.width} ${CURVE.height}`, preserveAspectRatio: "none", role: "img", "aria-label": `${unit}, last five minutes` },
    svg("path", { d: `M0 ${CURVE.height - 0.5}H${CURVE.width}`, class: "axis" }), svg("path", { d: line, class: "line" }));
}

function table({ head, rows }) {
  const cell = ({ value, unit }) => h("td", {}, value === null ? "\u2013" : `${number(value)}${unit ? `\u00a0${unit}` : ""}`);
  return h("table", {},
    h("thead", {}, h("tr", {}, ...head.map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, ...rows.map(([name, ...cells]) => h("tr", {}, h("th", { scope: "row" }, name), ...cells.map(cell)))));
}

function latencies(paths) {
  const columns = ["p50", "p95", "p99", "max"];
  const head = ["", ...columns, "Count"].map((title) => (title ? h("th", { scope: "col" }, title) : h("td")));
  const rows = paths.map((path) => h("tr", {}, h("th", { scope: "row" }, path.path),
    ...columns.map((column) => h("td", { class: path.most !== null && column === "p99" && path[column] > path.most ? "over" : undefined }, latency(path[column]))),
    h("td", {}, number(path.count), path.late ? h("span", { class: "late" }, ` +${number(path.late)} late`) : null)));
  return h("table", { class: "latencies" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows));
}

function letters({ total, counts, samples }, now) {
  const told = JSON.stringify([total, counts, samples]);
  if (letters.told === told) return; // somebody may be reading
  letters.told = told;
  if (!counts.length) {
    byId("letters").replaceChildren(h("p", { class: "nothing" }, total ? `None within the last hour; ${number(total)} in all.` : "None: every record keeps the contract."));
    return;
  }
  const open = new Set([...document.querySelectorAll(".letter[open]")].map((each) => each.dataset.key));
  const wasOpen = document.querySelector(".rarer")?.open;
  const rarer = counts.slice(COMMON);
  byId("letters").replaceChildren(
    h("p", { class: "sum" }, h("strong", {}, number(total)), " in all; those of the last hour by reason"),
    reasons(counts.slice(0, COMMON), "The most common reasons"),
    rarer.length ? h("details", { class: "rarer", open: wasOpen }, h("summary", {}, `${rarer.length} more reasons`), reasons(rarer, "More reasons")) : null,
    h("h3", {}, "The newest"),
    ...samples.slice(0, 8).map((sample) => letter(sample, now, open)));
}

function reasons(counts, label) {
  const title = (text, kind) => h("th", { scope: "col", class: kind }, text);
  const rows = counts.map(({ source, reason, count }) => h("tr", {}, h("th", { scope: "row" }, source), h("td", { class: "left" }, reason), h("td", {}, number(count))));
  return h("table", { "aria-label": label }, h("thead", {}, h("tr", {}, title("Source"), title("Reason", "left"), title("Count"))), h("tbody", {}, ...rows));
}

function letter(sample, now, open) {
  const key = `${sample.written_at} ${sample.payload}`;
  return h("details", { class: "letter", "data-key": key, open: open.has(key) },
    h("summary", {}, h("strong", {}, sample.source), ` ${sample.reason}`),
    h("p", { class: "fine" }, `${clock(sample.written_at)}, ${span(now - sample.written_at)} ago, ${number(sample.bytes)} bytes`),
    h("pre", { tabindex: "0" }, sample.payload));
}

await about();
follow("api/pipeline", take);
