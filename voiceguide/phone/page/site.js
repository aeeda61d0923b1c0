// A published site: what there is for a place, and sessions that are kept on the phone.

import {
  $, ask, listOf, pageLanguage, root, say, show, site, texts, view,
} from "./common.js";
import { entry } from "./choose.js";
import { onPlaylist } from "./making.js";
import { onOpening } from "./player.js";
import { takeIn } from "./sound.js";

const SHELF = `${root} kept`; // the worker looks there too
const canKeep = "caches" in globalThis && "serviceWorker" in navigator && !site.embedded;

/** Show the sessions for a region or kind, in the language of the page if any is; one alone is opened. */
export async function showSubject(subject, mine) {
  const about = (await ask(listOf("session"))).filter((one) => one.region === subject.id);
  const spoken = about.filter((one) => one.language === pageLanguage);
  const offered = spoken.length ? spoken : about;
  if (mine !== view.shown) return;
  if (offered.length === 1) { location.replace(`#session/${offered[0].id}`); return; }
  show("options", subject.name);
  $("#options-title").textContent = subject.name;
  $("#summary").textContent = subject.summary;
  $("#offered").replaceChildren(...offered.map(entry));
}

// What is kept on the phone: sessions, and tracks of playlists

const soundOf = ({ base, version }) => `${root}${base}.mp3?${version}`;
const textsOf = ({ base, version, cover }) => [
  ...["chapters.json", "marks.json", "vtt"].map((form) => `${root}${base}.${form}?${version}`),
  ...[cover, listOf("session"), listOf("playlist")].map((path) => root + path),
];

async function areKept(all) {
  const shelf = await caches.open(SHELF);
  return (await Promise.all(all.map((one) => shelf.match(soundOf(one))))).every(Boolean);
}

/** Keep one; its sound comes last, so that one that is kept is whole. */
async function keep(about, tell) {
  const shelf = await caches.open(SHELF);
  await shelf.addAll(textsOf(about));
  const blob = await takeIn(soundOf(about), tell).whole;
  const headers = { "Content-Type": "audio/mpeg", "Content-Length": blob.size };
  await shelf.put(soundOf(about), new Response(blob, { headers }));
  navigator.storage?.persist?.();
}

/** Remove what is kept of one, in all its versions but one. */
async function remove(base, version) {
  const shelf = await caches.open(SHELF);
  for (const { url } of await shelf.keys()) {
    const isOfIt = url.startsWith(`${root}${base}.`);
    if (isOfIt && !(version && url.endsWith(`?${version}`))) await shelf.delete(url);
  }
}

/** Bring what is kept up to what is published: what has changed is kept anew, what was removed goes. */
async function renew() {
  const [sessions, playlists] = await Promise.all(["session", "playlist"].map((kind) => ask(listOf(kind))));
  const all = [...sessions, ...playlists.flatMap((one) => one.tracks)];
  const published = new Map(all.map((one) => [one.base, one]));
  const kept = await (await caches.open(SHELF)).keys();
  const sounds = kept.map(({ url }) => url.slice(root.length)).filter((name) => name.includes(".mp3?"));
  for (const [base, version] of sounds.map((name) => name.split(".mp3?"))) {
    const about = published.get(base);
    if (!about) await remove(base);
    else if (about.version !== version) {
      await keep(about, () => {});
      await remove(base, about.version);
    }
  }
}

// Buttons that keep one, or all tracks of a playlist

const meant = new Map(); // what each button keeps

async function offer(selector, all) {
  const button = $(selector);
  meant.set(button, all);
  button.hidden = true; // until it is known what it says
  if (!canKeep || !all.length) return;
  const kept = await areKept(all);
  if (meant.get(button) !== all) return;
  tell(button, kept ? texts.unkeep : texts.keep, kept);
  button.hidden = false;
}

function tell(button, text, kept) {
  button.textContent = text;
  button.setAttribute("aria-pressed", String(kept));
}

async function toggle({ currentTarget: button }) {
  const all = meant.get(button);
  const told = (text, kept) => { if (meant.get(button) === all) tell(button, text, kept); };
  const kept = await areKept(all);
  button.disabled = true;
  try {
    for (const [number, one] of all.entries()) {
      const part = (done) => told(say("keeping", { n: Math.floor((100 * (number + done)) / all.length) }), false);
      if (kept) await remove(one.base);
      else await keep(one, part);
    }
    told(kept ? texts.keep : texts.unkeep, !kept);
  } catch {
    told(texts.keep_fails, kept);
  }
  button.disabled = false;
}

onOpening(({ published }) => offer("#keep", [published]));
onPlaylist(({ tracks }) => offer("#keep-all", tracks));

if (canKeep) {
  for (const one of ["#keep", "#keep-all"]) $(one).addEventListener("click", toggle);
  navigator.serviceWorker.register(`${root}worker.js`).then(renew).catch(() => { /* next time */ });
}
