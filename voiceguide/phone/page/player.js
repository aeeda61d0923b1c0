// The player. While it plays, the stage fills the screen; a touch pauses, and shows the controls.
// Beside another view it plays on, small.
// It plays from the computer until the whole file is here, and then from memory; on a slow line, from
// what is here, where the browser would wait: Chromium reads 0.9 MB of a file with a cover first.

import {
  $, appName, called, clock, item, kept, make, onLeaving, say, show, site, spoken, texts,
  subjectOf, told,
} from "./common.js";
import { stayAwake } from "./awake.js";
import { figures } from "./choose.js";
import * as diary from "./diary.js";
import * as listen from "./listen.js";
import { requestPlaylist } from "./request.js";
import { takeIn } from "./sound.js";

const JUMP_S = 10;
const MORE_S = 15; // by which a hold is made longer
const COUNTDOWN_MS = 4000; // its last tones, before which that happens
const LONG_MS = 9000; // shorter holds are part of a breath
const isLong = (hold) => hold.end_ms - hold.begin_ms >= LONG_MS;
const SWIPE_PX = 60;
const MOST_PRESSED_MS = 300_000; // of a spot, with all its rounds: the protocol's five minutes
const FELT = { begin: 250, end: [120, 120, 120], inhale: 60, exhale: [30, 90, 30] }; // vibrations in ms
const AHEAD_S = 10; // that are here before it plays from what is here
const QUIET_MS = 450; // after which it is said why nothing is heard
const RETRY_MS = 2000;

const audio = $("#audio");
const still = matchMedia("(prefers-reduced-motion: reduce)");
let now = null; // what is open
let shown = false; // whether its view is, and not another one beside which it plays on
let wish = false; // whether it is to play
let going = false; // the next track begins by itself
let begun = false; // before, there is no sentence yet, but a greeting
let drawn = {}; // what is on the screen
let taking = null; // the file, as it is taken in
let memory = null; // its address there
let begin = ""; // the address of what was here of it
let here_s = 0; // how much that was
let from = ""; // what is loaded: "", "computer", "begin" or "memory"
let goal_s = null; // where to go once it is loaded
let entry = null; // in the diary
let answered = new Set(); // questions how a spot feels
let again = new Map(); // rounds that were asked for, by question
let longer = { hold: null, left: 0, again: false }; // a hold that is made longer
const quiet = { since: 0, at_s: 0, tried: 0 }; // for how long nothing has been heard

const opening = [];

/** Have something done whenever a session is opened. */
export const onOpening = (does) => opening.push(does);

/** Show a session; it plays on if it is the one that is open already. */
export function open(session) {
  shown = true;
  show("player", session.title);
  take(session);
}

function take(session) {
  const same = now?.id === session.id;
  if (!same) leave();
  $("#player .back").setAttribute("href", session.back || "#");
  $("#player-title").textContent = session.title;
  for (const one of ["#player-title", "#chapter", "#sentence", "#coming", "#mini-title", "#mini-open"]) {
    $(one).lang = spoken(session.language).lang || "";
  }
  $("#download").href = site ? session.source : `${session.source}?download`;
  $("#to-playlist").hidden = !session.options || Boolean(site);
  for (const does of opening) does(session);
  now = session;
  now.hash ??= `#session/${session.id}`;
  const marked = (...kinds) => (session.marks || []).filter((mark) => kinds.includes(mark.kind));
  now.speech = session.events.filter((event) => event.kind === "speech");
  now.breaths = marked("inhale", "exhale");
  now.holds = marked("hold", "stretch");
  now.moves = marked("move");
  now.sides = marked("side");
  now.asks = marked("ask");
  now.rounds = marked("hold").filter(isLong);
  now.end_s = session.chapters.at(-1)?.end_ms / 1000 || 0;
  now.name = subjectOf(session.album)?.name || session.album;
  $("#breath").hidden = !now.holds.length && !now.breaths.length;
  $("#figure").replaceChildren(...figures(session.album));
  $("#chapters").replaceChildren(...session.chapters.map((chapter) => item(
    { onclick: () => { seek(chapter.begin_ms / 1000); } }, chapter.title, "", clock(chapter.begin_ms / 1000),
    session.language,
  )));
  $("#mini-open").href = now.hash;
  $("#mini-title").textContent = session.title;
  drawn = {};
  if (same) { playing(wish); return; }
  begun = false;
  answered = new Set();
  again = new Map();
  entry = null;
  for (const number of document.querySelectorAll("#before input, #after input")) number.checked = false;
  done(false);
  $("#position").max = Math.floor(now.end_s);
  $("#length").textContent = clock(now.end_s);
  const at_s = Number(kept.get(`at:${session.id}`));
  const resumed = at_s > 5 && at_s < now.end_s - 10;
  $("#sentence").textContent = resumed ? texts.resumed : texts.ready;
  takeWhole();
  load(resumed ? at_s : 0);
  announce();
  playing(going);
  going = false;
}

