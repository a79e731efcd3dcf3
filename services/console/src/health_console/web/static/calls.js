// The list of calls with their stories: the same that the map shows, to read.
import { arrange, h, say } from "./dom.js";
import { clock, km, latency, metricName, named, number, reading, rule, shortName, span, VERDICTS } from "./format.js";

const SECTIONS = [
  ["waiting", "Waiting for a vehicle", ["waiting", "new"], true],
  ["coming", "On the way", ["coming"], true],
  ["on_scene", "With the patient", ["on_scene"], true],
  ["over", "Over", ["ended", "given_up"], false],
  ["none", "No vehicle needed", ["suppressed"], false],
];
const PHASES = {
  new: "Being decided", waiting: "Nobody can go yet", given_up: "Nobody could go", coming: "On the way",
  on_scene: "With the patient", ended: "Over", suppressed: "No vehicle needed",
};
const ICONS = { new: "!", waiting: "!", given_up: "\u2715", coming: "\u25b2", on_scene: "\u271a", ended: "\u2713", suppressed: "\u25cb" };

export class Calls {
  /** chosen(number): a call was opened or closed here; shown: the state that city.js keeps. */
  constructor(root, shown, chosen) {
    this.shown = shown;
    this.chosen = chosen;
    this.items = new Map();
    this.sections = SECTIONS.map(([id, title, phases, open]) => {
      const count = h("span", { class: "count" }, "0");
      const list = h("ul", { class: "calls", "aria-label": title });
      const element = h("details", { class: `section ${id}`, open }, h("summary", {}, h("h2", {}, title), count), list);
      return { element, count, list, phases };
    });
    this.empty = h("p", { class: "nothing" }, "No calls. Every patient that is watched is well.");
    root.append(this.empty, ...this.sections.map((section) => section.element));
  }

  update(call) {
    const item = this.items.get(call.number) ?? this.add(call.number);
    item.call = call;
    this.write(item);
  }

  drop(callNumber) {
    this.items.get(callNumber)?.element.remove();
    this.items.delete(callNumber);
  }

  /** Put everything where it belongs: the newest decision first, but of those who wait whoever has waited longest. */
  settle() {
    const all = [...this.items.values()].sort((a, b) => moment(b.call) - moment(a.call) || b.call.number - a.call.number);
    for (const section of this.sections) {
      const here = all.filter((item) => section.phases.includes(item.call.phase));
      if (section.phases.includes("waiting")) here.sort((a, b) => a.call.first_at - b.call.first_at || a.call.number - b.call.number);
      section.element.hidden = here.length === 0;
      say(section.count, String(here.length));
      arrange(section.list, here.map((item) => item.element));
    }
    this.empty.hidden = all.length > 0;
  }

  /** Time goes on. */
  tick(now) {
    for (const item of this.items.values()) say(item.age, age(item.call, now));
  }

  /** Show that call open, all others closed. */
  open(callNumber) {
    for (const item of this.items.values()) item.fold.open = item.call.number === callNumber;
    const item = this.items.get(callNumber);
    if (!item) return;
    const section = item.element.closest(".section");
    if (section) section.open = true;
    item.fold.querySelector("summary").scrollIntoView({ block: "nearest" });
  }

  add(callNumber) {
    const part = (kind, tag = "span") => h(tag, { class: kind });
    const item = { icon: part("icon"), who: part("who"), what: part("what"), age: part("age"), line: part("rest") };
    item.icon.setAttribute("aria-hidden", "true");
    item.story = h("div", { class: "story" });
    const summary = h("summary", {}, item.icon, h("span", { class: "text" }, h("span", { class: "top" }, item.who, item.age), h("span", { class: "line" }, item.what, " ", item.line)));
    item.fold = h("details", { toggle: () => this.toggled(item) }, summary, item.story);
    item.element = h("li", { class: "call" }, item.fold);
    this.items.set(callNumber, item);
    return item;
  }

  toggled(item) {
    if (!item.call) return;
    if (item.fold.open) this.tell(item);
    this.chosen(item.call.number, item.fold.open);
  }

