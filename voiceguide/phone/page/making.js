// Waiting for what is being made, and showing it when it is there.

import {
  $, appName, ask, called, clock, inMinutes, item, listOf, make, nap, place, root, say, show, site,
  spoken, subjectOf, texts, told, view,
} from "./common.js";
import * as player from "./player.js";
import { LONGEST_MIN, asked, request } from "./request.js";

const POLL_MS = 500;

async function untilReady(mine, kind, id) {
  if (site) return listed(mine, kind, id);
  const title = () => subjectOf(asked.get(id)?.target)?.name || appName;
  $("#making-back").href = `#${asked.get(id)?.target || ""}`;
  while (mine === view.shown) {
    let answer;
    try {
      answer = await ask(`api/${kind}s/${id}`);
    } catch (error) {
      if (mine !== view.shown) return null;
      waiting(title());
      if (error.status === 404) return fail(texts.missing);
      await wait(error);
      continue;
    }
    if (mine !== view.shown) return null;
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
    await nap(POLL_MS);
  }
  return null;
}

/** Return what is published under a name; null where nothing is, which is said. */
async function listed(mine, kind, id) {
  const all = await patiently(mine, appName, () => ask(listOf(kind)));
  if (!all || mine !== view.shown) return null;
  const about = all.find((one) => one.id === id);
  if (about) return about;
  waiting(appName);
  return fail(texts.missing);
}

/** Say why it is waited, and wait. */
async function wait(error) {
  $("#making-state").textContent = "";
  $("#making-trouble").replaceChildren(...told(error.message, error.detail));
  await nap(4 * POLL_MS);
}

/** Return what the computer has, waiting until it answers; null if another view is shown by then. */
async function patiently(mine, title, have) {
  while (mine === view.shown) {
    try {
      return await have();
    } catch (error) {
      if (mine !== view.shown) return null;
      waiting(title);
      if (!error.passes) return fail(error.message, error.detail);
      await wait(error);
    }
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
  for (const one of ["#making-progress", "#making .dot", "#making .hint", "#cancel"]) $(one).hidden = !is;
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

export async function showSession(mine, id) {
  const about = await untilReady(mine, "session", id);
  if (!about || mine !== view.shown) return;
  const session = await patiently(mine, about.title, () => (site ? published(about) : served(about)));
  if (session && mine === view.shown) player.open(session);
}

/** Return a session as the player takes it, from the computer. */
async function served({ id, region, options }) {
  const { title, language, chapters, events, marks } = await ask(`sessions/${id}.json`);
  return {
    id, title, album: subjectOf(options.target) ? options.target : region, language, chapters, events, marks,
    cover: `${root}covers/${region}.png`, source: `${root}sessions/${id}.mp3`, options,
  };
}

/** Return a session of a published site, from the files that lie there. */
async function published(about) {
  const { id, base, version } = about;
  return {
    ...await contents(base, `?${version}`), id, title: about.title,
    album: about.region ?? about.title, language: about.language, cover: root + about.cover,
    source: `${root}${base}.mp3?${version}`, options: about.options, published: about,
  };
}

/** Return what the files beside an MP3 say: its chapters, marks and speech. */
async function contents(base, version = "") {
  const [{ chapters }, marks, captions] = await Promise.all([
    ask(`${base}.chapters.json${version}`), ask(`${base}.marks.json${version}`),
    words(`${base}.vtt${version}`),
  ]);
  return {
    chapters: chapters.map((one) => (
      { title: one.title, begin_ms: one.startTime * 1000, end_ms: one.endTime * 1000 })),
    events: speech(captions), marks,
  };
}

const showing = [];

/** Have something done whenever a playlist is shown. */
export const onPlaylist = (does) => showing.push(does);

export async function showPlaylist(mine, id) {
  const about = await untilReady(mine, "playlist", id);
  if (!about || mine !== view.shown) return;
  show("playlist", about.title);
  for (const does of showing) does(about);
  $("#playlist-title").textContent = about.title;
  $("#playlist-title").lang = spoken(about.language).lang || "";
  $("#playlist-length").textContent = `${clock(about.duration_ms / 1000)} · ${Math.ceil(about.size_bytes / 1e6)} MB`;
  $("#tracks").replaceChildren(...about.tracks.map((track, index) => item(
    { href: `#playlist/${id}/${index + 1}` }, track.title, "", clock(track.duration_ms / 1000),
    about.language,
  )));
  $("#zip").href = `${root}playlists/${id}.zip`;
  $("#list").href = `${about.list}?download`;
  $("#subscribe").hidden = !about.feed;
  $("#feed").value = new URL(about.feed ?? "", root).href;
  $("#copy").textContent = texts.copy;
}

export async function showTrack(mine, id, number) {
  const about = await untilReady(mine, "playlist", id);
  if (!about || mine !== view.shown) return;
  if (!about.tracks[number - 1]) { waiting(about.title); fail(texts.missing); return; }
  const session = await patiently(mine, about.title, () => trackOf(about, number));
  if (session && mine === view.shown) player.open(session);
}

/** Return a track of a playlist as the player takes it. */
async function trackOf(about, number) {
  const track = about.tracks[number - 1];
  const base = `playlists/${about.id}/${track.file.replace(/\.mp3$/, "")}`;
  const version = site ? `?${track.version}` : "";
  const isLast = number === about.tracks.length;
  return {
    ...await contents(base, version), id: `${about.id}/${number}`, title: track.title, album: about.title,
    cover: `${root}playlists/${about.id}/cover.png`, source: `${root}${base}.mp3${version}`,
    language: about.language, published: site && track, hash: `#playlist/${about.id}/${number}`, back: `#playlist/${about.id}`,
    next: isLast ? null : `#playlist/${about.id}/${number + 1}`,
    follow: isLast ? null : () => trackOf(about, number + 1),
  };
}

/** Go on with what played before the page was loaded in another language, beside what is shown. */
export async function carryOn(last) {
  if (!last) return;
  const [kind, id, number] = last.hash.slice(1).split("/");
  try {
    const all = site && await ask(listOf(kind));
    const about = site ? all.find((one) => one.id === id) : await ask(`api/${kind}s/${id}`);
    if (about.state === "failed") return;
    const have = site ? published : served;
    player.goOn(await (kind === "playlist" ? trackOf(about, Number(number)) : have(about)), last.plays);
  } catch { /* then it is among what was heard */ }
}

async function words(path) {
  try {
    return await (await fetch(root + path)).text();
  } catch { throw Object.assign(new Error(texts.gone), { passes: true }); }
}

/** Read the speech out of WebVTT, as we write it; tags of words in it are left out. */
function speech(captions) {
  const time = (text) => text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) * 1000;
  const plain = (text) => text.replace(/<[^>]*>/g, "")
    .replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  return captions.split(/\n\n+/).flatMap((block) => {
    const [times, ...lines] = block.trim().split("\n");
    const [begin, end] = times.split(" --> ");
    if (!end) return [];
    return [{ kind: "speech", begin_ms: time(begin), end_ms: time(end), text: plain(lines.join(" ")) }];
  });
}

$("#cancel").addEventListener("click", () => {
  const [kind, id] = place();
  location.hash = $("#making-back").hash;
  fetch(`${root}api/${kind}s/${id}`, { method: "DELETE" }).catch(() => {});
});
$("#feed").addEventListener("focus", (event) => event.target.select());
$("#copy").addEventListener("click", async () => {
  const field = $("#feed");
  try { await navigator.clipboard.writeText(field.value); }
  catch { field.focus(); field.select(); document.execCommand("copy"); } // not over https
  $("#copy").textContent = texts.copied;
});