/** Take in the whole file. */
function takeWhole() {
  $("#player-trouble").replaceChildren();
  const mine = takeIn(now.source, (part, lost) => {
    if (taking !== mine) return;
    taking.lost = lost;
    taking.part = part;
    tellTaking();
  });
  taking = mine;
  mine.whole.then((blob) => {
    if (taking !== mine || !blob) return;
    memory = URL.createObjectURL(blob);
    tellTaking();
    if (audio.paused || audio.error) load(at(), "memory");
  }, (error) => {
    if (taking !== mine) return;
    playing(false);
    trouble(error.status === 403 ? texts.key : texts.missing);
  });
}

function tellTaking() {
  $("#taking").hidden = Boolean(memory);
  $("#taking").value = taking?.part || 0;
}

function trouble(why) {
  const again = make("button", { class: "quiet", onclick: () => { stop(); takeWhole(); load(at()); playing(true); } }, texts.again);
  $("#player-trouble").replaceChildren(...told(why), again);
  if (!shown) waits(why);
}

/** Return from where a time is heard soonest. */
function sourceOf(at_s) {
  if (memory) return "memory";
  return taking?.part * now.end_s > at_s + AHEAD_S ? "begin" : "computer";
}

/** Load it, to go on at a time. */
function load(at_s, source = sourceOf(at_s)) {
  goal_s = at_s;
  from = source;
  URL.revokeObjectURL(begin);
  begin = source === "begin" ? URL.createObjectURL(taking.soFar()) : "";
  here_s = taking?.part * now.end_s;
  quiet.at_s = at_s;
  audio.src = { computer: now.source, begin, memory }[source];
  if (wish) start();
}

function start() {
  audio.play().catch((error) => {
    if (error.name === "NotAllowedError") playing(false); // it needs a touch
  });
}

/** Forget the file. */
function stop() {
  taking?.cancel();
  taking = null;
  if (memory) URL.revokeObjectURL(memory);
  memory = null;
}

/** Another view is shown: what has begun plays on beside it. */
function aside() {
  shown = false;
  if (now && begun && $("#done").hidden) { remember(); stage(); } else leave();
}

function leave() {
  if (!now) return;
  remember();
  playing(false);
  stop();
  audio.removeAttribute("src");
  audio.load();
  from = "";
  now = null;
  listen.listening(false);
  stage();
  withdraw();
}

/** Return where it is, in seconds. */
const at = () => goal_s ?? audio.currentTime;

/** Keep the place. */
function remember() {
  if (!now || !begun) return;
  const at_s = Math.floor(at());
  kept.set(`at:${now.id}`, at_s);
  const isOver = at_s >= now.end_s - 10;
  diary.stopped(isOver ? null : { hash: now.hash, title: now.title, at_s, end_s: now.end_s });
}

