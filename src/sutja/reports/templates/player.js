// A cursor runs over a clip's pictures as it plays. Click or drag to hear from there; arrow keys seek, space plays.
"use strict";
// Two players at once are no use.
document.addEventListener("play", (event) => {
  for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
}, true);

for (const box of document.querySelectorAll(".heard")) {
  const audio = box.querySelector("audio"), { left, right, foot, seconds, what } = box.dataset;
  const bar = document.createElement("div"), cursor = document.createElement("div");
  const set = (name, value) => bar.setAttribute(name, value);
  let held = false;
  bar.className = "seek";
  cursor.className = "cursor";
  bar.append(cursor);
  bar.tabIndex = 0;
  bar.style.left = `${100 * left}%`;
  bar.style.bottom = `${100 * foot}%`;
  bar.style.width = `${100 * (right - left)}%`;
  set("role", "slider");
  set("aria-label", what);
  set("aria-valuemin", 0);
  box.querySelector(".track").append(bar);

  const length = () => (Number.isFinite(audio.duration) ? audio.duration : Number(seconds));
  function show() {
    const now = audio.currentTime;
    cursor.style.left = `${100 * Math.min(now / seconds, 1)}%`;
    set("aria-valuemax", length().toFixed(2));
    set("aria-valuenow", now.toFixed(2));
    set("aria-valuetext", `${now.toFixed(2)} s`);
  }
  function run() {
    show();
    if (!audio.paused && !audio.ended) requestAnimationFrame(run);
  }
  function go(time) {
    audio.currentTime = Math.max(0, Math.min(time, length()));
    show();
  }
  const under = (event) => {
    const place = bar.getBoundingClientRect();
    return (event.clientX - place.left) / place.width * seconds;
  };
  audio.addEventListener("play", run);
  for (const event of ["seeked", "timeupdate", "ended", "loadedmetadata"]) audio.addEventListener(event, show);
  bar.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    held = true;
    bar.setPointerCapture(event.pointerId);
    audio.pause();
    go(under(event));
  });
  bar.addEventListener("pointermove", (event) => { if (held) go(under(event)); });
  bar.addEventListener("pointercancel", () => { held = false; });
  bar.addEventListener("pointerup", () => {
    if (held) audio.play();
    held = false;
  });
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: .02, ArrowUp: .02, ArrowLeft: -.02, ArrowDown: -.02, PageUp: .1, PageDown: -.1 }[event.key];
    if (step) go(audio.currentTime + step);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(length());
    else if (event.key !== " " && event.key !== "Enter") return;
    else if (audio.paused) audio.play();
    else audio.pause();
    event.preventDefault();
  });
  show();
}

for (const slowly of document.querySelectorAll("input[data-slowly]")) {
  slowly.addEventListener("change", () => {
    for (const audio of document.querySelectorAll(".heard audio")) audio.playbackRate = slowly.checked ? .25 : 1;
  });
}
