// Figures as people read them.

const METRICS = { heart_rate: ["Heart rate", "/min"], spo2: ["SpO\u2082", "%"] };
export const STATUSES = {
  idle: "Free", dispatched: "On the way", on_scene: "With a patient", returning: "Returning", out_of_service: "Out of service",
};
export const KINDS = { ambulance: "Ambulance", rapid_response: "Rapid response", fire: "Fire", police: "Police" };
export const VERDICTS = {
  chosen: "sent", farther: "farther away", out_of_radius: "too far", busy: "busy", stale: "not heard of lately",
  too_late: "free too late",
};

export const named = (names, key) => (Object.hasOwn(names, key) ? names[key] : String(key));

export const metricName = (metric) => (Object.hasOwn(METRICS, metric) ? METRICS[metric][0] : String(metric));

export function reading(metric, value) {
  const unit = Object.hasOwn(METRICS, metric) ? METRICS[metric][1] : "";
  return `${number(value)}\u00a0${unit}`.trim();
}

/** A rule in words: "spo2 <= 91" -> "SpO₂ ≤ 91". */
export function rule(text) {
  const [metric, ...rest] = String(text).split(" ");
  return [metricName(metric), ...rest].join(" ").replace("<=", "\u2264").replace(">=", "\u2265");
}

export function number(value) {
  if (value === null || value === undefined) return "\u2013";
  const digits = Math.abs(value) < 10 && !Number.isInteger(value) ? 1 : 0;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** Milliseconds as a span: "34 s", "2 min 05 s", "1 h 04 min". */
export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}\u00a0s`;
  const minutes = Math.floor(seconds / 60);
  const two = (value) => String(value).padStart(2, "0");
  if (minutes < 60) return `${minutes}\u00a0min ${two(seconds % 60)}\u00a0s`;
  return `${Math.floor(minutes / 60)}\u00a0h ${two(minutes % 60)}\u00a0min`;
}

/** A short latency: "71 ms", "1.3 s", "34 s". */
export function latency(ms) {
  if (ms === null || ms === undefined) return "\u2013";
  return ms < 1000 ? `${Math.round(ms)}\u00a0ms` : ms < 10_000 ? `${(ms / 1000).toFixed(1)}\u00a0s` : span(ms);
}

export const km = (value) => (value === null || value === undefined ? "\u2013" : `${value.toFixed(value < 10 ? 2 : 1)}\u00a0km`);

export const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");

/** "vehicle-000044" -> "vehicle 44"; other names stay as they are. */
export const shortName = (id) => String(id).replace(/^([a-z]+)-0*(\d+)$/, "$1 $2");

export const kmBetween = (a, b) => {
  const radians = (degrees) => (degrees * Math.PI) / 180;
  const dphi = radians(b.lat - a.lat) / 2;
  const dlambda = radians(b.lon - a.lon) / 2;
  const chord = Math.sin(dphi) ** 2 + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * Math.sin(dlambda) ** 2;
  return 2 * 6371.0088 * Math.asin(Math.sqrt(Math.min(1, chord)));
};
