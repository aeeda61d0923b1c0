"use strict";
// The address alone says what is shown: #neck and #breathing the options, #session/ID the player (or
// the progress), #playlist/NAME and #playlist/NAME/3. So "back" and "reload" do what they should.

const $ = (selector) => document.querySelector(selector);
const texts = JSON.parse($("#texts").textContent);
const choices = JSON.parse($("#choices").textContent);
const startingValues = JSON.parse($("#starting-values").textContent);
const regions = new Map(choices.regions.map((region) => [region.id, region]));
const massage = choices.kinds.find((kind) => kind.about === "region");
const otherKinds = choices.kinds.filter((kind) => kind.about !== "region");
const subjects = new Map([...regions, ...otherKinds.map((kind) => [kind.id, kind])]);
const pageLanguage = document.documentElement.lang;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const POLL_MS = 500;
const LONGEST_MIN = 180;

const say = (key, values = {}) =>
  Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), texts[key]);
const inMinutes = (n) => say("minutes", { n });

/** Write seconds as 4:05, or 1:04:05. */
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Make an element; what is inside are texts and elements, never HTML. */
function make(tag, attributes = {}, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...inside);
  return element;
}

/** Make an entry of a list, a link or a button. */
const item = (attributes, text, small, time, language) => {
  const words = make("span", spoken(language), text, ...(small ? [make("small", { lang: pageLanguage }, small)] : []));
  const inside = [words, ...(time ? [make("time", {}, time)] : [])];
  return make("li", {}, make(attributes.href ? "a" : "button", attributes, ...inside));
};

/** Mark the language of what may be in another than the page. */
const spoken = (language) => (language && language !== "und" ? { lang: language } : {});

/** What is kept on this phone between visits; a browser may forbid it. */
const kept = {
  get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
  set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* then not */ } },
};

async function ask(path, wanted) {
  const sent = wanted && {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wanted),
  };
  let response, answer;
  try {
    response = await fetch(path, sent);
    if (response.status !== 403) answer = await response.json();
  } catch {
    throw new Error(texts.gone);
  }
  if (response.status === 403) throw new Error(texts.key);
  if (response.ok || answer.state === "failed") return answer;
  if (response.status === 503) throw new Error(texts.busy);
  throw Object.assign(new Error(texts.failed), { status: response.status, detail: answer.error });
}

/** Return what went wrong as elements; what only the computer knows comes small, in its language. */
const told = (text, detail) => [
  make("p", {}, text), ...(detail ? [make("small", { lang: "en" }, detail)] : []),
];

// Which view

let shown = 0; // counts views, so that a late answer is not shown in another one

function show(name, title) {
  for (const section of document.querySelectorAll("main > section")) {
    const beside = section.id === "choose" && name === "options" && matchMedia("(min-width: 900px)").matches;
    section.hidden = section.id !== name && !beside;
  }
  $("main").classList.toggle("two", name === "options");
  document.title = title ? `${title} · voiceguide` : "voiceguide";
  if (name !== "player") player.leave();
}

/** Return the parts of the address; of one that cannot be read, those of the beginning. */
function place() {
  try { return decodeURIComponent(location.hash.slice(1)).split("/"); } catch { return [""]; }
}

async function route(event) {
  const view = ++shown;
  const [first, id, number] = place();
  const chosen = subjects.get(first);
  mark(chosen?.id);
  if (first === "session") await showSession(view, id);
  else if (first === "playlist" && number) await showTrack(view, id, Number(number));
  else if (first === "playlist") await showPlaylist(view, id);
  else if (chosen) showOptions(chosen);
  else showChoose();
  if (event && view === shown) {
    if ($("#choose").hidden || $("#options").hidden) scrollTo(0, 0); // else they are side by side
    const title = $("main > section:not([hidden]):not(#choose) h1") || $("#choose h1");
    title.focus({ preventScroll: true });
  }
}

// Choosing what it is about

const shapes = [...document.querySelectorAll("#body .region")];

function mark(id) {
  for (const shape of shapes) shape.classList.toggle("selected", shape.dataset.region === id);
  name(id);
}

function name(id) {
  const region = regions.get(id) || regions.get(place()[0]);
  $("#touched").textContent = region ? region.name : texts.touch;
  $("#touched").classList.toggle("named", Boolean(region));
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
    const choose = () => {
      side = shape.dataset.side;
      if (location.hash === `#${id}`) route(true);
      else location.hash = id;
    };
    shape.addEventListener("click", choose);
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
      side = undefined;
      location.hash = id;
    });
  }
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

