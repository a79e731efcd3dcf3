// What every page has: who and where one is, and a stream of events that comes back by itself.
import { byId, say } from "./dom.js";

const SILENT_MS = 8000; // both streams say something more often than that
const RETRY_MS = 2000;
const WORDS = { connecting: "Connecting", live: "Live", lost: "Connection lost, trying again", quiet: "No news from the server" };

/** The console's account of itself; a browser that is not signed in (any more) is sent to the door. */
export async function about() {
  for (;;) {
    try {
      const answer = await fetch("api/about");
      if (answer.status === 401) return leave();
      if (answer.ok) return introduce(await answer.json());
    } catch { /* it is being started again */ }
    show("lost");
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Calls take(document) with each event of the stream at that URL. */
export function follow(url, take) {
  let heard = performance.now();
  const open = () => {
    const source = new EventSource(url);
    source.onmessage = (event) => {
      heard = performance.now();
      show("live");
      take(JSON.parse(event.data));
    };
    source.onerror = async () => {
      show("lost");
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      await about(); // a refusal closes it for good: look whether it was for want of a session
      setTimeout(open, RETRY_MS);
    };
  };
  open();
  setInterval(() => performance.now() - heard > SILENT_MS && byId("connection").dataset.state === "live" && show("quiet"), 1000);
}

function introduce(told) {
  document.title = `${document.title.split(" \u00b7 ")[0]} \u00b7 ${told.pipeline}`;
  say(byId("pipeline"), told.pipeline);
  say(byId("privacy"), byId("privacy").dataset[told.sees_patients ? "shown" : "hidden"]);
  return told;
}

function leave() {
  location.assign("sign-in");
  return new Promise(() => {}); // nothing more happens here
}

function show(state) {
  const connection = byId("connection");
  if (connection.dataset.state === state) return;
  connection.dataset.state = state;
  say(byId("connection-text"), WORDS[state]);
}
