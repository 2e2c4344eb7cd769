// Buttons that play a clip, and the map: a canvas of points to hover over and to play.
"use strict";
const player = new Audio();
window.sutjaPlayer = player;

function play(sound) {
  player.pause();
  player.src = `data:${SOUND_TYPE};base64,${sound}`;
  return player.play();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.play");
  if (button) play(button.dataset.sound);
});

(function clipMap() {
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const canvas = document.getElementById("map-canvas");
  const [kinds, legend, now] = ["map-kind", "map-legend", "map-now"].map((id) => document.getElementById(id));
  const hues = ["blue", "vermilion", "green", "purple", "orange", "sky"];
  const shapes = ["circle", "triangle", "square", "diamond", "plus"];
  const margin = 14;
  let kind = Object.keys(data.groups)[0], chosen = null, hovered = -1, width = 0, height = 0;

  for (const name of Object.keys(data.groups)) kinds.add(new Option(KINDS[name] ?? name, name));
  kinds.closest("label").hidden = !kind;
  kinds.addEventListener("change", () => { kind = kinds.value; chosen = null; drawLegend(); draw(); });

  const told = () => kind && data.groups[kind].names.length <= hues.length * shapes.length;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const place = (i) => [
    margin + data.places[i][0] * (width - 2 * margin),
    height - margin - data.places[i][1] * (height - 2 * margin),
  ];

  function mark(context, x, y, shape, r) {
    context.beginPath();
    if (shape === "circle") context.arc(x, y, r, 0, 7);
    else if (shape === "square") context.rect(x - r * .9, y - r * .9, r * 1.8, r * 1.8);
    else if (shape === "plus") { context.rect(x - r * 1.2, y - r * .4, r * 2.4, r * .8); context.rect(x - r * .4, y - r * 1.2, r * .8, r * 2.4); }
    else {
      const corners = shape === "triangle" ? [[0, -1.3], [1.15, .8], [-1.15, .8]] : [[0, -1.35], [1.1, 0], [0, 1.35], [-1.1, 0]];
      corners.forEach(([dx, dy]) => context.lineTo(x + dx * r, y + dy * r));
    }
    context.fill();
  }

  const look = (group) => told() && group >= 0
    ? [hues[group % hues.length], shapes[Math.floor(group / hues.length)]]
    : [group >= 0 ? "blue" : "soft", "circle"];

  function draw() {
    const scale = devicePixelRatio || 1, context = canvas.getContext("2d");
    width = canvas.clientWidth; height = canvas.clientHeight;
    canvas.width = width * scale; canvas.height = height * scale;
    context.scale(scale, scale);
    const radius = data.names.length > 1500 ? 2.6 : 3.6, of = kind ? data.groups[kind].of : null;
    const paint = Object.fromEntries([...hues, "soft", "ink"].map((name) => [name, colour(name)]));
    const one = (i, faint) => {
      const [hue, shape] = look(of ? of[i] : -1);
      context.globalAlpha = faint ? .12 : .8;
      context.fillStyle = paint[hue];
      mark(context, ...place(i), shape, radius);
    };
    const lit = (i) => chosen === null || of[i] === chosen;
    for (let i = 0; i < data.names.length; i++) if (!lit(i)) one(i, true);
    for (let i = 0; i < data.names.length; i++) if (lit(i)) one(i, false);
    if (hovered >= 0) {
      context.globalAlpha = 1;
      context.strokeStyle = paint.ink;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(...place(hovered), radius + 4, 0, 7);
      context.stroke();
    }
  }

  function drawLegend() {
    legend.replaceChildren();
    if (!kind) return;
    const { names, none, of } = data.groups[kind], counts = new Map();
    of.forEach((g) => counts.set(g, 1 + (counts.get(g) || 0)));
    const entries = names.map((name, group) => [name, group]);
    if (counts.has(-1)) entries.push([none, -1]);
    entries.forEach(([name, group]) => {
      const button = document.createElement("button"), dot = document.createElement("canvas");
      button.className = "plain";
      button.setAttribute("aria-pressed", "false");
      dot.width = dot.height = 24;
      const context = dot.getContext("2d"), [hue, shape] = look(group);
      context.fillStyle = colour(hue);
      mark(context, 12, 12, shape, 8);
      button.append(dot, ` ${name} (${counts.get(group) || 0})`);
      button.addEventListener("click", () => {
        chosen = chosen === group ? null : group;
        for (const other of legend.querySelectorAll("button")) other.setAttribute("aria-pressed", other === button && chosen !== null);
        draw();
      });
      const item = document.createElement("li");
      item.append(button);
      legend.append(item);
    });
  }

  function nearest(event) {
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    let best = -1, least = (event.pointerType === "touch" ? 24 : 12) ** 2;
    for (let i = 0; i < data.names.length; i++) {
      if (chosen !== null && data.groups[kind].of[i] !== chosen) continue;
      const [px, py] = place(i), distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  function point(i) {
    if (i === hovered) return;
    hovered = i;
    canvas.style.cursor = i >= 0 ? "pointer" : "";
    const facts = Object.entries(data.groups).map(([name, g]) => (i >= 0 && g.of[i] >= 0 ? `${KINDS[name] ?? name} ${g.names[g.of[i]]}` : g.none));
    now.textContent = i >= 0 ? `${facts.join(" · ")} · ${data.names[i]}` : "";
    draw();
  }

  canvas.addEventListener("pointermove", (event) => point(nearest(event)));
  canvas.addEventListener("pointerleave", () => point(-1));
  canvas.addEventListener("click", (event) => { point(nearest(event)); if (hovered >= 0) play(data.sounds[hovered]); });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key], n = data.names.length;
    if (step) { event.preventDefault(); point((hovered + step + n) % n); }
    if (event.key === "Enter" && hovered >= 0) play(data.sounds[hovered]);
  });
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { drawLegend(); draw(); });
  drawLegend();
})();
