// The sound of a session: taken in whole, so that it plays on where the network or the computer is lost.

import { nap } from "./common.js";

const PART_BYTES = 500_000; // asked for at once; the page does not stop while one is read
const SILENT_MS = 8000; // a computer that sends nothing for so long is asked anew
const MOST_WAIT_MS = 4000;
const MOST_PAINT_MS = 3000;

/**
 * Take in a file. `whole` is its Blob in the end; what breaks off goes on where it was, until
 * `cancel()`; `soFar()` is what is here. `tell(part, lost)` hears how much is there, from 0 to 1, and whether it is waited for.
 * An answer that will not become another one (403, 404) rejects with its `status`.
 */
export function takeIn(url, tell) {
  const cancelled = new AbortController();
  const pieces = [];
  let got = 0;
  let total = Infinity;
  let version = "";

  async function more() {
    const attempt = new AbortController();
    cancelled.signal.addEventListener("abort", () => attempt.abort());
    let timer;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => attempt.abort(), SILENT_MS);
    };
    try {
      watch();
      const headers = { Range: `bytes=${got}-${got + PART_BYTES - 1}`, ...(got && { "If-Range": version }) };
      const response = await fetch(url, { headers, signal: attempt.signal });
      if ([403, 404].includes(response.status)) throw Object.assign(new Error(), { status: response.status });
      const isWhole = response.status === 200;
      const length = response.headers.get(isWhole ? "Content-Length" : "Content-Range")?.match(/\d+$/)?.[0];
      if (response.status === 416 && Number(length) === got) { total = got; return; } // it was all of it
      const stamp = response.headers.get("ETag") ?? response.headers.get("Last-Modified");
      const isOther = response.status === 416 || (response.status === 206 && got && stamp !== version);
      if (isWhole || isOther) { pieces.length = 0; got = 0; } // it may be another file now
      if (!response.ok || isOther) throw new Error(); // from its begin; not every host heeds If-Range
      version = stamp;
      total = Number(length ?? Infinity);
      const begin = got;
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) {
          // A host may not say how much there is.
          if (length === undefined && (isWhole || got - begin < PART_BYTES)) total = got;
          return;
        }
        watch();
        pieces.push(value);
        got += value.length;
        tell(got / total, false);
      }
    } finally { clearTimeout(timer); }
  }

  async function all() {
    if (!document.hidden) await Promise.race([painted(), nap(MOST_PAINT_MS)]); // that comes first
    let wait = 250;
    while (!cancelled.signal.aborted) {
      const before = got;
      let failed = false;
      try { await more(); } catch (error) { if (error.status) throw error; failed = true; }
      if (got === total) return blob();
      if (cancelled.signal.aborted) break;
      if (got > before) wait = 250;
      if (got > before && !failed) continue;
      tell(got / total, true);
      await Promise.race([nap(wait), new Promise((back) => { addEventListener("online", back, { once: true }); })]);
      wait = Math.min(MOST_WAIT_MS, 2 * wait);
    }
    return null;
  }

  const blob = () => new Blob(pieces, { type: "audio/mpeg" });
  return { whole: all(), soFar: blob, cancel: () => cancelled.abort() };
}

const painted = () => new Promise((is) => { requestAnimationFrame(() => requestAnimationFrame(is)); });
