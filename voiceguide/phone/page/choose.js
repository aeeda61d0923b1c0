// Choosing what it is about: a place on the body, an entry of a list, or what was heard before.

import {
  $, ask, choices, clock, described, fill, go, item, kept, listOf, make, otherKinds, pageLanguage, place,
  regions, show, site, subjectOf, texts,
} from "./common.js";
import * as diary from "./diary.js";

const REACH_PX = 40; // a touch beside a shape means the nearest one
const STEP_PX = 3; // in which it is looked for
const FINGER_PX = 44; // a smaller shape is meant around it too; where several are, it is asked which one
const shapes = [...document.querySelectorAll("#body .region")];
let side; // of the body, where it was touched

/** Return the side that was touched, once. */
export function touchedSide() {
  const touched = side;
  side = undefined;
  return touched;
}

/** Light up what is chosen, and say its name; nothing is asked any more. */
export function mark(id) {
  $("#near").hidden = true;
  const ids = id?.split("+");
  for (const shape of shapes) shape.classList.toggle("selected", Boolean(ids?.includes(shape.dataset.region)));
  name(id);
}

function name(id) {
  const region = regions.get(id) || subjectOf(place()[0]);
  $("#touched").textContent = region ? region.name : texts.touch;
  $("#touched").classList.toggle("named", Boolean(region));
}

function choose(id, onSide) {
  side = onSide;
  go(`#${id}`);
}

function prepareBody() {
  const drawing = $("#body svg");
  drawing.setAttribute("role", "presentation"); // the group around it has the name
  const seen = new Set();
  for (const shape of shapes) {
    const id = shape.dataset.region;
    const region = regions.get(id);
    if (!region) { shape.remove(); continue; }
    const all = shapes.filter((other) => other.dataset.region === id);
    const set = (mark, on) => all.forEach((one) => one.classList.toggle(mark, on));
    shape.addEventListener("pointerenter", () => { set("hover", true); name(id); });
    shape.addEventListener("pointerleave", () => { set("hover", false); name(); });
    if (seen.has(id)) continue; // one stop for the keyboard; the others are the same region
    seen.add(id);
    shape.setAttribute("role", "button");
    shape.setAttribute("aria-label", region.name);
    shape.setAttribute("tabindex", "0");
    shape.addEventListener("focus", () => {
      set("focused", shape.matches(":focus-visible"));
      name(id);
    });
    shape.addEventListener("blur", () => { set("focused", false); name(); });
    shape.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(id);
    });
  }
  $("#body").addEventListener("click", ({ target, clientX, clientY, pointerType }) => {
    const near = nearby(clientX, clientY);
    const under = near.filter(({ away, shape }) => (
      away === 0 || (away - STEP_PX < FINGER_PX / 2 && away - STEP_PX < reachOf(shape))));
    if (pointerType === "touch" && under.length > 1) askWhich(under.map(({ shape }) => shape));
    else {
      const shape = target.closest(".region") ?? near[0]?.shape; // a screen reader's click is nowhere
      if (shape) choose(shape.dataset.region, shape.dataset.side);
    }
  });
}

/** Return how far around a shape a finger means it, so that it is as wide as a finger in its middle. */
function reachOf(shape) {
  const { x, y, width, height } = shape.getBoundingClientRect();
  const toShape = shape.getScreenCTM().inverse();
  const isIn = (across, along) => shape.isPointInFill(
    new DOMPoint(x + width / 2 + across, y + height / 2 + along).matrixTransform(toShape),
  );
  let [wide, tall] = [0, 0];
  for (let at = -FINGER_PX / 2; at < FINGER_PX / 2; at += 1) {
    wide += isIn(at, 0);
    tall += isIn(0, at);
  }
  return (FINGER_PX - Math.min(wide, tall)) / 2;
}

