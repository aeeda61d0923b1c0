// Choosing the rest: each field of the form is one of the options that the computer knows.

import {
  $, ask, choices, kept, kindOf, make, massage, pageLanguage, place, regions, root, show, startingValues, texts,
} from "./common.js";
import { touchedSide } from "./choose.js";
import * as diary from "./diary.js";
import { request, requestPlaylist } from "./request.js";

const KEPT = ["method", "pace", "level", "guidance", "bed", "rate"]; // from one visit to the next
const LONGEST_MIN = 180;
const form = $("form");
const fields = new Map([...form.querySelectorAll("[data-option]")].map((field) => [nameOf(field), field]));
let subject; // the region or kind that is chosen

/** Return what the controls of a field are called: its option, with the kind if it is the kind's own. */
function nameOf({ dataset: { kind, option } }) { return kind ? `${kind}.${option}` : option; }

/** Return what a field holds; "" for nothing. */
function valueOf(name) {
  const control = form.elements.namedItem(name);
  if (control?.type === "checkbox") return control.checked;
  const other = otherOf(name);
  const { value } = control?.value === "other" && other ? other : control || { value: "" };
  const counts = control?.type === "number" || other?.type === "number" || "number" in fields.get(name).dataset;
  return value && counts ? Number(value) : value;
}

/** Let a field hold a value, if it can. */
function setValue(name, value) {
  const control = form.elements.namedItem(name);
  if (!control) return;
  const known = [...(control.options || (control.length ? control : []))].map((one) => one.value);
  const other = otherOf(name);
  if (control.type === "checkbox") control.checked = value === true;
  else if (!known.length || known.includes(String(value))) control.value = value;
  else if (other) { control.value = "other"; other.value = value; }
}

/** Return the control for a value besides those that a field offers. */
const otherOf = (name) => fields.get(name).querySelector("[data-other]");

export function showSubject(chosen) {
  show("options", chosen.name);
  $("#trouble").replaceChildren();
  $("#options-title").textContent = chosen.name;
  const minutes = chosen.natural_ms && Math.round(chosen.natural_ms / 60_000);
  const lasts = minutes ? `. ${texts.lasts.replace("{n}", minutes)}` : "";
  $("#summary").textContent = chosen.summary + lasts;
  if (subject !== chosen) {
    subject = chosen;
    if (regions.has(subject.id)) offerAreas();
  }
  setValue("side", touchedSide() || startingValues.side || "both");
  takeBack();
  suit();
  offerVoices();
  diary.showFavourite(wanted());
}

function offerAreas() {
  form.area.replaceChildren(
    make("option", { value: "" }, texts.first_area),
    ...subject.areas.map((area) => make("option", { value: area.id }, area.name)),
    ...(subject.areas.length > 1 ? [make("option", { value: "all" }, texts.all_areas)] : []),
  );
  setValue("area", startingValues.area || "");
}

/** Show only what suits the kind, and what goes together. */
function suit() {
  const kind = kindOf(subject);
  for (const field of fields.values()) {
    const { kind: owner, option } = field.dataset;
    field.hidden = owner ? owner !== kind.id : !kind.options.includes(option);
  }
  if (kind === massage) suitTreatment();
  for (const name of fields.keys()) {
    const other = otherOf(name);
    if (!other) continue;
    const isUsed = !fields.get(name).hidden && form.elements.namedItem(name).value === "other";
    other.disabled = !isUsed;
    other.closest(".other").hidden = !isUsed;
  }
}

/** Show the methods that suit the areas, and sides and preparation only where there are some. */
function suitTreatment() {
  const one = subject.areas.find((area) => area.id === form.area.value);
  const areas = one ? [one] : form.area.value === "all" ? subject.areas : subject.areas.slice(0, 1);
  const suited = new Set(areas.flatMap((area) => area.methods));
  const before = valueOf("method") || kept.get("method") || startingValues.method;
  const methods = choices.methods.filter((method) => suited.has(method.id));
  const selected = methods.find((method) => method.id === before) // else, who is here may be new to it
    || methods.find((method) => method.gentle) || methods[0];
  fields.get("method").querySelector(".pills").replaceChildren(...methods.map((method) => {
    const input = make("input", { type: "radio", name: "method", value: method.id });
    input.checked = method === selected;
    return make("label", {}, input, make("span", {}, method.name));
  }));
  fields.get("method").querySelector(".hint").textContent = selected.summary;
  const preparing = choices.methods.find((method) => method.prepares);
  if (!areas.some((area) => area.two_sided)) fields.get("side").hidden = true;
  if (selected === preparing || !suited.has(preparing?.id)) fields.get("prepare").hidden = true;
}

