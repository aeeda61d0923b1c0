// Choosing the rest: each field of the form is one of the options that the computer knows.

import {
  $, ask, choices, go, kept, kindOf, make, massage, pageLanguage, place, regions, root, say, show,
  startingValues, texts,
} from "./common.js";
import { touchedSide } from "./choose.js";
import * as diary from "./diary.js";
import { LONGEST_MIN, request, requestPlaylist } from "./request.js";

const KEPT = ["method", "pace", "level", "guidance", "bed", "rate"]; // from one visit to the next
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
  const minutes = !chosen.parts && chosen.natural_ms && Math.round(chosen.natural_ms / 60_000);
  const lasts = minutes ? `. ${say("lasts", { n: minutes })}` : "";
  $("#summary").textContent = chosen.summary + lasts;
  const [side, isNew] = [touchedSide(), subject?.id !== chosen.id];
  if (isNew) {
    subject = chosen;
    if (kindOf(subject) === massage) { offerAreas(); offerOthers(); }
  }
  if (side || isNew) setValue("side", side || startingValues.side || "both");
  takeBack();
  suit();
  offerVoices();
  diary.showFavourite(wanted());
}

function offerAreas() {
  const areas = subject.parts ? [] : subject.areas;
  form.area.replaceChildren(
    make("option", { value: "" }, texts.first_area),
    ...areas.map((area) => make("option", { value: area.id }, area.name)),
    ...(areas.length > 1 ? [make("option", { value: "all" }, texts.all_areas)] : []),
  );
  setValue("area", startingValues.area || "");
}

// Several places in one session

const MOST_TOGETHER = 5;

/** Return the methods that the first areas of several places have in common. */
const common = ([first, ...others]) => first.areas[0].methods
  .filter((method) => others.every((one) => one.areas[0].methods.includes(method)));

/** Offer the places that go together with what is chosen, and to leave out one of several. */
function offerOthers() {
  const parts = subject.parts || [subject];
  const others = parts.length < MOST_TOGETHER
    ? choices.regions.filter((one) => !parts.includes(one) && common([...parts, one]).length) : [];
  $("#also").replaceChildren(
    make("option", { value: "" }, texts.no_other),
    ...others.map((one) => make("option", { value: one.id }, one.name)),
  );
  $("#also").disabled = !others.length;
  $("#parts").hidden = parts.length < 2;
  $("#parts").replaceChildren(...parts.map((one) => make("button", {
    type: "button", class: "quiet", "aria-label": say("leave_out", { what: one.name }),
    onclick: () => treat(parts.filter((other) => other !== one)),
  }, `${one.name} ×`)));
}

/** Choose other places; all else stays as it is. */
function treat(parts) {
  const id = parts.map((one) => one.id).join("+");
  keepForm(id);
  go(`#${id}`);
}

/** Show only what suits the kind, and what goes together. */
function suit() {
  const kind = kindOf(subject);
  for (const field of fields.values()) {
    const { kind: owner, option } = field.dataset;
    field.hidden = owner ? owner !== kind.id : !kind.options.includes(option);
    for (const number of field.querySelectorAll("input[type=number]")) number.disabled = field.hidden;
  }
  $("#together").hidden = kind !== massage;
  if (kind === massage) suitTreatment();
  suitLengths();
  for (const name of fields.keys()) {
    const other = otherOf(name);
    if (!other) continue;
    const isUsed = !fields.get(name).hidden && form.elements.namedItem(name).value === "other";
    other.disabled = !isUsed;
    other.closest(".other").hidden = !isUsed;
  }
}

/** Offer the lengths that can be had: 5 minutes for both sides of each place, or 3 for one. */
function suitLengths() {
  const isMassage = kindOf(subject) === massage;
  const isBoth = !fields.get("side").hidden && valueOf("side") === "both";
  const least = isMassage ? (isBoth ? 5 : 3) * (subject.parts?.length || 1) : 0;
  const pills = [...form.querySelectorAll("[data-option=minutes] input[type=radio]")].filter((one) => Number(one.value));
  for (const one of pills) one.parentElement.hidden = Number(one.value) < least;
  const [checked] = pills.filter((one) => one.checked && one.parentElement.hidden);
  if (checked) pills.find((one) => !one.parentElement.hidden).checked = true;
}

/** Show the methods that suit the areas, and sides and preparation only where there are some. */
function suitTreatment() {
  const one = subject.areas.find((area) => area.id === form.area.value);
  const areas = subject.parts ? subject.areas : one ? [one] : form.area.value === "all" ? subject.areas : subject.areas.slice(0, 1);
  const suited = new Set(subject.parts ? common(subject.parts) : areas.flatMap((area) => area.methods));
  fields.get("area").hidden ||= Boolean(subject.parts);
  const before = kept.get("method") || valueOf("method") || startingValues.method;
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
      ...voices.map((voice) => make("option", { value: voice.id }, `${voice.name} (${traits(voice)})`)),
    );
    setValue("voice", before);
  } catch { offered = undefined; /* the best one speaks */ }
}

function traits({ engine, gender, megabytes, licence }) {
  const spoken = { female: texts.female, male: texts.male, neutral: texts.neutral }[gender];
  return [engine, spoken, megabytes && `${megabytes} MB`, licence].filter(Boolean).join(", ");
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
  if (subject && place()[0] === subject.id) keepForm(subject.id);
}

function keepForm(target) {
  const chosen = { ...wanted(), target };
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
// What is wrong within “More choices” can only be pointed at where it is seen.
form.addEventListener("invalid", ({ target }) => { $("#more").open ||= $("#more").contains(target); }, true);
form.addEventListener("submit", (event) => { event.preventDefault(); request("session", wanted()); });
$("#make-playlist").addEventListener("click", () => {
  if (form.reportValidity()) requestPlaylist(wanted());
});
$("#favourite").addEventListener("click", () => diary.toggleFavourite(wanted(), subject.name));
$("#also").addEventListener("change", ({ target }) => {
  treat([...(subject.parts || [subject]), regions.get(target.value)]);
});
$("#more").addEventListener("toggle", offerVoices);
$("#sample").addEventListener("click", hearVoice);
$("#shorter").addEventListener("click", () => step(-1));
$("#longer").addEventListener("click", () => step(1));
