// What is said near the phone steers the session, where the browser understands speech on the phone
// itself; elsewhere it is not offered. Nothing that is heard leaves the phone or is kept.

import { $, choices, kept, pageLanguage, texts } from "./common.js";

const MOST_WORDS = 3; // who says more is not talking to the session
const TAGS = { en: "en-US", de: "de-DE" };
const RESTART_MS = 300; // twice as long after each failure
const MOST_FAILURES = 4; // one after another
const FATAL = {
  "not-allowed": texts.no_microphone, "service-not-allowed": texts.no_microphone,
  "audio-capture": texts.no_microphone, "language-not-supported": texts.no_listening,
};
const Recognition = globalThis.SpeechRecognition || globalThis.webkitSpeechRecognition;
const where = { langs: [TAGS[pageLanguage] || pageLanguage], processLocally: true };

let recognizer = null;
let wanted = false;
let failures = 0;
let obey = () => {};
let isSpeaking = () => false;

/** Offer to listen where that is possible; `does` is told each command, `says` whether it says a word. */
export async function prepare(does, says) {
  obey = does;
  isSpeaking = says;
  const state = await availability();
  if (state !== "available" && state !== "downloadable") return;
  const box = $("#listen input");
  $("#listen").hidden = false;
  box.checked = kept.get("listen") === "on" && state === "available";
  box.addEventListener("change", async () => {
    kept.set("listen", box.checked ? "on" : "off");
    $("#listen-trouble").textContent = "";
    if (box.checked && state === "downloadable" && !(await Recognition.install(where).catch(() => false))) {
      giveUp(texts.no_listening);
    }
    listening(wanted);
  });
  listening(wanted); // it may play already
}

async function availability() {
  try { return await Recognition.available(where); } catch { return "unavailable"; } // there is none
}

/** Listen while a session is open, or stop it. */
export function listening(on) {
  wanted = on;
  const does = on && !$("#listen").hidden && $("#listen input").checked;
  if (does && !recognizer) begin();
  else if (!does && recognizer) {
    const ended = recognizer;
    recognizer = null;
    ended.abort();
  }
}

function begin() {
  const mine = new Recognition();
  recognizer = mine;
  Object.assign(mine, { continuous: true, interimResults: false, lang: where.langs[0], processLocally: true });
  let fails = false;
  mine.addEventListener("result", ({ results, resultIndex }) => {
    failures = 0;
    for (let at = resultIndex; at < results.length; at += 1) heard(results[at][0].transcript);
  });
  mine.addEventListener("error", ({ error }) => {
    fails = error !== "no-speech";
    if (FATAL[error]) giveUp(FATAL[error]);
  });
  mine.addEventListener("end", () => { // browsers end it after a silence
    if (recognizer !== mine) return;
    recognizer = null;
    failures = fails ? failures + 1 : 0;
    if (failures < MOST_FAILURES) setTimeout(() => listening(wanted), RESTART_MS * 2 ** failures);
    else {
      giveUp(texts.listening_stopped);
      speak(texts.listening_stopped); // no one may be looking
    }
  });
  $("#listen-trouble").textContent = "";
  mine.start();
}

function giveUp(why) {
  recognizer = null;
  failures = 0;
  $("#listen input").checked = false;
  $("#listen-trouble").textContent = why;
}

function heard(transcript) {
  const said = transcript.toLowerCase().replace(/[.,!?]/g, "").trim();
  if (said.split(/\s+/).length > MOST_WORDS) return;
  for (const [command, words] of Object.entries(choices.commands)) {
    const word = words.map((one) => one.toLowerCase()).find((one) => said === one || said.endsWith(` ${one}`));
    if (word && !isSpeaking(word)) {
      if (obey(command)) tone();
      return;
    }
  }
}

/** Say something by a voice of the phone, if it has one. */
export function speak(text) {
  const synthesis = globalThis.speechSynthesis;
  const voice = synthesis?.getVoices().find((one) => one.localService && one.lang.startsWith(pageLanguage));
  if (voice) synthesis.speak(Object.assign(new SpeechSynthesisUtterance(text), { voice }));
}

/** A short tone says that a command was heard. */
function tone() {
  const context = new AudioContext();
  const sound = context.createOscillator();
  const volume = context.createGain();
  sound.frequency.value = 880;
  volume.gain.setValueAtTime(0.08, context.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.15);
  sound.connect(volume).connect(context.destination);
  sound.addEventListener("ended", () => context.close());
  sound.start();
  sound.stop(context.currentTime + 0.15);
}