function seek(seconds) {
  const to_s = Math.max(0, Math.min(seconds, now.end_s));
  lengthen(null);
  if (goal_s === null) audio.currentTime = to_s;
  else goal_s = to_s;
  begun = true;
  done(false);
  draw();
}

/** Show the stage while it plays, or the controls; beside another view, what there is of both. */
function stage() {
  const full = shown && wish;
  document.body.classList.toggle("playing", full);
  document.body.classList.toggle("beside", Boolean(now) && !shown);
  $("#mini").hidden = !now || shown;
  for (const one of document.querySelectorAll("header, #heading, #controls, #more-of-it")) one.inert = full;
  const name = wish ? "pause" : "play";
  for (const button of ["#play", "#mini-play"]) {
    $(`${button} use`).setAttribute("href", `#i-${name}`);
    $(button).setAttribute("aria-label", texts[name]);
  }
}

/** Play or pause. */
function playing(on) {
  const turned = wish !== on;
  wish = on;
  quiet.since = performance.now();
  stage();
  if (lockScreen) lockScreen.playbackState = on ? "playing" : "paused";
  stayAwake(on);
  listen.listening(begun || on);
  if (on) {
    done(false);
    begun = true;
    if (now.options) entry ??= diary.begin(now);
    if ((memory && from !== "memory") || !from || audio.error) load(at());
    else start();
    if (shown) scrollTo(0, 0);
    if (turned && shown) $("#touch").focus({ preventScroll: true });
    if (turned) frames();
  } else {
    audio.pause();
    remember();
    waits("");
    if (turned && now && shown) $("#play").focus({ preventScroll: true });
  }
  draw();
  fit();
  position();
}

const toggle = () => now && playing(!wish);

/** Say why nothing is heard, and try again; it is looked after four times a second. */
function watch() {
  if (!now || !wish || audio.ended) return;
  const time = performance.now();
  if (!audio.paused && audio.currentTime !== quiet.at_s) {
    quiet.at_s = audio.currentTime;
    quiet.since = time;
    waits("");
    return;
  }
  if (time - quiet.since < QUIET_MS) return;
  const part = taking?.part;
  waits(taking?.lost || !part ? texts.lost : say("loading", { n: 10 * Math.floor(part * 10) }));
  const best = sourceOf(at());
  if (best !== "computer" && best !== from) load(at());
  else if (time - Math.max(quiet.since, quiet.tried) > RETRY_MS) {
    quiet.tried = time;
    if (audio.error && from === "memory") { playing(false); trouble(texts.unplayable); }
    else if (audio.paused && !audio.error) start();
    else if (audio.error || audio.readyState < 3) load(at());
  }
}

function waits(why) {
  for (const one of document.querySelectorAll(".waits")) {
    if (one.textContent !== why) one.textContent = why;
  }
}

// Chapters, exercises, longer holds

const chapterAt = (ms) => now.chapters.findLastIndex((chapter) => chapter.begin_ms <= ms + 1);

function skip(by) {
  if (!now) return;
  const ms = at() * 1000;
  let index = chapterAt(ms) + by;
  if (by < 0 && ms - now.chapters[index + 1]?.begin_ms > 3000) index += 1; // to its own begin first
  if (index >= now.chapters.length) {
    if (now.next) { going = wish; location.hash = now.next; }
    return;
  }
  seek((now.chapters[Math.max(0, index)]?.begin_ms || 0) / 1000);
}

/** Go back to the begin of the exercise: its hold or stretch, or else the chapter. */
function repeat() {
  const ms = at() * 1000;
  const begins = [...now.holds.filter(isLong), ...now.chapters].map((one) => one.begin_ms);
  seek(Math.max(0, ...begins.filter((begin) => begin <= ms + 1)) / 1000);
}

/** Make the hold longer that there is now, or none. */
function lengthen(hold) {
  if (!hold) {
    longer = { hold: null, left: 0, again: false };
    audio.muted = false;
  } else if (longer.hold === hold) longer.left += 1;
  else longer = { hold, left: 1, again: false };
  if (now) draw();
}