  write(item) {
    const { call } = item;
    item.element.dataset.phase = call.phase;
    item.element.dataset.severity = call.severity;
    say(item.icon, ICONS[call.phase] ?? "?");
    say(item.who, this.shown.patientName(call));
    say(item.what, `${metricName(call.metric)} ${reading(call.metric, call.value)}`);
    say(item.line, line(call));
    say(item.age, age(call, this.shown.now()));
    if (item.fold.open) this.tell(item);
  }

  /** The whole story; left alone while nothing of it changes, for whoever is reading. */
  tell(item) {
    const { call } = item;
    const told = JSON.stringify([call.phase, call.at, call.alerts, call.story, call.ended, call.suppressed]);
    if (item.told === told) return;
    item.told = told;
    item.story.replaceChildren(
      h("ol", { class: "steps" }, ...steps(call)),
      candidates(call),
      h("p", {}, h("button", { type: "button", class: "look", click: () => this.shown.look(call.number) }, "Show on the map")),
    );
  }
}

const moment = (call) => call.story?.decided_at ?? call.first_at;

function age(call, now) {
  if (call.phase === "ended") return `${span(now - (call.ended_at ?? call.at))} ago`;
  return span(now - (call.story && call.phase !== "waiting" ? call.story.decided_at : call.first_at));
}

function line(call) {
  const { story } = call;
  if (call.phase === "suppressed") return `\u00b7 ${call.suppressed}`;
  if (!story) return `\u00b7 ${PHASES[call.phase].toLowerCase()}`;
  if (story.outcome !== "dispatched") return `\u00b7 ${story.reason}`;
  const sent = `\u00b7 ${shortName(story.vehicle)}, ${km(story.km)} away,`;
  return call.phase === "ended" ? `${sent} has been there` : `${sent} sent ${latency(story.decided_at - story.observed_at)} after the reading`;
}

function steps(call) {
  const { story } = call;
  const found = [];
  const step = (title, ...text) => found.push(h("li", {}, h("strong", {}, title), " ", ...text));
  const first = story ?? call;
  const observed = story ? story.observed_at : call.at;
  step("Reading", `${metricName(first.metric)} ${reading(first.metric, first.value)} at ${clock(observed)}, area ${call.area}.`);
  step("Rule", `${rule(first.rule)} is ${call.severity}. ${call.alerts ? `${number(call.alerts)} ${call.alerts === 1 ? "alert" : "alerts"} so far.` : ""}`);
  if (story) {
    step(story.outcome === "dispatched" ? "Sent" : "Nobody sent", `${story.reason}. Decided ${latency(story.decided_at - story.observed_at)} after the reading; the limit is ${number(story.radius_km)} km.`);
    if (story.retry_until && call.phase === "waiting") step("Tried again", `until ${clock(story.retry_until)}.`);
  }
  if (call.suppressed && !story) step("No vehicle needed", `${call.suppressed}.`);
  if (call.phase === "on_scene") step("Arrived", "The vehicle is with the patient.");
  if (call.ended) step("Over", `${call.ended}, ${clock(call.ended_at)}.`);
  if (story && call.at > story.observed_at) step("Now", `${metricName(call.metric)} ${reading(call.metric, call.value)} at ${clock(call.at)}.`);
  return found;
}

function candidates(call) {
  const considered = call.story?.candidates ?? [];
  if (!considered.length) return null;
  const head = ["Vehicle", "Distance", "Position", "Verdict"].map((title) => h("th", { scope: "col" }, title));
  const rows = considered.map((each) =>
    h("tr", { class: each.verdict === "chosen" ? "chosen" : undefined },
      h("th", { scope: "row" }, shortName(each.vehicle)), h("td", {}, km(each.km)),
      h("td", {}, `${number(each.age_s)}\u00a0s old`), h("td", {}, named(VERDICTS, each.verdict))));
  return h("table", { class: "candidates" }, h("caption", {}, "The nearest vehicles that were considered"), h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows));
}
