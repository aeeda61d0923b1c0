// A published site: what there is for a place, and sessions that are kept on the phone.

import {
  $, ask, listOf, root, say, show, site, texts, view,
} from "./common.js";
import { entry } from "./choose.js";
import { onOpening } from "./player.js";
import { takeIn } from "./sound.js";

const SHELF = `${root} kept`; // the worker looks there too
const canKeep = "caches" in globalThis && "serviceWorker" in navigator && !site.embedded;

/** Show the sessions for a region or kind; one alone is opened. */
export async function showSubject(subject, mine) {
  const offered = (await ask(listOf("session"))).filter((one) => one.region === subject.id);
  if (mine !== view.shown) return;
  if (offered.length === 1) { location.replace(`#session/${offered[0].id}`); return; }
  show("options", subject.name);
  $("#options-title").textContent = subject.name;
  $("#summary").textContent = subject.summary;
  $("#offered").replaceChildren(...offered.map(entry));
}

// What is kept on the phone

const soundOf = (about) => `${root}sessions/${about.id}.mp3?${about.version}`;
const textsOf = (about) => [
  ...["chapters.json", "marks.json", "vtt"].map((form) => `${root}sessions/${about.id}.${form}?${about.version}`),
  ...[about.cover, listOf("session"), listOf("playlist")].map((path) => root + path),
];
const isKept = async (about) => Boolean(await (await caches.open(SHELF)).match(soundOf(about)));

/** Keep a session; its sound comes last, so that one that is kept is whole. */
async function keep(about, tell) {
  const shelf = await caches.open(SHELF);
  await shelf.addAll(textsOf(about));
  const blob = await takeIn(soundOf(about), tell).whole;
  const headers = { "Content-Type": "audio/mpeg", "Content-Length": blob.size };
  await shelf.put(soundOf(about), new Response(blob, { headers }));
  navigator.storage?.persist?.();
}

/** Remove what is kept of a session, in all its versions but one. */
async function remove(id, version) {
  const shelf = await caches.open(SHELF);
  for (const { url } of await shelf.keys()) {
    const isOfIt = url.startsWith(`${root}sessions/${id}.`);
    if (isOfIt && !(version && url.endsWith(`?${version}`))) await shelf.delete(url);
  }
}

/** Bring what is kept up to what is published: changed sessions are kept anew, removed ones go. */
async function renew() {
  const published = new Map((await ask(listOf("session"))).map((one) => [one.id, one]));
  const kept = await (await caches.open(SHELF)).keys();
  const sounds = kept.map(({ url }) => url.slice(`${root}sessions/`.length)).filter((name) => name.includes(".mp3?"));
  for (const [id, version] of sounds.map((name) => name.split(".mp3?"))) {
    const about = published.get(id);
    if (!about) await remove(id);
    else if (about.version !== version) {
      await keep(about, () => {});
      await remove(id, about.version);
    }
  }
}

let open; // the session that is open

onOpening(async ({ published }) => {
  open = published; // nothing for a track of a playlist
  $("#keep").hidden = !canKeep || !published;
  if ($("#keep").hidden) return;
  const kept = await isKept(published);
  if (open === published) tell(kept ? texts.unkeep : texts.keep, kept);
});

function tell(text, kept) {
  $("#keep").textContent = text;
  $("#keep").setAttribute("aria-pressed", String(kept));
}

async function toggle() {
  const about = open;
  const kept = await isKept(about);
  $("#keep").disabled = true;
  try {
    if (kept) await remove(about.id);
    else await keep(about, (part) => { if (open === about) tell(say("keeping", { n: Math.floor(100 * part) }), false); });
    if (open === about) tell(kept ? texts.keep : texts.unkeep, !kept);
  } catch {
    if (open === about) tell(texts.keep_fails, kept);
  }
  $("#keep").disabled = false;
}

if (canKeep) {
  $("#keep").addEventListener("click", toggle);
  navigator.serviceWorker.register(`${root}worker.js`).then(renew).catch(() => { /* next time */ });
}