/** Let the buttons lead to the front and the back, where only one of these fits on the screen. */
function prepareSides() {
  const body = $("#body");
  const buttons = [...$("#sides").children];
  const tell = () => {
    const most = body.scrollWidth - body.clientWidth;
    buttons.forEach((button, index) => {
      const isSeen = most > 0 && (body.scrollLeft > most / 2) === (index === 1);
      button.disabled = most <= 0;
      if (isSeen) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    });
  };
  buttons.forEach((button, index) => button.addEventListener("click", () => body.scrollTo(index * body.scrollWidth, 0)));
  body.addEventListener("scroll", tell);
  new ResizeObserver(tell).observe(body);
}

function askWhich(under) {
  $("#near").replaceChildren(...under.map((shape) => make("button", {
    class: "quiet", onclick: () => choose(shape.dataset.region, shape.dataset.side),
  }, regions.get(shape.dataset.region).name)));
  $("#near").hidden = false;
}

/** Return the shapes around a point of the screen and how far they are, of each region the nearest. */
function nearby(x, y) {
  const found = new Map();
  for (let away = 0; away <= REACH_PX; away += STEP_PX) {
    for (let angle = 0; angle < 2 * Math.PI; angle += Math.PI / 8) {
      const seen = document.elementFromPoint(x + away * Math.cos(angle), y + away * Math.sin(angle));
      const shape = seen?.closest("#body .region");
      if (shape && !found.has(shape.dataset.region)) found.set(shape.dataset.region, { away, shape });
    }
  }
  return [...found.values()];
}

function prepareLists() {
  const about = (one) => item({ href: `#${one.id}` }, one.name, one.summary);
  $("#region-list").append(...choices.regions.map(about));
  fill("#kinds", otherKinds.map(about));
}

function chooseView(view) {
  $("#body-view").hidden = view === "list";
  $("#region-list").hidden = view !== "list";
  kept.set("view", view);
}

/** Return a session as an entry of a list. */
export const entry = (one) => item(
  { href: `#session/${one.id}` }, one.title, described(one.options, one.language),
  clock(one.duration_ms / 1000), one.language,
);

export async function showChoose() {
  show("choose");
  diary.show();
  try {
    const [sessions, playlists] = await Promise.all(["session", "playlist"].map((kind) => ask(listOf(kind))));
    const others = (one) => one.language !== pageLanguage; // come last on a site
    const sorted = (all) => (site ? [...all].sort((one, other) => others(one) - others(other)) : all);
    fill("#made", sorted(site ? sessions : sessions.slice(0, 5)).map(entry));
    fill("#made-playlists", sorted(playlists).map((one) => item(
      { href: `#playlist/${one.id}` }, one.title, described({}, one.language, one.tracks.length),
      clock(one.duration_ms / 1000), one.language,
    )));
  } catch { /* then only what can be chosen is shown */ }
}

/** Return small bodies with what is meant lit, as they are seen from where that is; or nothing. */
export function figures(id) {
  const ids = id.split("+");
  const first = ids.map((one) => shapes.find((shape) => shape.dataset.region === one && shape.isConnected));
  return [...new Set(first.filter(Boolean).map((one) => one.closest("g")))].map((seen) => {
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    drawing.setAttribute("viewBox", seen.id === "front" ? "0 0 200 460" : "200 0 200 460");
    for (const path of seen.querySelectorAll(".outline, .region")) {
      if (path.classList.contains("region") && !ids.includes(path.dataset.region)) continue;
      const copy = path.cloneNode();
      for (const name of ["tabindex", "role", "aria-label"]) copy.removeAttribute(name);
      copy.classList.remove("selected", "hover", "focused");
      drawing.append(copy);
    }
    return drawing;
  });
}

prepareBody();
prepareSides();
prepareLists();
const chosenView = kept.get("view") === "list" ? "list" : "body";
document.getElementsByName("view").forEach((input) => {
  input.checked = input.value === chosenView;
  input.addEventListener("change", () => chooseView(input.value));
});
chooseView(chosenView);