async function showChoose() {
  show("choose");
  try {
    const [sessions, playlists] = await Promise.all([ask("/api/sessions"), ask("/api/playlists")]);
    fill("#made", sessions.slice(0, 5).map((one) => item(
      { href: `#session/${one.id}` }, one.title, described(one.options, one.language),
      clock(one.duration_ms / 1000), one.language,
    )));
    fill("#made-playlists", playlists.map((one) => item(
      { href: `#playlist/${one.id}` }, one.title, described({}, one.language, one.tracks.length),
      clock(one.duration_ms / 1000), one.language,
    )));
  } catch { /* then only what can be chosen is shown */ }
}

/** Return what the page calls a value of an option; nothing where it has no word for it. */
const called = (name, value) => texts.options[name]?.values?.[value];

function described(options, language, tracks) {
  const words = Object.entries(options).map(([name, value]) => called(name, value));
  if (tracks) words.push(say("track_count", { n: tracks }));
  if (tracks || language !== pageLanguage) words.push(choices.languages[language]);
  return words.filter(Boolean).join(" · ");
}

function fill(selector, items) {
  $(selector).hidden = items.length === 0;
  $(`${selector} ul`).replaceChildren(...items);
}

// Choosing the rest: each field of the form is one of the options that the computer knows

const form = $("form");
const fields = new Map([...form.querySelectorAll("[data-option]")].map((field) => [nameOf(field), field]));
const KEPT = ["method", "pace", "level", "guidance"]; // from one visit to the next
let subject; // the region or kind that is chosen
let side; // of the body, where it was touched

/** Return what the controls of a field are called: its option, with the kind if it is the kind's own. */
function nameOf({ dataset: { kind, option } }) { return kind ? `${kind}.${option}` : option; }

const kindOf = (chosen) => (regions.has(chosen?.id) ? massage : chosen);

