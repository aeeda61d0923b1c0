// Choosing what it is about: a place on the body, an entry of a list, or what was heard before.

import {
  $, ask, choices, clock, described, fill, go, item, kept, listOf, make, otherKinds, pageLanguage, place,
  regions, show, site, subjectOf, texts,
} from "./common.js";
import * as diary from "./diary.js";

const REACH_PX = 40; // a touch beside a shape means the nearest one
const FINGER_PX = 44; // where several shapes are under a finger, it is asked which one is meant
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
  drawing.addEventListener("click", ({ target, clientX, clientY, pointerType }) => {
    const hit = target.closest(".region");
    const near = nearby(clientX, clientY, hit);
    const under = near.filter(([away]) => away <= FINGER_PX / 2).map(([, shape]) => shape);
    const [first] = near.filter(([away]) => away <= REACH_PX).map(([, shape]) => shape);
    const box = hit?.getBoundingClientRect();
    const isLarge = box && Math.min(box.width, box.height) >= FINGER_PX;
    if (pointerType === "touch" && under.length > 1 && !isLarge) askWhich(under.slice(0, 4));
    else if (hit || first) choose((hit || first).dataset.region, (hit || first).dataset.side);
  });
}

function askWhich(under) {
  $("#near").replaceChildren(...under.map((shape) => make("button", {
    class: "quiet", onclick: () => choose(shape.dataset.region, shape.dataset.side),
  }, regions.get(shape.dataset.region).name)));
  $("#near").hidden = false;
}

/** Return the shapes with how far they are from a point of the screen: of each region the nearest. */
function nearby(x, y, hit) {
  const away = (shape) => {
    const toScreen = shape.getScreenCTM();
    const length = shape.getTotalLength();
    let least = Infinity;
    for (let part = 0; part < 1; part += 1 / 48) {
      const { x: atX, y: atY } = shape.getPointAtLength(part * length).matrixTransform(toScreen);
      least = Math.min(least, Math.hypot(atX - x, atY - y));
    }
    return least;
  };
  const all = shapes.filter((shape) => shape.isConnected)
    .map((shape) => [shape === hit ? 0 : away(shape), shape]).sort(([one], [other]) => one - other);
  const ids = all.map(([, shape]) => shape.dataset.region);
  return all.filter(([, shape], index) => ids.indexOf(shape.dataset.region) === index);
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
prepareLists();
const chosenView = kept.get("view") === "list" ? "list" : "body";
document.getElementsByName("view").forEach((input) => {
  input.checked = input.value === chosenView;
  input.addEventListener("change", () => chooseView(input.value));
});
chooseView(chosenView);
