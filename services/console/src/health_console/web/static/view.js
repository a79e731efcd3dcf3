// Where on the earth the canvas looks, and how people move it: drag, wheel, pinch, keys. Equirectangular around the
// city, which over tens of kilometres differs from better projections by less than a pixel.

const LEAST = 200; // pixels per degree of latitude: half a continent
const MOST = 4_000_000; // a crossing
const STEP = 1.5;
const KEYS = {
  ArrowLeft: (view) => view.drag(60, 0), ArrowRight: (view) => view.drag(-60, 0),
  ArrowUp: (view) => view.drag(0, 60), ArrowDown: (view) => view.drag(0, -60),
  "+": (view) => view.zoom(STEP), "=": (view) => view.zoom(STEP), "-": (view) => view.zoom(1 / STEP),
  0: (view) => view.fit(),
};

export class View {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.width = this.height = 1;
    this.scale = 8000;
    this.centre = { lat: 0, lon: 0 };
    this.bounds = null;
    this.touched = false; // by the user: then it stays where it is
    this.fingers = new Map();
    this.moved = 0;
    this.listen();
  }

  /** Look at these places as a whole, now and whenever everything is asked for. */
  enclose(places) {
    if (!places.length) return;
    const of = (key, pick) => places.reduce((found, place) => pick(found, place[key]), places[0][key]);
    this.bounds = { south: of("lat", Math.min), north: of("lat", Math.max), west: of("lon", Math.min), east: of("lon", Math.max) };
    if (!this.touched) this.fit();
  }

  fit() {
    if (!this.bounds) return;
    const { south, north, west, east } = this.bounds;
    this.centre = { lat: (south + north) / 2, lon: (west + east) / 2 };
    const margin = 0.94;
    const tall = (this.height * margin) / Math.max(north - south, 1e-4);
    const wide = (this.width * margin) / Math.max((east - west) * this.squeeze, 1e-4);
    this.scale = clamp(Math.min(tall, wide), LEAST, MOST);
    this.touched = false;
    this.changed();
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
    if (!this.touched) this.fit();
    this.changed();
  }

  get squeeze() {
    return Math.cos((this.centre.lat * Math.PI) / 180);
  }

  x = (lon) => this.width / 2 + (lon - this.centre.lon) * this.scale * this.squeeze;
  y = (lat) => this.height / 2 - (lat - this.centre.lat) * this.scale;

  get pixelsPerKm() {
    return this.scale / 111.195;
  }

  look(place) {
    this.centre = { lat: place.lat, lon: place.lon };
    this.scale = Math.max(this.scale, 30_000);
    this.touched = true;
    this.changed();
  }

  drag(dx, dy) {
    this.centre = {
      lat: clamp(this.centre.lat + dy / this.scale, -85, 85),
      lon: clamp(this.centre.lon - dx / (this.scale * this.squeeze), -180, 180),
    };
    this.touched = true;
    this.changed();
  }

  /** Zoom and keep the place under (x, y) where it is. */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const scale = clamp(this.scale * factor, LEAST, MOST);
    const keep = 1 - this.scale / scale;
    const dx = (this.width / 2 - x) * keep;
    const dy = (this.height / 2 - y) * keep;
    this.scale = scale;
    this.drag(dx, dy);
  }

  listen() {
    const { canvas, fingers } = this;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-clamp(event.deltaY, -100, 100) / 300), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
      if (fingers.size === 1) this.moved = 0;
    });
    canvas.addEventListener("pointermove", (event) => this.pull(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
    canvas.addEventListener("keydown", (event) => {
      if (!Object.hasOwn(KEYS, event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      KEYS[event.key](this);
    });
  }

  pull(event) {
    const finger = this.fingers.get(event.pointerId);
    if (!finger) return;
    const before = this.spread();
    const dx = event.offsetX - finger.x;
    const dy = event.offsetY - finger.y;
    finger.x = event.offsetX;
    finger.y = event.offsetY;
    this.moved += Math.abs(dx) + Math.abs(dy);
    this.drag(dx / this.fingers.size, dy / this.fingers.size);
    const after = this.spread();
    if (before && after) this.zoom(after.far / before.far, after.x, after.y);
  }

  /** Of two fingers: how far apart, and the middle. */
  spread() {
    if (this.fingers.size !== 2) return null;
    const [a, b] = [...this.fingers.values()];
    return { far: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  }
}

const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