const lengthenThis = () => lengthen(holdAt(at() * 1000));

/** Return the hold or stretch that there is, if it is one of an exercise. */
const holdAt = (ms) => now.holds.find((hold) => (
  isLong(hold) && hold.begin_ms <= ms && ms < hold.end_ms - COUNTDOWN_MS)) || longer.hold;

/** Where a hold is longer, its last 15 seconds before the countdown pass again, without sound. */
function stay(ms) {
  const { hold } = longer;
  if (!hold || ms < hold.end_ms - COUNTDOWN_MS) return ms;
  if (!longer.left) { lengthen(null); return ms; }
  longer.left -= 1;
  longer.again = true;
  audio.muted = true;
  audio.currentTime = Math.max(0, audio.currentTime - MORE_S);
  return audio.currentTime * 1000;
}

// How a spot feels

/** Return the question that is asked, unless it was answered. */
const askedAt = (ms) => now.asks.find((one) => one.begin_ms <= ms && ms < one.end_ms && !answered.has(one));

/** Follow an answer: go on, press once more if that is not too long, or go to the closing words.
    Return whether there was a question. */
function answer(how) {
  const ask = now && askedAt(at() * 1000);
  if (!ask) return false;
  answered.add(ask);
  entry ??= diary.begin(now);
  diary.felt(entry, ask.label, how);
  if (how === "worse") seek(now.chapters.at(-1).begin_ms / 1000);
  else if (how === "same") {
    const chapter = now.chapters[chapterAt(ask.begin_ms)];
    const rounds = now.rounds.filter((one) => one.begin_ms >= chapter.begin_ms && one.end_ms <= ask.begin_ms);
    const last = rounds.at(-1);
    const more = (again.get(ask) || 0) + 1;
    const pressed_ms = last && (rounds.length + more) * (last.end_ms - last.begin_ms);
    if (last && pressed_ms <= MOST_PRESSED_MS) {
      again.set(ask, more);
      answered.delete(ask); // it is asked once more
      seek(last.begin_ms / 1000);
    }
  }
  draw();
  return true;
}

// The stage

/** Return how large the circle is: it grows with breathing in, and stays so while that is held. */
function scaleAt(ms, hold, breath) {
  if (!hold && !breath) return 0.7;
  if (still.matches) return 0.78;
  if (!breath) {
    const before = now.breaths.findLast((one) => one.end_ms <= ms);
    return before?.kind === "inhale" && Math.abs(before.end_ms - hold.begin_ms) < 100 ? 1 : 0.7;
  }
  const part = (ms - breath.begin_ms) / (breath.end_ms - breath.begin_ms);
  const eased = 0.5 - 0.5 * Math.cos(Math.PI * part);
  return 0.7 + 0.3 * (breath.kind === "inhale" ? eased : 1 - eased);
}

/** Change a text only when it is another, so that screen readers and layout stay quiet. */
function put(selector, text) {
  if (drawn[selector] === text) return;
  drawn[selector] = text;
  $(selector).textContent = text;
  if (["#sentence", "#where", "#round", "#coming"].includes(selector)) drawn.fits = false;
}

/** Let a long sentence become smaller until there is room for it. */
function fit() {
  const sentence = $("#sentence");
  sentence.style.fontSize = "";
  let size = parseFloat(getComputedStyle(sentence).fontSize);
  while (size > 20 && (sentence.scrollHeight > sentence.clientHeight + 1 || sentence.scrollWidth > sentence.clientWidth + 1)) {
    size -= 1;
    sentence.style.fontSize = `${size}px`;
  }
}

const WORDS = { hold: texts.holding, stretch: texts.stretching, move: texts.moving };

