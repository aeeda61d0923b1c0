// What every part of the page needs: texts, elements, time, what is kept, and asking the computer.

export const $ = (selector) => document.querySelector(selector);
const read = (id) => JSON.parse($(id).textContent);
export const texts = read("#texts");
export const choices = read("#choices");
export const startingValues = read("#starting-values");
export const site = read("#site"); // where it is published; null where a computer serves it
export const appName = site?.name ?? "voiceguide";
export const root = new URL("..", import.meta.url).href; // all addresses begin with it
export const regions = new Map(choices.regions.map((region) => [region.id, region]));
const areas = new Map(choices.regions.flatMap((region) => region.areas).map((area) => [area.id, area]));
export const massage = choices.kinds.find((kind) => kind.about === "region");
export const otherKinds = choices.kinds.filter((kind) => kind.about !== "region");
const subjects = new Map([...regions, ...otherKinds.map((kind) => [kind.id, kind])]);
export const pageLanguage = document.documentElement.lang;
export const kindOf = (chosen) => (regions.has(chosen?.id) || chosen?.parts ? massage : chosen);

/** Return what an id means: a region, a kind, or several regions together, such as neck+jaw. */
export function subjectOf(id = "") {
  if (subjects.has(id)) return subjects.get(id);
  const parts = [...new Set(id.split("+"))].map((one) => regions.get(one));
  if (parts.length < 2 || parts.includes(undefined)) return undefined;
  const names = parts.map((one) => one.name);
  const name = `${names.slice(0, -1).join(", ")} ${texts.and} ${names.at(-1)}`;
  return { id, parts, name, summary: "", areas: parts.map((one) => one.areas[0]) };
}

/** Return a text of the page, with its {…} filled in. */
export const say = (key, values = {}) =>
  Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), texts[key]);
export const inMinutes = (n) => say("minutes", { n });

/** Return what the page calls a value of an option; nothing where it has no word for it. */
export const called = (name, value) => texts.options[name]?.values?.[value];

/** Write seconds as 4:05, or 1:04:05. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export const nap = (ms) => new Promise((wake) => { setTimeout(wake, ms); });

// Elements

/** Make an element; what is inside are texts and elements, never HTML. */
export function make(tag, attributes = {}, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...inside);
  return element;
}

/** Mark the language of what may be in another than the page. */
export const spoken = (language) => (language && language !== "und" ? { lang: language } : {});

/** Make an entry of a list, a link or a button. */
export function item(attributes, text, small, time, language) {
  const words = make("span", spoken(language), text, ...(small ? [make("small", { lang: pageLanguage }, small)] : []));
  const inside = [words, ...(time ? [make("time", {}, time)] : [])];
  return make("li", {}, make(attributes.href ? "a" : "button", attributes, ...inside));
}

/** Show a list and what belongs to it, or nothing where it is empty. */
export function fill(selector, items) {
  $(selector).hidden = items.length === 0;
  $(`${selector} ul`).replaceChildren(...items);
}

/** Return what went wrong as elements; what only the computer knows comes small, in its language. */
export const told = (text, detail) => [
  make("p", {}, text), ...(detail ? [make("small", { lang: "en" }, detail)] : []),
];

/** Return what was chosen, and in which language, in the words of the page. */
export function described(options, language, tracks) {
  const area = areas.get(options.area ?? options.target)?.name;
  const words = [area, ...Object.entries(options).map(([name, value]) => called(name, value))];
  if (tracks) words.push(say("track_count", { n: tracks }));
  if (tracks || language !== pageLanguage) words.push(choices.languages[language]);
  return words.filter(Boolean).join(" · ");
}

// What is kept on this phone between visits; a browser may forbid it.

const shelf = site ? root : ""; // another site may be published on the same host
export const kept = {
  get: (key) => { try { return localStorage.getItem(shelf + key); } catch { return null; } },
  set: (key, value) => { try { localStorage.setItem(shelf + key, value); } catch { /* then not */ } },
  /** Return a list that was kept; an empty one for anything else. */
  list: (key) => {
    try {
      const found = JSON.parse(kept.get(key));
      return Array.isArray(found) ? found : [];
    } catch { return []; }
  },
};

// The computer, or the files of a published site

export async function ask(path, wanted) {
  const sent = wanted && {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wanted),
  };
  let response, answer;
  try {
    response = await fetch(root + path, sent);
    if (response.status !== 403) answer = await response.json();
  } catch {
    throw Object.assign(new Error(texts.gone), { passes: true });
  }
  if (response.status === 403) throw new Error(texts.key);
  if (response.ok || answer.state === "failed") return answer;
  if (response.status === 503) throw Object.assign(new Error(texts.busy), { passes: true });
  throw Object.assign(new Error(texts.failed), { status: response.status, detail: answer.error });
}

/** Return the address of the list of what there is of a kind. */
export const listOf = (kind) => `api/${kind}s${site ? ".json" : ""}`;

// Which view

export const view = { shown: 0 }; // counts views, so that a late answer is not shown in another one
const leaving = [];

/** Have something done whenever another view than `name` is shown. */
export const onLeaving = (name, does) => leaving.push([name, does]);

export function show(name, title) {
  for (const section of document.querySelectorAll("main > section")) {
    const beside = section.id === "choose" && name === "options" && matchMedia("(min-width: 900px)").matches;
    section.hidden = section.id !== name && !beside;
  }
  $("main").classList.toggle("two", name === "options");
  document.title = title ? `${title} · ${appName}` : appName;
  for (const [one, does] of leaving) if (one !== name) does();
}

/** Return the parts of the address; of one that cannot be read, those of the beginning. */
export function place() {
  try { return decodeURIComponent(location.hash.slice(1)).split("/"); } catch { return [""]; }
}

/** Go to an address, also if it is the one that is shown. */
export function go(hash) {
  if (location.hash === hash) dispatchEvent(new Event("hashchange"));
  else location.hash = hash;
}
