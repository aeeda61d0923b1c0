// Waiting for what is being made, and showing it when it is there.

import {
  $, appName, ask, called, clock, inMinutes, item, listOf, make, nap, place, root, say, show, site,
  spoken, subjects, texts, told, view,
} from "./common.js";
import * as player from "./player.js";
import { asked, request } from "./request.js";

const POLL_MS = 500;
const LONGEST_MIN = 180;

async function untilReady(mine, kind, id) {
  if (site) return published(mine, kind, id);
  const title = () => subjects.get(asked.get(id)?.target)?.name || appName;
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
async function published(mine, kind, id) {
  const listed = await patiently(mine, appName, () => ask(listOf(kind)));
  if (!listed || mine !== view.shown) return null;
  const about = listed.find((one) => one.id === id);
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
  if (site) { await showPublished(mine, about); return; }
  const timeline = await patiently(mine, about.title, () => ask(`sessions/${id}.json`));
  if (!timeline || mine !== view.shown) return;
  player.open({
    id, title: timeline.title, album: about.region, cover: `${root}covers/${about.region}.png`,
    source: `${root}sessions/${id}.mp3`, language: timeline.language,
    chapters: timeline.chapters, events: timeline.events, marks: timeline.marks, options: about.options,
  });
}

/** Open a session of a published site, from the files that lie there. */
async function showPublished(mine, about) {
  const { id, version } = about;
  const inside = await patiently(mine, about.title, () => contents(`sessions/${id}`, `?${version}`));
  if (!inside || mine !== view.shown) return;
  player.open({
    ...inside, id, title: about.title, album: about.region ?? about.title,
    language: about.language, cover: root + about.cover, source: `${root}sessions/${id}.mp3?${version}`,
    options: about.options, published: about,
  });
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

export async function showPlaylist(mine, id) {
  const about = await untilReady(mine, "playlist", id);
  if (!about || mine !== view.shown) return;
  show("playlist", about.title);
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
  const track = about.tracks[number - 1];
  if (!track) { waiting(about.title); fail(texts.missing); return; }
  const base = `playlists/${id}/${track.file.replace(/\.mp3$/, "")}`;
  const inside = await patiently(mine, about.title, () => contents(base));
  if (!inside || mine !== view.shown) return;
  player.open({
    ...inside, id: `${id}/${number}`, title: track.title, album: about.title,
    cover: `${root}playlists/${id}/cover.png`, source: `${root}${base}.mp3`,
    language: about.language,
    next: number < about.tracks.length ? `#playlist/${id}/${number + 1}` : null,
    back: `#playlist/${id}`,
  });
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