/** Return what comes next: an exercise, or a chapter. */
function comingAt(ms) {
  const next = [...now.chapters, ...now.rounds, ...now.moves, ...now.holds.filter((one) => one.kind === "stretch")]
    .filter((one) => one.begin_ms > ms + 1).sort((one, other) => one.begin_ms - other.begin_ms)[0];
  return next ? say("coming", { what: next.title || WORDS[next.kind] }) : "";
}

function roundAt(ms) {
  const chapter = now.chapters[chapterAt(ms)];
  const rounds = now.rounds.filter((one) => chapter && one.begin_ms >= chapter.begin_ms && one.begin_ms < chapter.end_ms);
  const number = rounds.filter((one) => one.begin_ms <= ms).length;
  return rounds.length > 1 && number ? say("round", { n: number, of: rounds.length }) : "";
}

function draw() {
  if (!now) return;
  const ms = stay(at() * 1000);
  const shown = longer.again ? longer.hold.end_ms - COUNTDOWN_MS - 1 : ms; // sentence, round and next stay
  const during = (one) => one.begin_ms <= shown && shown < one.end_ms;
  const hold = now.holds.find(during);
  const move = now.moves.find(during);
  const breath = longer.again ? undefined : now.breaths.find(during);
  const counted = hold || move || breath; // breaths may be taken during a hold, or be held between
  const said = now.speech.findLast((event) => event.begin_ms <= shown);
  const isPast = Boolean(begun && said) && shown > said.end_ms + 1500;
  $("#stage").classList.toggle("counting", Boolean(counted));
  if (begun) put("#sentence", said?.text || "");
  $("#sentence").classList.toggle("past", isPast);
  $("#sentence").classList.toggle("gone", isPast && Boolean(counted) && shown > said.end_ms + 3000);
  $("#breath").classList.toggle("hold", Boolean(hold));
  const more_ms = longer.hold && longer.hold === hold ? longer.left * MORE_S * 1000 : 0;
  const left_ms = counted ? counted.end_ms - ms + more_ms : 0;
  put("#countdown", counted ? String(Math.ceil(left_ms / 1000)) : "");
  put("#breathing", breath ? texts[breath.kind] : counted ? WORDS[counted.kind] : "");
  const scale = scaleAt(shown, hold, breath);
  $("#breath").style.setProperty("--scale", scale.toFixed(3));
  const length_ms = counted ? counted.end_ms - counted.begin_ms : 1;
  $("#breath").style.setProperty("--part", Math.min(1, left_ms / length_ms).toFixed(3));
  const side = now.sides.find(during)?.label;
  put("#where", [now.name, side && (called("side", side) || side)].filter(Boolean).join(" · "));
  if (drawn.side !== side) {
    drawn.side = side;
    for (const shape of $("#figure").querySelectorAll(".region")) {
      shape.classList.toggle("lit", !side || !shape.dataset.side || shape.dataset.side === side);
    }
  }
  put("#round", roundAt(shown));
  put("#coming", comingAt(shown));
  const ask = begun && askedAt(shown);
  $("#answers").hidden = !ask;
  $("#stage").classList.toggle("asking", Boolean(ask));
  if (!drawn.fits) {
    drawn.fits = true;
    fit();
  }
  const seconds = Math.floor(Math.min(ms / 1000, now.end_s));
  if (drawn.second !== seconds) {
    drawn.second = seconds;
    for (const one of ["#left", "#mini-left"]) put(one, say("left", { n: clock(Math.ceil(now.end_s - ms / 1000)) }));
    $("#at").textContent = clock(seconds);
    $("#position").value = seconds;
    $("#position").setAttribute("aria-valuetext", clock(seconds));
  }
  $("#longer-hold").disabled = !holdAt(ms);
  const exercise = hold && isLong(hold) ? hold : null;
  let felt = drawn.breath !== breath && breath?.kind;
  if (drawn.exercise !== exercise) felt = exercise ? "begin" : "end";
  if (wish && felt && drawn.exercise !== undefined) navigator.vibrate?.(FELT[felt]);
  drawn.exercise = exercise;
  drawn.breath = breath;
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
  if (now && wish) requestAnimationFrame(frames);
}