// The voice: those that are installed for the language that is spoken, and how they sound

const sample = new Audio();
let offered; // the language whose voices are offered

async function offerVoices() {
  const language = valueOf("language");
  if (offered === language || !$("#more").open) return;
  offered = language;
  try {
    const voices = await ask(`api/voices?language=${language}`);
    if (offered !== language) return;
    const before = form.voice.value;
    const best = voices.find((voice) => voice.speaks);
    form.voice.replaceChildren(
      make("option", { value: "" }, best ? `${texts.best_voice}: ${best.name}` : texts.best_voice),
      ...voices.map((voice) => make("option", { value: voice.id }, `${voice.name} (${voice.engine})`)),
    );
    setValue("voice", before);
  } catch { offered = undefined; /* the best one speaks */ }
}

function hearVoice() {
  const state = $("#sample-state");
  state.textContent = texts.sample_comes;
  sample.src = `${root}samples/${valueOf("language")}.mp3?voice=${encodeURIComponent(form.voice.value)}`;
  sample.play().then(
    () => { state.textContent = ""; },
    (error) => { if (error.name !== "AbortError") state.textContent = texts.sample_fails; },
  );
}

// What is asked for

/** Return what the form asks for: all that is shown and filled in. */
function wanted() {
  const chosen = { target: subject.id };
  for (const [name, field] of fields) {
    const value = valueOf(name);
    if (field.hidden || value === "") continue;
    const [first, variable] = field.dataset.option.split(".");
    if (variable) (chosen[first] ??= {})[variable] = value;
    else chosen[first] = value;
  }
  return chosen;
}

function step(by) {
  const minutes = otherOf("minutes");
  minutes.value = Math.min(LONGEST_MIN, Math.max(1, Number(minutes.value) + by));
  kept.set("minutes", minutes.value);
}

// Another language of the page: what was chosen stays.

/** Lay aside what the form holds, for the page in another language. */
export function layAside() {
  if (!subject || place()[0] !== subject.id) return;
  const chosen = wanted();
  if (chosen.language === pageLanguage) delete chosen.language; // that follows the page
  try { sessionStorage.setItem("form", JSON.stringify(chosen)); } catch { /* then not */ }
}

function takeBack() {
  try {
    const { target, variables, ...chosen } = JSON.parse(sessionStorage.getItem("form")) || {};
    sessionStorage.removeItem("form");
    if (target !== subject.id) return;
    for (const [name, value] of Object.entries(chosen)) if (fields.has(name)) setValue(name, value);
    for (const [name, value] of Object.entries(variables || {})) {
      setValue(`${subject.id}.variables.${name}`, value);
    }
  } catch { /* nothing that is ours */ }
}

// Begin

otherOf("minutes").value = kept.get("minutes") || otherOf("minutes").value;
const keptValues = KEPT.map((name) => [name, kept.get(name)]).filter(([, value]) => value !== null);
for (const [name, value] of [...Object.entries(startingValues), ...keptValues]) {
  if (fields.has(name)) setValue(name, value);
}
form.addEventListener("change", ({ target }) => {
  const name = nameOf(target.closest("[data-option]"));
  if (KEPT.includes(name)) kept.set(name, valueOf(name));
  if (name === "minutes" && "other" in target.dataset) kept.set(name, target.value);
  suit();
  offerVoices();
  diary.showFavourite(wanted());
});
form.addEventListener("submit", (event) => { event.preventDefault(); request("session", wanted()); });
$("#make-playlist").addEventListener("click", () => {
  if (form.reportValidity()) requestPlaylist(wanted());
});
$("#favourite").addEventListener("click", () => diary.toggleFavourite(wanted(), subject.name));
$("#more").addEventListener("toggle", offerVoices);
$("#sample").addEventListener("click", hearVoice);
$("#shorter").addEventListener("click", () => step(-1));
$("#longer").addEventListener("click", () => step(1));