/** Return what a field holds; "" for nothing. */
function valueOf(name) {
  const control = form.elements.namedItem(name);
  if (control?.type === "checkbox") return control.checked;
  const other = otherOf(name);
  const { value } = control?.value === "other" && other ? other : control || { value: "" };
  return value && (control.type === "number" || other?.type === "number") ? Number(value) : value;
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

function showOptions(chosen) {
  show("options", chosen.name);
  $("#trouble").replaceChildren();
  $("#options-title").textContent = chosen.name;
  $("#summary").textContent = chosen.summary;
  if (subject !== chosen) {
    subject = chosen;
    if (regions.has(subject.id)) offerAreas();
  }
  setValue("side", side || startingValues.side || "both");
  side = undefined;
  suit();
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
  const selected = methods.find((method) => method.id === before) || methods[0];
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

/** Return the same for a playlist, whose tracks have some options each for themselves. */
function forPlaylist(chosen) {
  const own = kindOf(subjects.get(chosen.target))?.track_options || [];
  return Object.fromEntries(Object.entries(chosen).filter(([name]) => !own.includes(name)));
}

async function request(kind, chosen) {
  $("#trouble").replaceChildren();
  try {
    const answer = await ask(`/api/${kind}s`, chosen);
    asked.set(answer.id, chosen);
    const hash = `#${kind}/${answer.id}`;
    if (location.hash === hash) route(true);
    else location.hash = hash;
  } catch (error) {
    const [place] = ["#options", "#making", "#player"].filter((one) => !$(one).hidden);
    const trouble = $({ "#options": "#trouble" }[place] || `${place}-trouble`);
    trouble.replaceChildren(...told(error.message, error.detail));
  }
}

function step(by) {
  const minutes = otherOf("minutes");
  minutes.value = Math.min(LONGEST_MIN, Math.max(1, Number(minutes.value) + by));
  kept.set("minutes", minutes.value);
}

// Waiting for it

const asked = new Map(); // by id, what was wanted: to offer another length

async function untilReady(view, kind, id) {
  const title = () => subjects.get(asked.get(id)?.target)?.name || "voiceguide";
  $("#making-back").href = `#${asked.get(id)?.target || ""}`;
  while (view === shown) {
    let answer;
    try {
      answer = await ask(`/api/${kind}s/${id}`);
    } catch (error) {
      if (view !== shown) return null;
      waiting(title());
      if (error.status === 404) return fail(texts.missing);
      $("#making-state").textContent = "";
      $("#making-trouble").replaceChildren(...told(error.message, error.detail));
      await new Promise((wake) => setTimeout(wake, 4 * POLL_MS));
      continue;
    }
    if (view !== shown) return null;
    if (answer.state === "ready") return answer;
    if (!asked.has(id)) asked.set(id, answer.options); // the page was loaded again
    waiting(title());
    $("#making-back").href = `#${asked.get(id).target}`;
    if (answer.state === "failed") {
      return fail(texts.failed, answer.error, kind, asked.get(id), answer);
    }
    const known = typeof answer.progress === "number";
    const text = answer.state === "waiting" && answer.position
      ? say("waiting", { n: answer.position }) : known ? texts.mixing : texts.speaking;
    if ($("#making-state").textContent !== text) $("#making-state").textContent = text;
    if (known) $("#making-progress").value = answer.progress;
    else $("#making-progress").removeAttribute("value");
    $("#percent").textContent = known ? `${Math.round(answer.progress * 100)} %` : "";
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
  return null;
}

function waiting(title) {
  if (!$("#making").hidden) { $("#making-trouble").replaceChildren(); return; }
  show("making", title);
  $("#making-title").textContent = title;
  $("#making-trouble").replaceChildren();
  unfinished(true);
  $("#making-title").focus({ preventScroll: true });
}

function unfinished(is) {
  for (const one of ["#making-progress", "#making .circle", "#making .hint", "#cancel"]) $(one).hidden = !is;
}

/** Say what went wrong; offer lengths that can be had. */
function fail(text, detail, kind, chosen, { nearest_ms: nearest = [], one_side_ms: oneSide } = {}) {
  unfinished(false);
  $("#making-state").textContent = "";
  const trouble = $("#making-trouble");
  if (!nearest.length) { trouble.replaceChildren(...told(text, detail)); return null; }
  const offer = (text, changed) => make(
    "button", { class: "quiet", onclick: () => request(kind, { ...chosen, ...changed }) }, text,
  );
  const whole = (ms) => (ms < chosen.minutes * 60000 ? Math.floor : Math.ceil)(ms / 60000);
  const possible = (n) => n >= 1 && n <= LONGEST_MIN;
  const offers = nearest.map(whole).filter(possible).map(
    (n) => offer(say("try_length", { n: inMinutes(n) }), { minutes: n }),
  );
  if (oneSide && possible(whole(oneSide))) {
    const n = whole(oneSide);
    offers.push(...["left", "right"].map((one) => offer(
      say("one_side", { n: inMinutes(n), side: called("side", one) }), { side: one, minutes: n },
    )));
  }
  trouble.replaceChildren(
    make("p", {}, say("no_length", { n: inMinutes(chosen.minutes) })), ...offers,
  );
  return null;
}

// Sessions and playlists

async function showSession(view, id) {
  const about = await untilReady(view, "session", id);
  if (!about || view !== shown) return;
  const timeline = await ask(`/sessions/${id}.json`).catch(() => null);
  if (view !== shown) return;
  if (!timeline) { waiting(about.title); fail(texts.gone); return; }
  player.open({
    id, title: timeline.title, album: about.region, cover: `/covers/${about.region}.png`,
    source: `/sessions/${id}.mp3`, language: timeline.language,
    chapters: timeline.chapters, events: timeline.events, marks: timeline.marks, options: about.options,
  });
}

async function showPlaylist(view, id) {
  const about = await untilReady(view, "playlist", id);
  if (!about || view !== shown) return;
  show("playlist", about.title);
  entitle("#playlist-title", about.title, about.language);
  $("#playlist-length").textContent = `${clock(about.duration_ms / 1000)} · ${Math.ceil(about.size_bytes / 1e6)} MB`;
  $("#tracks").replaceChildren(...about.tracks.map((track, index) => item(
    { href: `#playlist/${id}/${index + 1}` }, track.title, "", clock(track.duration_ms / 1000),
    about.language,
  )));
  $("#zip").href = `/playlists/${id}.zip`;
  $("#list").href = `${about.list}?download`;
  $("#feed").value = location.origin + about.feed;
  $("#copy").textContent = texts.copy;
}

async function showTrack(view, id, number) {
  const about = await untilReady(view, "playlist", id);
  const track = about?.tracks[number - 1];
  if (view !== shown) return;
  if (!track) { waiting(about?.title || ""); fail(texts.missing); return; }
  const base = `/playlists/${id}/${track.file.replace(/\.mp3$/, "")}`;
  try {
    const [chapters, marks, captions] = await Promise.all([
      ask(`${base}.chapters.json`), ask(`${base}.marks.json`),
      fetch(`${base}.vtt`).then((response) => response.text()),
    ]);
    if (view !== shown) return;
    player.open({
      id: `${id}/${number}`, title: track.title, album: about.title,
      cover: `/playlists/${id}/cover.png`, source: `${base}.mp3`, language: about.language,
      chapters: chapters.chapters.map((one) => (
        { title: one.title, begin_ms: one.startTime * 1000, end_ms: one.endTime * 1000 })),
      events: speech(captions), marks,
      next: number < about.tracks.length ? `#playlist/${id}/${number + 1}` : null,
      back: `#playlist/${id}`,
    });
  } catch (error) { waiting(about.title); fail(error.message, error.detail); }
}

/** Show a title, which may be in another language than the page. */
function entitle(selector, text, language) {
  $(selector).textContent = text;
  $(selector).lang = spoken(language).lang || "";
}

/** Read the speech out of WebVTT, as we write it. */
function speech(captions) {
  const time = (text) => text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) * 1000;
  const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  return captions.split(/\n\n+/).flatMap((block) => {
    const [times, ...lines] = block.trim().split("\n");
    const [begin, end] = times.split(" --> ");
    if (!end) return [];
    return [{ kind: "speech", begin_ms: time(begin), end_ms: time(end), text: plain(lines.join(" ")) }];
  });
}

// The player

const player = (() => {
  const audio = $("#audio");
  let now = null; // what is open
  let lock = null;
  let going = false; // the next track begins by itself
  let begun = false; // before, there is no sentence yet, but a greeting
  let drawn = {}; // what is on the screen

  function open(session) {
    const same = now?.id === session.id;
    show("player", session.title);
    $("#player .back").setAttribute("href", session.back || "#");
    entitle("#player-title", session.title, session.language);
    $("#chapter").lang = spoken(session.language).lang || "";
    $("#player-trouble").replaceChildren();
    $("#sentence").lang = spoken(session.language).lang || "";
    $("#download").href = `${session.source}?download`;
    $("#to-playlist").hidden = !session.options;
    now = session;
    now.speech = session.events.filter((event) => event.kind === "speech");
    const marked = (...kinds) => (session.marks || []).filter((mark) => kinds.includes(mark.kind));
    now.breaths = marked("inhale", "exhale");
    now.holds = marked("hold", "stretch");
    $("#breath").hidden = !now.holds.length && !now.breaths.length;
    $("#chapters").replaceChildren(...session.chapters.map((chapter) => item(
      { onclick: () => { seek(chapter.begin_ms / 1000); } }, chapter.title, "", clock(chapter.begin_ms / 1000),
      session.language,
    )));
    drawn = {};
    if (same) { draw(); return; }
    begun = false;
    const end = session.chapters.at(-1)?.end_ms / 1000 || 0;
    $("#position").max = Math.floor(end);
    $("#length").textContent = clock(end);
    audio.src = session.source;
    const at = Number(kept.get(`at:${session.id}`));
    now.resume_s = at > 5 && at < end - 10 ? at : 0;
    $("#sentence").textContent = now.resume_s ? texts.resumed : texts.ready;
    announce();
    draw();
    if (going) audio.play().catch(() => {});
    going = false;
  }

  function leave() {
    if (!now) return;
    remember();
    audio.pause();
    audio.removeAttribute("src");
    audio.load();
    now = null;
    if (lockScreen) lockScreen.metadata = null;
    playing(); // load() has taken back the event
  }

  /** Keep the place; before the audio is there, it has none. */
  function remember() {
    if (now && audio.readyState > 0) kept.set(`at:${now.id}`, Math.floor(audio.currentTime));
  }

  function seek(seconds) {
    audio.currentTime = Math.max(0, Math.min(seconds, Number($("#position").max)));
    begun = true;
    draw();
  }

  const chapterAt = (ms) => now.chapters.findLastIndex((chapter) => chapter.begin_ms <= ms + 1);

  function skip(by) {
    if (!now) return;
    const ms = audio.currentTime * 1000;
    let index = chapterAt(ms) + by;
    if (by < 0 && ms - now.chapters[index + 1]?.begin_ms > 3000) index += 1; // to its own begin first
    if (index >= now.chapters.length) {
      if (now.next) { going = !audio.paused; location.hash = now.next; }
      return;
    }
    seek((now.chapters[Math.max(0, index)]?.begin_ms || 0) / 1000);
  }

  /** Return how large the circle is: it grows with breathing in, and stays so while that is held. */
  function scaleAt(ms, hold, breath) {
    if (!hold && !breath) return 0.55;
    if (still.matches) return 0.62;
    if (!breath) {
      const before = now.breaths.findLast((one) => one.end_ms <= ms);
      return before?.kind === "inhale" && Math.abs(before.end_ms - hold.begin_ms) < 100 ? 1 : 0.62;
    }
    const part = (ms - breath.begin_ms) / (breath.end_ms - breath.begin_ms);
    const eased = 0.5 - 0.5 * Math.cos(Math.PI * part);
    return 0.62 + 0.38 * (breath.kind === "inhale" ? eased : 1 - eased);
  }

  /** Change a text only when it is another, so that screen readers and layout stay quiet. */
  function put(selector, key, text) {
    if (drawn[key] === text) return;
    drawn[key] = text;
    $(selector).textContent = text;
  }

  function draw() {
    if (!now) return;
    const ms = audio.currentTime * 1000;
    const said = now.speech.findLast((event) => event.begin_ms <= ms);
    if (begun) put("#sentence", "text", said?.text || "");
    $("#sentence").classList.toggle("past", Boolean(begun && said) && ms > said.end_ms + 1500);
    const during = (one) => one.begin_ms <= ms && ms < one.end_ms;
    const hold = now.holds.find(during);
    const breath = now.breaths.find(during);
    const counted = hold || breath; // breaths may be taken during a hold, or be held between
    $("#sentence").classList.toggle("gone", Boolean(begun && said && counted && ms > said.end_ms + 3000));
    $("#breath").classList.toggle("hold", Boolean(hold));
    put("#countdown", "count", counted ? String(Math.ceil((counted.end_ms - ms) / 1000)) : "");
    put("#breathing", "breath", breath ? texts[breath.kind] : hold ? texts.holding : "");
    $("#breath").style.setProperty("--scale", scaleAt(ms, hold, breath).toFixed(3));
    const seconds = Math.floor(ms / 1000);
    if (drawn.second !== seconds) {
      drawn.second = seconds;
      $("#at").textContent = clock(seconds);
      $("#position").value = seconds;
      $("#position").setAttribute("aria-valuetext", clock(seconds));
    }
    const index = chapterAt(ms);
    if (drawn.chapter !== index) {
      drawn.chapter = index;
      $("#chapter").textContent = now.chapters[index]?.title || "";
      $("#chapters").querySelectorAll("button").forEach((button, place) => {
        if (place === index) button.setAttribute("aria-current", "true");
        else button.removeAttribute("aria-current");
      });
      $("#next").disabled = !now.next && index >= now.chapters.length - 1;
    }
  }

  function frames() {
    draw();
    if (now && !audio.paused) requestAnimationFrame(frames);
  }

  // The lock screen

  const lockScreen = navigator.mediaSession;

  function announce() {
    if (!lockScreen) return;
    lockScreen.metadata = new MediaMetadata({
      title: now.title, artist: "voiceguide", album: subjects.get(now.album)?.name || now.album,
      artwork: [{ src: new URL(now.cover, location.href).href, type: "image/png" }],
    });
    const actions = {
      play: () => audio.play().catch(() => {}), pause: () => audio.pause(),
      previoustrack: () => skip(-1), nexttrack: () => skip(1),
      seekbackward: (details) => seek(audio.currentTime - (details.seekOffset || 10)),
      seekforward: (details) => seek(audio.currentTime + (details.seekOffset || 10)),
      seekto: (details) => seek(details.seekTime),
    };
    for (const [action, does] of Object.entries(actions)) {
      try { lockScreen.setActionHandler(action, does); } catch { /* this browser has no such button */ }
    }
  }

  function position() {
    if (!now || !lockScreen?.setPositionState || !Number.isFinite(audio.duration)) return;
    lockScreen.setPositionState({
      duration: audio.duration, playbackRate: audio.playbackRate, position: Math.min(audio.currentTime, audio.duration),
    });
  }

  // The screen stays awake while it plays, where that is allowed: over https, and on this machine.

  async function stayAwake() {
    if (lock || audio.paused || document.hidden || !navigator.wakeLock) return;
    try {
      lock = await navigator.wakeLock.request("screen");
      lock.addEventListener("release", () => { lock = null; });
      if (audio.paused) lock.release();
    } catch { /* the battery is low, or it is not allowed */ }
  }

  function playing() {
    const on = !audio.paused;
    $("#play use").setAttribute("href", on ? "#i-pause" : "#i-play");
    $("#play").setAttribute("aria-label", on ? texts.pause : texts.play);
    if (lockScreen) lockScreen.playbackState = !now ? "none" : on ? "playing" : "paused";
    position();
    if (on) { begun = true; stayAwake(); frames(); }
    else { lock?.release(); remember(); }
  }

  audio.addEventListener("play", playing);
  audio.addEventListener("pause", playing);
  audio.addEventListener("seeked", () => { draw(); position(); });
  audio.addEventListener("loadedmetadata", () => {
    if (now?.resume_s && audio.currentTime < 1) audio.currentTime = now.resume_s;
    position();
  });
  audio.addEventListener("timeupdate", () => { draw(); });
  audio.addEventListener("ended", () => {
    const next = now?.next;
    kept.set(`at:${now?.id}`, 0);
    if (next) { going = true; location.hash = next; }
  });
  audio.addEventListener("error", async () => {
    if (!now || !audio.getAttribute("src")) return;
    const open = now;
    if (audio.currentTime > 0) open.resume_s = audio.currentTime;
    const why = await fetch(open.source, { method: "HEAD" }).then(
      (response) => (response.ok ? texts.unplayable : response.status === 403 ? texts.key : texts.missing),
      () => texts.gone,
    );
    if (now !== open) return;
    const again = make("button", { class: "quiet", onclick: () => {
      $("#player-trouble").replaceChildren();
      audio.src = open.source;
      audio.play().catch(() => {});
    } }, texts.again);
    $("#player-trouble").replaceChildren(...told(why), again);
  });
  document.addEventListener("visibilitychange", () => { remember(); stayAwake(); });
  addEventListener("pagehide", remember);
  setInterval(() => { if (!audio.paused) remember(); }, 5000);

  $("#play").addEventListener("click", () => (audio.paused ? audio.play().catch(() => {}) : audio.pause()));
  $("#previous").addEventListener("click", () => skip(-1));
  $("#next").addEventListener("click", () => skip(1));
  $("#rewind").addEventListener("click", () => seek(audio.currentTime - 10));
  $("#forward").addEventListener("click", () => seek(audio.currentTime + 10));
  $("#position").addEventListener("input", (event) => seek(Number(event.target.value)));

  $("#to-playlist").addEventListener("click", () => {
    request("playlist", forPlaylist(now.options));
  });

  return { open, leave };
})();

// Begin

otherOf("minutes").value = kept.get("minutes") || otherOf("minutes").value;
const keptValues = KEPT.map((name) => [name, kept.get(name)]).filter(([, value]) => value);
for (const [name, value] of [...Object.entries(startingValues), ...keptValues]) setValue(name, value);
prepareBody();
prepareLists();
const view = kept.get("view") === "list" ? "list" : "body";
document.getElementsByName("view").forEach((input) => {
  input.checked = input.value === view;
  input.addEventListener("change", () => chooseView(input.value));
});
chooseView(view);
form.addEventListener("change", ({ target }) => {
  const name = nameOf(target.closest("[data-option]"));
  if (KEPT.includes(name)) kept.set(name, valueOf(name));
  if (name === "minutes" && "other" in target.dataset) kept.set(name, target.value);
  suit();
});
form.addEventListener("submit", (event) => { event.preventDefault(); request("session", wanted()); });
$("#make-playlist").addEventListener("click", () => {
  if (form.reportValidity()) request("playlist", forPlaylist(wanted()));
});
$("#cancel").addEventListener("click", () => {
  const [kind, id] = place();
  location.hash = $("#making-back").hash;
  fetch(`/api/${kind}s/${id}`, { method: "DELETE" }).catch(() => {});
});
$("#shorter").addEventListener("click", () => step(-1));
$("#longer").addEventListener("click", () => step(1));
$("#feed").addEventListener("focus", (event) => event.target.select());
$("#copy").addEventListener("click", async () => {
  const field = $("#feed");
  try { await navigator.clipboard.writeText(field.value); }
  catch { field.focus(); field.select(); document.execCommand("copy"); } // not over https
  $("#copy").textContent = texts.copied;
});
addEventListener("hashchange", () => route(true));
route();