// The end

function done(is) {
  $("#done").hidden = !is;
  $("#stage").hidden = is;
  $("#after").hidden = !entry;
  $("#before").hidden = is || !now.options;
  $("#stretch-again").hidden = !now.holds.some((one) => one.kind === "stretch");
  if (is) $("#done-title").focus({ preventScroll: true });
}

function stretchAgain() {
  const stretch = now.holds.findLast((one) => one.kind === "stretch");
  const chapter = now.chapters[chapterAt(stretch.begin_ms)];
  seek(chapter.begin_ms / 1000);
  playing(true);
}

for (const when of ["before", "after"]) {
  $(`#${when}`).addEventListener("change", ({ target }) => {
    if (when === "before") entry ??= diary.begin(now);
    diary.note(entry, when, Number(target.value));
  });
}

// The lock screen

const lockScreen = navigator.mediaSession;
const ACTIONS = {
  play: () => playing(true), pause: () => playing(false),
  previoustrack: () => skip(-1), nexttrack: () => skip(1),
  seekbackward: (details) => seek(at() - (details.seekOffset || JUMP_S)),
  seekforward: (details) => seek(at() + (details.seekOffset || JUMP_S)),
  seekto: (details) => seek(details.seekTime),
};

function announce() {
  if (!lockScreen) return;
  lockScreen.metadata = new MediaMetadata({
    title: now.title, artist: appName, album: now.name,
    artwork: [{ src: new URL(now.cover, location.href).href, type: "image/png" }],
  });
  for (const [action, does] of Object.entries(ACTIONS)) offer(action, does);
}

/** Leave nothing on the lock screen. */
function withdraw() {
  if (!lockScreen) return;
  lockScreen.metadata = null;
  lockScreen.playbackState = "none";
  lockScreen.setPositionState?.();
  for (const action of Object.keys(ACTIONS)) offer(action, null);
}

function offer(action, does) {
  try { lockScreen.setActionHandler(action, does); } catch { /* this browser has no such button */ }
}

function position() {
  if (!now || !lockScreen?.setPositionState || !Number.isFinite(audio.duration)) return;
  lockScreen.setPositionState({
    duration: audio.duration, playbackRate: audio.playbackRate, position: Math.min(audio.currentTime, audio.duration),
  });
}

audio.addEventListener("pause", () => {
  // A call, or the headset was pulled out: then one begins again oneself.
  if (wish && !audio.ended && !audio.error && from && goal_s === null) playing(false);
});
audio.addEventListener("seeking", () => {
  if (from === "begin" && goal_s === null && audio.currentTime > here_s) load(audio.currentTime);
});
audio.addEventListener("seeked", () => { draw(); position(); });
audio.addEventListener("loadedmetadata", () => {
  if (goal_s) audio.currentTime = goal_s;
  goal_s = null;
  position();
  draw();
});
audio.addEventListener("timeupdate", draw);
audio.addEventListener("ended", () => {
  if (from === "begin") { load(quiet.at_s); return; } // browsers go to the end of the whole
  const { next, id, follow } = now;
  playing(false);
  kept.set(`at:${id}`, 0);
  going = Boolean(next);
  if (next && shown) location.hash = next;
  else if (next) follow().then(take, () => { location.hash = next; });
  else done(true);
});
document.addEventListener("visibilitychange", remember);
addEventListener("pagehide", remember);
addEventListener("resize", () => { if (now) fit(); });
setInterval(() => { if (wish) remember(); }, 5000);
setInterval(watch, 250);
onLeaving("player", aside);

// Another language of the page: what plays goes on.

export function layAside() {
  if (!now || !begun) return;
  remember();
  try { sessionStorage.setItem("player", JSON.stringify({ hash: now.hash, plays: wish })); } catch { /* then not */ }
}

