// What things look like on the map. Every status has a shape of its own, so that none is told by colour alone.

/** Draws a vehicle around (0, 0), turned where it is heading. */
export function vehicle(context, status, heading, size, colours) {
  const draw = VEHICLES[Object.hasOwn(VEHICLES, status) ? status : "out_of_service"];
  context.save();
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.lineCap = "round";
  draw(context, size, colours, (heading * Math.PI) / 180);
  context.restore();
}

const VEHICLES = {
  idle(context, size, colours) {
    context.lineWidth = 1.75;
    circle(context, size * 0.58);
    paint(context, colours.ground, colours.idle);
  },
  dispatched(context, size, colours, turn) {
    context.rotate(turn);
    arrow(context, size * 1.45);
    paint(context, colours.dispatched, colours.ground);
  },
  on_scene(context, size, colours) {
    context.beginPath();
    context.rect(-size, -size, 2 * size, 2 * size);
    paint(context, colours.on_scene, colours.ground);
    context.fillStyle = colours.ground;
    context.fillRect(-size * 0.62, -size * 0.2, size * 1.24, size * 0.4);
    context.fillRect(-size * 0.2, -size * 0.62, size * 0.4, size * 1.24);
  },
  returning(context, size, colours, turn) {
    context.rotate(turn);
    arrow(context, size);
    paint(context, colours.ground, colours.returning);
  },
  out_of_service(context, size, colours) {
    const arm = size * 0.65;
    context.beginPath();
    context.moveTo(-arm, -arm);
    context.lineTo(arm, arm);
    context.moveTo(arm, -arm);
    context.lineTo(-arm, arm);
    context.strokeStyle = colours.muted;
    context.stroke();
  },
};

/** Draws a patient in alarm around (0, 0); beat runs from 0 to 1. */
export function patient(context, call, size, colours, beat) {
  context.save();
  const waits = call.phase === "waiting" || call.phase === "given_up" || call.phase === "new";
  const calm = call.phase === "ended" || call.phase === "suppressed";
  if (waits) {
    context.globalAlpha = 0.75 * (1 - beat);
    context.lineWidth = 2;
    context.strokeStyle = colours.alarm;
    circle(context, size * (1 + 1.6 * beat));
    context.stroke();
    context.globalAlpha = 1;
  }
  if (calm) {
    diamond(context, size * 0.8);
    context.lineWidth = 1.75;
    paint(context, colours.ground, colours.alarm);
  } else {
    diamond(context, size * 1.25);
    context.lineWidth = 1.5;
    paint(context, colours.alarm, colours.ground);
    context.fillStyle = colours.onAlarm;
    context.fillRect(-size * 0.13, -size * 0.62, size * 0.26, size * 0.74);
    context.fillRect(-size * 0.13, size * 0.28, size * 0.26, size * 0.26);
  }
  context.restore();
}

function circle(context, radius) {
  context.beginPath();
  context.arc(0, 0, radius, 0, 2 * Math.PI);
}

function diamond(context, radius) {
  context.beginPath();
  context.moveTo(0, -radius);
  context.lineTo(radius, 0);
  context.lineTo(0, radius);
  context.lineTo(-radius, 0);
  context.closePath();
}

function arrow(context, radius) {
  context.beginPath();
  context.moveTo(0, -radius);
  context.lineTo(radius * 0.82, radius * 0.85);
  context.lineTo(0, radius * 0.45);
  context.lineTo(-radius * 0.82, radius * 0.85);
  context.closePath();
}

function paint(context, fill, stroke) {
  context.fillStyle = fill;
  context.fill();
  context.strokeStyle = stroke;
  context.stroke();
}
