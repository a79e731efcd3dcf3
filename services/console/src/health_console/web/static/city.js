// The page of the city: keeps what the server tells, and has the map and the lists show it.
import { Calls } from "./calls.js";
import { byId, h, say } from "./dom.js";
import { Fleet } from "./fleet.js";
import { KINDS, km, metricName, named, reading, shortName, STATUSES } from "./format.js";
import { CityMap, legend } from "./map.js";
import * as shapes from "./shapes.js";
import { about, follow } from "./stream.js";

const ALARM_MS = 60_000; // as the server has it
const STREETS_MS = 5000;
const SAY_MS = 6000;
const OPEN = new Set(["new", "waiting", "coming", "on_scene"]);
const TILES = [["alarms", "In alarm"], ["under_way", "Under way"], ["waiting", "Waiting"], ["free", "Free"]];

class Shown {
  vehicles = new Map();
  calls = new Map();
  ahead = 0; // of the server's clock before ours
  seesPatients = false;

  now = () => Date.now() + this.ahead;
  patientName = (call) => (this.seesPatients ? shortName(call.patient) : `Patient ${call.patient}`);
  vehicleLine = (vehicle) => `${shortName(vehicle.id)} \u00b7 ${named(KINDS, vehicle.kind).toLowerCase()} \u00b7 ${named(STATUSES, vehicle.status).toLowerCase()}`;
  callLine = (call) => `${this.patientName(call)} \u00b7 ${metricName(call.metric)} ${reading(call.metric, call.value)}`;

  *alarms() {
    const now = this.now();
    for (const call of this.calls.values()) if (OPEN.has(call.phase) || now - call.at <= ALARM_MS) yield call;
  }

  callOf(vehicle) {
    for (const call of this.calls.values()) {
      if (call.story?.vehicle === vehicle && (call.phase === "coming" || call.phase === "on_scene")) return call;
    }
    return null;
  }
}

const shown = new Shown();
const map = new CityMap(byId("map"), shown, (callNumber) => {
  calls.open(callNumber);
  choose(callNumber, false);
});
const calls = new Calls(byId("calls"), shown, (callNumber, isOpen) => {
  if (isOpen) choose(callNumber, false);
  else if (map.selected === callNumber) choose(null, false);
});
const fleet = new Fleet(byId("vehicles"), shown);
const tiles = Object.fromEntries(TILES.map(([name, label]) => {
  const tile = { value: h("dd", {}, "\u2013"), label: h("dt", {}, label) };
  byId("tiles").append(h("div", { class: `tile ${name}` }, tile.label, tile.value));
  return [name, tile];
}));
shown.look = (callNumber) => {
  choose(callNumber, true);
  byId("map").scrollIntoView({ block: "nearest" });
};

function choose(callNumber, look) {
  map.select(shown.calls.get(callNumber) ?? null, look);
}

function take(told) {
  shown.ahead = told.now - Date.now();
  if (told.whole) forgetAllBut(told);
  for (const id of told.gone.vehicles) forgetVehicle(id);
  for (const callNumber of told.gone.calls) forgetCall(callNumber);
  for (const vehicle of told.vehicles) {
    shown.vehicles.set(vehicle.id, vehicle);
    map.heard(vehicle);
  }
  for (const call of told.calls) {
    if (!told.whole) news.about(shown.calls.get(call.number), call);
    shown.calls.set(call.number, call);
    calls.update(call);
  }
  if (told.whole || told.calls.length || told.gone.calls.length) calls.settle();
  for (const [name] of TILES) say(tiles[name].value, String(told.totals[name]));
  say(tiles.free.label, `Free of ${told.totals.vehicles}`);
  byId("map-empty").hidden = shown.vehicles.size > 0;
  if (!map.view.bounds && shown.vehicles.size) map.view.enclose([...shown.vehicles.values()]);
}

function forgetAllBut(told) {
  const vehicles = new Set(told.vehicles.map((vehicle) => vehicle.id));
  const numbers = new Set(told.calls.map((call) => call.number));
  for (const id of [...shown.vehicles.keys()]) if (!vehicles.has(id)) forgetVehicle(id);
  for (const callNumber of [...shown.calls.keys()]) if (!numbers.has(callNumber)) forgetCall(callNumber);
}

function forgetVehicle(id) {
  shown.vehicles.delete(id);
  map.gone(id);
}

function forgetCall(callNumber) {
  shown.calls.delete(callNumber);
  calls.drop(callNumber);
}

/** What a screen reader says of it, a few words at a time. */
const news = {
  waiting: [],
  about(before, call) {
    if (before?.phase === call.phase) return;
    if (call.phase === "coming") this.waiting.push(`${shortName(call.story.vehicle)} sent to ${shown.patientName(call)}, ${km(call.story.km)}`);
    if (call.phase === "waiting") this.waiting.push(`Nobody can go to ${shown.patientName(call)}`);
  },
  tell() {
    if (!this.waiting.length) return;
    const more = this.waiting.length - 2;
    say(byId("said"), this.waiting.slice(0, 2).join(". ") + (more > 0 ? `. And ${more} more.` : "."));
    this.waiting = [];
  },
};

function tabs() {
  const all = [byId("tab-calls"), byId("tab-vehicles")];
  const pick = (tab) => {
    for (const each of all) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
      byId(each.getAttribute("aria-controls")).hidden = each !== tab;
    }
    if (tab === all[1]) fleet.write();
  };
  for (const [index, tab] of all.entries()) {
    tab.addEventListener("click", () => pick(tab));
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      pick(all[1 - index]);
      all[1 - index].focus();
    });
  }
}

function drawLegend() {
  const of = (status) => (context, colours) => shapes.vehicle(context, status, 40, 8, colours);
  const patient = (phase) => (context, colours) => shapes.patient(context, { phase }, 8, colours, 0.25);
  legend(byId("legend-list"), map.colours, [
    ["Patient, nobody sent yet", patient("waiting")], ["Patient, help is coming", patient("coming")],
    ["Patient, nobody needed", patient("suppressed")],
    ["Vehicle, free", of("idle")], ["on the way", of("dispatched")], ["with a patient", of("on_scene")],
    ["returning", of("returning")], ["out of service", of("out_of_service")], ["smaller: takes no patients", (context, colours) => {
      context.globalAlpha = 0.6;
      shapes.vehicle(context, "idle", 0, 5.6, colours);
    }],
  ]);
}

async function start() {
  const told = await about();
  shown.seesPatients = told.sees_patients;
  const ground = (answer) => map.ground(answer.streets, answer.areas);
  ground(told);
  follow("api/city", take);
  let isGrounded = told.streets.length || !told.awaits_streets;
  while (!isGrounded) {
    await new Promise((resolve) => setTimeout(resolve, STREETS_MS));
    const again = await about();
    if ((isGrounded = again.streets.length > 0)) ground(again);
  }
}

tabs();
drawLegend();
byId("legend").open = matchMedia("(min-width: 900px)").matches;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawLegend);
setInterval(() => {
  calls.tick(shown.now());
  if (!byId("vehicles").hidden) fleet.write();
}, 1000);
setInterval(() => news.tell(), SAY_MS);
start();
