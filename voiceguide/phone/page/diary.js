// Favourites, what was heard, and the numbers before and after: on this phone only.

import {
  $, clock, described, fill, inMinutes, item, kept, make, pageLanguage, say, subjectOf, texts,
} from "./common.js";
import { request } from "./request.js";

const MOST_KEPT = 500;
const MOST_SHOWN = 8;
const SVG = "http://www.w3.org/2000/svg";

/** Return a wish in a form in which equal ones are equal. */
const written = (wish) => JSON.stringify(Object.entries(wish).sort());

// What was heard

/** Note that a session was begun; return its entry, which `note` changes. */
export function begin(session) {
  const entry = {
    date: new Date().toISOString(), title: session.title, target: session.album,
    language: session.language, wish: session.options, before: null, after: null,
  };
  kept.set("diary", JSON.stringify([...kept.list("diary"), entry].slice(-MOST_KEPT)));
  return entry;
}

/** Note a number, from 0 to 10, “before” or “after”. */
export function note(entry, when, number) {
  entry[when] = number;
  keep(entry);
}

/** Note how a spot feels: better, same or worse. */
export function felt(entry, spot, how) {
  entry.spots = [...(entry.spots || []), { spot, answer: how }];
  keep(entry);
}

function keep(entry) {
  const entries = kept.list("diary");
  const index = entries.findLastIndex((one) => one.date === entry.date);
  if (index >= 0) entries[index] = entry;
  kept.set("diary", JSON.stringify(entries));
}

/** Keep where one stopped; null at the end. */
export function stopped(at) { kept.set("last", JSON.stringify(at)); }

function lastStopped() {
  try { return JSON.parse(kept.get("last")); } catch { return null; }
}

// Favourites

const same = (wish) => (one) => written(one.wish) === written(wish);
const isFavourite = (wish) => kept.list("favourites").some(same(wish));

export function showFavourite(wish) {
  $("#favourite").setAttribute("aria-pressed", String(isFavourite(wish)));
}

export function toggleFavourite(wish, title) {
  const others = kept.list("favourites").filter((one) => !same(wish)(one));
  const now = isFavourite(wish) ? others : [...others, { wish, title }];
  kept.set("favourites", JSON.stringify(now));
  showFavourite(wish);
}

// Showing it

export function show() {
  const last = lastStopped();
  const resumed = last ? [item(
    { href: last.hash }, say("resume", { title: last.title }), "", `${clock(last.at_s)} / ${clock(last.end_s)}`,
  )] : [];
  const favourites = kept.list("favourites").map(({ wish, title }) => item(
    { onclick: () => request("session", wish) }, `★ ${subjectOf(wish.target)?.name || title}`,
    details(wish), "", pageLanguage,
  ));
  fill("#mine", [...resumed, ...favourites]);
  const entries = kept.list("diary");
  $("#heard").hidden = !entries.length;
  $("#heard ul").replaceChildren(...entries.slice(-MOST_SHOWN).reverse().map(heard));
  $("#charts").replaceChildren(...charts(entries));
}

function details(wish) {
  const length = wish.minutes ? [inMinutes(wish.minutes)] : [];
  return [...length, described(wish, wish.language || pageLanguage)].filter(Boolean).join(" · ");
}

const day = (date) => new Date(date).toLocaleDateString(pageLanguage, { day: "numeric", month: "short" });

function heard({ date, title, language, wish, before, after, spots = [] }) {
  const numbers = before === null && after === null ? "" : `${before ?? "–"} → ${after ?? "–"}`;
  const details = [day(date), ...spots.map(({ spot, answer }) => `${spot}: ${texts[answer]}`)].join(" · ");
  return item({ onclick: () => request("session", wish) }, title, details, numbers, language);
}

/** Return for each place with two pairs of numbers or more how they went, before and after. */
function charts(entries) {
  const byTarget = new Map();
  for (const one of entries.filter(isPair)) byTarget.set(one.target, [...(byTarget.get(one.target) || []), one]);
  return [...byTarget].filter(([, pairs]) => pairs.length > 1).map(([target, pairs]) => {
    const last = pairs.slice(-20);
    const name = subjectOf(target)?.name || target;
    const words = last.map((one) => say("pair", { before: one.before, after: one.after })).join(", ");
    return make("figure", {}, make("figcaption", {}, name, " ", make("small", {}, texts.chart)), chart(last, `${name}: ${words}`));
  });
}

const isPair = (one) => Number.isInteger(one.before) && Number.isInteger(one.after);

/** Draw a line from the number before to that after for each session, from 0 below to 10 above. */
function chart(pairs, label) {
  const drawn = (tag, attributes) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const svg = drawn("svg", { viewBox: "0 0 300 84", role: "img", "aria-label": label, class: "chart" });
  const height = (number) => 78 - 7.2 * number;
  for (const number of [0, 5, 10]) svg.append(drawn("line", { x1: 0, x2: 300, y1: height(number), y2: height(number) }));
  pairs.forEach(({ before, after }, index) => {
    const x = (300 * (index + 0.5)) / pairs.length;
    svg.append(
      drawn("path", { d: `M${x - 4} ${height(before)}L${x + 4} ${height(after)}`, class: "change" }),
      drawn("circle", { cx: x - 4, cy: height(before), r: 3.5, class: "before" }),
      drawn("circle", { cx: x + 4, cy: height(after), r: 4.5, class: "after" }),
    );
  });
  return svg;
}

function save() {
  const kinds = { favourites: kept.list("favourites"), sessions: kept.list("diary") };
  const url = URL.createObjectURL(new Blob([JSON.stringify(kinds, null, 2)], { type: "application/json" }));
  make("a", { href: url, download: "voiceguide.json" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

$("#export").addEventListener("click", save);
$("#forget").addEventListener("click", () => {
  if (!confirm(texts.forget_sure)) return;
  for (const key of ["diary", "last"]) kept.set(key, "null");
  show();
});
