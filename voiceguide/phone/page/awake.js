// The screen stays on while a session plays: by the Wake Lock, which browsers allow over HTTPS and on
// this machine only, or else by a video without sound or picture, which keeps it on everywhere.

import { $, make } from "./common.js";

let wanted = false;
let lock = null;
let video = null;

/** Keep the screen on, or let it go dark again. */
export async function stayAwake(on) {
  wanted = on;
  if (!on) {
    lock?.release();
    video?.pause();
    return;
  }
  if (document.hidden || lock) return;
  try {
    lock = await navigator.wakeLock.request("screen");
    lock.addEventListener("release", () => { lock = null; });
    if (!wanted) lock.release();
  } catch { // there is none, or the battery is low
    video ??= blank();
    if (wanted) video.play().catch(() => {});
  }
}

/** Return a video of a picture that hardly changes, as large as the stage, and behind it. */
function blank() {
  const canvas = make("canvas", { width: 16, height: 16 });
  const pen = canvas.getContext("2d");
  let light = false;
  setInterval(() => {
    if (!wanted) return;
    light = !light;
    pen.fillStyle = light ? "#010101" : "#000";
    pen.fillRect(0, 0, 16, 16);
  }, 500);
  const made = make("video", { id: "awake", playsinline: "", "aria-hidden": "true", tabindex: "-1" });
  made.muted = true;
  made.srcObject = canvas.captureStream(2);
  $("#stage").prepend(made);
  return made;
}

document.addEventListener("visibilitychange", () => { if (wanted) stayAwake(true); });
