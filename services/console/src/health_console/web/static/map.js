// The map: streets, areas, vehicles, patients, and who is on the way to whom, on one canvas.
import { byId, say } from "./dom.js";
import { km, kmBetween, span } from "./format.js";
import * as shapes from "./shapes.js";
import { View } from "./view.js";

const COLOURS = ["ground", "street", "area", "ink", "muted", "idle", "dispatched", "on_scene", "returning", "alarm", "onAlarm", "paper", "accent"];
const BEAT_MS = 1600;
const DASH_MS = 60;
const GLIDE_MS = [150, 2500]; // how long a vehicle takes to where it was heard of, at least and at most
const NEAR = 16; // pixels around the pointer
const LABELS = 8; // more would hide what they are about, unless one looks closely
const CLOSE = 150; // pixels a kilometre
const TAKES_PATIENTS = new Set(["ambulance", "rapid_response"]);
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class CityMap {
  /** shown: the state that city.js keeps; chosen(number): a call was picked. */
  constructor(canvas, shown, chosen) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.shown = shown;
    this.chosen = chosen;
    this.streets = [];
    this.areas = [];
    this.glides = new Map();
    this.selected = null;
    this.pointer = null;
    this.view = new View(canvas, () => (this.stale = true));
    this.stale = true;
    this.listen();
    this.recolour();
    requestAnimationFrame(this.frame);
  }

  /** The ground to draw on: lines and polygons of [longitude, latitude]. */
  ground(streets, areas) {
    this.streets = streets;
    this.areas = areas;
    const places = [...streets, ...areas.map((area) => area.polygon)].flat().map(([lon, lat]) => ({ lon, lat }));
    this.view.enclose(places);
  }

  /** A vehicle was heard of: let it glide there from where it is seen now. */
  heard(vehicle) {
    const now = performance.now();
    const glide = this.glides.get(vehicle.id);
    const from = glide ? this.place(glide, now) : vehicle;
    const since = glide ? now - glide.began : 0;
    const lasts = Math.min(GLIDE_MS[1], Math.max(GLIDE_MS[0], since));
    const isFar = kmBetween(from, vehicle) > 2; // it was away: to glide would be made up
    this.glides.set(vehicle.id, { from: isFar ? vehicle : { lat: from.lat, lon: from.lon }, to: vehicle, began: now, lasts });
  }

  gone(id) {
    this.glides.delete(id);
  }

  /** Show that call, and look at it if it cannot be seen. */
  select(call, look) {
    this.selected = call ? call.number : null;
    if (call && look) this.view.look(call);
    this.stale = true;
  }

  place(glide, now) {
    const share = glide.lasts ? Math.min(1, (now - glide.began) / glide.lasts) : 1;
    return {
      lat: glide.from.lat + (glide.to.lat - glide.from.lat) * share,
      lon: glide.from.lon + (glide.to.lon - glide.from.lon) * share,
    };
  }

  listen() {
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    this.canvas.addEventListener("pointermove", (event) => (this.pointer = { x: event.offsetX, y: event.offsetY }));
    this.canvas.addEventListener("pointerleave", () => (this.pointer = null));
    this.canvas.addEventListener("click", (event) => {
      if (this.view.moved > 6) return; // it was a drag
      const found = this.at(event.offsetX, event.offsetY);
      this.chosen(found?.call?.number ?? null);
    });
    byId("zoom-in").addEventListener("click", () => this.view.zoom(1.5));
    byId("zoom-out").addEventListener("click", () => this.view.zoom(1 / 1.5));
    byId("zoom-all").addEventListener("click", () => this.view.fit());
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = Math.min(2, devicePixelRatio || 1);
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.ratio = ratio;
    this.view.resize(width, height);
  }

  recolour() {
    const style = getComputedStyle(document.documentElement);
    this.colours = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.font = style.getPropertyValue("--font").trim();
    this.stale = true;
  }

  frame = (now) => {
    requestAnimationFrame(this.frame);
    if (!this.ratio) return;
    const moves = !still.matches && (this.shown.calls.size > 0 || this.glides.size > 0);
    if (!this.stale && !moves && now - (this.drawn ?? 0) < 200) return;
    this.stale = false;
    this.drawn = now;
    this.draw(now);
  };

  draw(now) {
    const { context, view, colours } = this;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.fillStyle = colours.ground;
    context.fillRect(0, 0, view.width, view.height);
    this.drawGround();
    this.spots = [];
    const busy = this.journeys(now);
    for (const journey of busy) this.drawJourney(journey, now);
    this.drawVehicles(now, (status) => status !== "dispatched");
    this.drawPatients(now);
    this.drawVehicles(now, (status) => status === "dispatched"); // who is nearly there is seen all the same
    this.drawLabels(busy);
    this.drawTip();
    this.drawScale();
  }

  drawGround() {
    const { context, view, colours } = this;
    context.strokeStyle = colours.street;
    context.lineWidth = Math.min(7, Math.max(1, view.pixelsPerKm / 45));
    context.beginPath();
    for (const line of this.streets) this.trace(line);
    context.stroke();
    context.strokeStyle = colours.area;
    context.lineWidth = 1.5;
    context.setLineDash([7, 5]);
    context.fillStyle = colours.area;
    context.font = `600 12px ${this.font}`;
    context.textAlign = "center";
    for (const area of this.areas) {
      context.beginPath();
      this.trace([...area.polygon, area.polygon[0]]);
      context.stroke();
      const corners = area.polygon.length;
      const [lon, lat] = area.polygon.reduce((sum, corner) => [sum[0] + corner[0] / corners, sum[1] + corner[1] / corners], [0, 0]);
      context.fillText(area.name, view.x(lon), view.y(lat));
    }
    context.setLineDash([]);
  }

  trace(line) {
    line.forEach(([lon, lat], index) => {
      const [x, y] = [this.view.x(lon), this.view.y(lat)];
      if (index) this.context.lineTo(x, y);
      else this.context.moveTo(x, y);
    });
  }

  /** Who is on the way to whom, as seen now. */
  journeys(now) {
    const found = [];
    for (const call of this.shown.calls.values()) {
      if (call.phase !== "coming") continue;
      const glide = this.glides.get(call.story?.vehicle);
      if (!glide) continue;
      const at = this.place(glide, now);
      found.push({
        call, far: kmBetween(at, call), since: this.shown.now() - call.story.decided_at,
        from: [this.view.x(at.lon), this.view.y(at.lat)], to: [this.view.x(call.lon), this.view.y(call.lat)],
      });
    }
    return found.sort((a, b) => this.rank(a.call) - this.rank(b.call));
  }

  rank(call) {
    return call.number === this.selected ? -Infinity : -call.story.decided_at;
  }

  drawJourney({ call, from, to }, now) {
    const { context, colours } = this;
    const isSelected = call.number === this.selected;
    context.save();
    context.lineCap = "round";
    context.strokeStyle = colours.ground;
    context.lineWidth = isSelected ? 7 : 5;
    this.stroke(from, to);
    context.strokeStyle = colours.dispatched;
    context.lineWidth = isSelected ? 3.5 : 2;
    context.setLineDash([6, 6]);
    context.lineDashOffset = still.matches ? 0 : -(now / DASH_MS) % 12;
    this.stroke(from, to);
    context.restore();
  }

  stroke(from, to) {
    this.context.beginPath();
    this.context.moveTo(...from);
    this.context.lineTo(...to);
    this.context.stroke();
  }

  get size() {
    return Math.min(12, Math.max(6, 4.5 + this.view.pixelsPerKm / 35));
  }

  drawVehicles(now, wanted) {
    const { context, view } = this;
    const order = { out_of_service: 0, idle: 1, returning: 2, on_scene: 3 };
    const seen = [...this.glides.values()].filter((glide) => wanted(glide.to.status)).sort((a, b) => (order[a.to.status] ?? 0) - (order[b.to.status] ?? 0));
    for (const glide of seen) {
      const at = this.place(glide, now);
      const [x, y] = [view.x(at.lon), view.y(at.lat)];
      if (x < -20 || y < -20 || x > view.width + 20 || y > view.height + 20) continue;
      const size = this.size * (TAKES_PATIENTS.has(glide.to.kind) ? 1 : 0.7);
      context.save();
      context.translate(x, y);
      if (!TAKES_PATIENTS.has(glide.to.kind)) context.globalAlpha = 0.6;
      shapes.vehicle(context, glide.to.status, glide.to.heading, size, this.colours);
      context.restore();
      this.spots.push({ x, y, vehicle: glide.to, call: this.shown.callOf(glide.to.id) });
    }
  }

  drawPatients(now) {
    const { context, view, colours } = this;
    const beat = still.matches ? 0.4 : (now % BEAT_MS) / BEAT_MS;
    for (const call of this.shown.alarms()) {
      const [x, y] = [view.x(call.lon), view.y(call.lat)];
      if (call.phase === "on_scene") {
        this.spots.push({ x, y, call });
        if (call.number !== this.selected) continue; // the vehicle stands there
      }
      context.save();
      context.translate(x, y);
      if (call.number === this.selected) {
        context.strokeStyle = colours.accent;
        context.lineWidth = 3;
        context.beginPath();
        context.arc(0, 0, this.size * 2.3, 0, 2 * Math.PI);
        context.stroke();
      }
      if (call.phase !== "on_scene") shapes.patient(context, call, this.size, colours, beat);
      context.restore();
      this.spots.push({ x, y, call });
    }
  }

  /** Distance and time of each journey, the newest first; one that would cover another is left out. */
  drawLabels(busy) {
    const { context, colours } = this;
    const taken = [];
    context.font = `600 11.5px ${this.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const { call, far, since, from, to } of busy) {
      const text = `${km(far)} \u00b7 ${span(since)}`;
      const width = context.measureText(text).width + 14;
      const y = Math.max(14, Math.min(from[1], to[1]) - this.size - 15);
      const x = Math.min(this.view.width - width / 2 - 4, Math.max(width / 2 + 4, (from[0] + to[0]) / 2));
      const box = { left: x - width / 2, right: x + width / 2, top: y - 10, bottom: y + 10 };
      const covers = (other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top;
      const isOff = to[0] < 0 || to[1] < 0 || to[0] > this.view.width || to[1] > this.view.height;
      if (isOff || taken.some(covers)) continue;
      if (taken.length >= LABELS && this.view.pixelsPerKm < CLOSE) break;
      taken.push(box);
      context.beginPath();
      context.roundRect(box.left, box.top, width, 20, 10);
      context.fillStyle = colours.paper;
      context.fill();
      context.strokeStyle = call.number === this.selected ? colours.accent : colours.dispatched;
      context.lineWidth = call.number === this.selected ? 2 : 1;
      context.stroke();
      context.fillStyle = colours.ink;
      context.fillText(text, x, y + 0.5);
    }
    context.textBaseline = "alphabetic";
  }

  at(x, y) {
    let best = null;
    let least = NEAR;
    for (const spot of this.spots ?? []) {
      const far = Math.hypot(spot.x - x, spot.y - y);
      if (far <= least) [best, least] = [spot, far];
    }
    return best;
  }

  drawTip() {
    const tip = byId("tip");
    const found = this.pointer && !this.view.fingers.size ? this.at(this.pointer.x, this.pointer.y) : null;
    this.canvas.classList.toggle("pointing", Boolean(found?.call));
    tip.hidden = !found;
    if (!found) return;
    say(tip, found.vehicle ? this.shown.vehicleLine(found.vehicle) : this.shown.callLine(found.call));
    tip.style.left = `${Math.min(found.x + 14, this.view.width - tip.offsetWidth - 6)}px`;
    tip.style.top = `${Math.min(found.y + 14, this.view.height - tip.offsetHeight - 6)}px`;
  }

  drawScale() {
    const lengths = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];
    const length = lengths.findLast((each) => each * this.view.pixelsPerKm <= 110) ?? lengths[0];
    byId("scale-bar").style.width = `${length * this.view.pixelsPerKm}px`;
    say(byId("scale-text"), length < 1 ? `${length * 1000} m` : `${length} km`);
  }
}

/** A legend in the map's own shapes. */
export function legend(list, colours, entries) {
  const ratio = 2;
  list.replaceChildren(...entries.map(([text, draw]) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 26 * ratio;
    canvas.setAttribute("aria-hidden", "true");
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.translate(13, 13);
    draw(context, colours);
    const item = document.createElement("li");
    item.append(canvas, text);
    return item;
  }));
}

