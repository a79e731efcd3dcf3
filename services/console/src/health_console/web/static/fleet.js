// The list of vehicles: how many do what, and each of them.
import { arrange, h, say } from "./dom.js";
import { KINDS, named, shortName, span, STATUSES } from "./format.js";

export class Fleet {
  constructor(root, shown) {
    this.shown = shown;
    this.rows = new Map();
    const title = (text) => h("th", { scope: "col" }, text);
    this.body = h("tbody");
    this.counts = h("p", { class: "fine" });
    root.append(this.counts, h("table", { class: "fleet" },
      h("caption", { class: "hidden" }, "Vehicles by status"),
      h("thead", {}, h("tr", {}, title("Vehicle"), title("Kind"), title("Status"), title("Heard"))), this.body));
  }

  /** Everything anew; called while it is looked at, once a second. */
  write() {
    const order = ["on_scene", "dispatched", "returning", "idle", "out_of_service"];
    const rank = (vehicle) => order.indexOf(vehicle.status);
    const all = [...this.shown.vehicles.values()].sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
    const counted = order.map((status) => [status, all.filter((vehicle) => vehicle.status === status).length]);
    say(this.counts, counted.filter(([, count]) => count).map(([status, count]) => `${count} ${named(STATUSES, status).toLowerCase()}`).join(", "));
    for (const id of this.rows.keys()) if (!this.shown.vehicles.has(id)) this.rows.delete(id);
    arrange(this.body, all.map((vehicle) => this.row(vehicle)));
  }

  row(vehicle) {
    if (!this.rows.has(vehicle.id)) {
      const cells = [h("span", { class: "status" }), h("td"), h("td")];
      const element = h("tr", {}, h("th", { scope: "row" }, shortName(vehicle.id)), h("td", {}, named(KINDS, vehicle.kind)), h("td", {}, cells[0]), cells[1]);
      this.rows.set(vehicle.id, { element, status: cells[0], heard: cells[1] });
    }
    const row = this.rows.get(vehicle.id);
    row.status.dataset.status = vehicle.status;
    say(row.status, named(STATUSES, vehicle.status));
    say(row.heard, span(this.shown.now() - vehicle.at));
    return row.element;
  }
}