/** Return what was laid aside: its address, and whether it played; or nothing. */
export function takeBack() {
  try {
    const last = JSON.parse(sessionStorage.getItem("player"));
    sessionStorage.removeItem("player");
    return last;
  } catch { return null; }
}

/** Go on with a session that was laid aside. */
export function goOn(session, plays) {
  take(session);
  begun = true;
  playing(plays);
}

// Buttons, touches and keys

$("#play").addEventListener("click", toggle);
$("#mini-play").addEventListener("click", toggle);
$("#mini-close").addEventListener("click", leave);
$("#previous").addEventListener("click", () => skip(-1));
$("#next").addEventListener("click", () => skip(1));
$("#rewind").addEventListener("click", () => seek(at() - JUMP_S));
$("#forward").addEventListener("click", () => seek(at() + JUMP_S));
$("#repeat").addEventListener("click", repeat);
$("#longer-hold").addEventListener("click", lengthenThis);
$("#position").addEventListener("input", (event) => seek(Number(event.target.value)));
$("#stretch-again").addEventListener("click", stretchAgain);
for (const button of $("#answers").children) button.addEventListener("click", () => answer(button.value));
$("#from-begin").addEventListener("click", () => { seek(0); playing(true); });
$("#to-playlist").addEventListener("click", () => requestPlaylist(now.options));

const LOUDER = 0.2;
const JUST_SAID_MS = 4000; // in which the microphone may still have the session's own voice
const JUST_ASKED_MS = 1500; // the same for a question, which is to be answered

/** Do what was said; return whether it could be done. */
function obey(command) {
  if (!now) return false;
  const does = {
    pause: () => playing(false), stop: () => playing(false), go_on: () => playing(true),
    next: () => skip(1), back: () => skip(-1), repeat, longer: lengthenThis,
    louder: () => { audio.volume = Math.min(1, audio.volume + LOUDER); },
    softer: () => { audio.volume = Math.max(LOUDER, audio.volume - LOUDER); },
    better: () => answer("better"), same: () => answer("same"), worse: () => answer("worse"),
  }[command];
  const did = Boolean(does) && does() !== false;
  if (command === "stop") {
    waits(texts.let_go);
    listen.speak(texts.let_go);
  }
  return did;
}

/** Return whether the session itself has just said a word: not “halt” by “halte”. */
function saysIt(word) {
  if (!now || !wish) return false;
  const ms = at() * 1000;
  const apart = (text) => ` ${text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ")} `;
  const late_ms = askedAt(ms) ? JUST_ASKED_MS : JUST_SAID_MS;
  return now.speech.some((event) => event.begin_ms <= ms && ms < event.end_ms + late_ms
    && apart(event.text).includes(apart(word)));
}
listen.prepare(obey, saysIt);

let touched = null; // where a touch of the stage began
let swiped = false;
$("#touch").addEventListener("pointerdown", (event) => { touched = event; swiped = false; });
$("#touch").addEventListener("pointerup", (event) => {
  const across = event.clientX - (touched?.clientX ?? event.clientX);
  const along = event.clientY - (touched?.clientY ?? event.clientY);
  swiped = Math.abs(across) > SWIPE_PX && Math.abs(across) > 2 * Math.abs(along);
  if (swiped) skip(across < 0 ? 1 : -1);
});
$("#touch").addEventListener("click", () => {
  if (!swiped) toggle();
  swiped = false;
});

const KEYS = {
  " ": toggle, ArrowLeft: () => seek(at() - JUMP_S), ArrowRight: () => seek(at() + JUMP_S),
  n: () => skip(1), p: () => skip(-1), r: repeat, "+": lengthenThis, q: () => playing(false),
  1: () => answer("better"), 2: () => answer("same"), 3: () => answer("worse"),
};
document.addEventListener("keydown", (event) => {
  const isField = event.target.closest("input, select, textarea, summary");
  const isButton = event.target.closest("button, a") && event.key === " "; // that is its own key
  if (!now || !shown || isField || isButton || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});
