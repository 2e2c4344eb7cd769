"""What a page shows of its texts: whole, and none over another."""

from __future__ import annotations

from pathlib import Path

from chromium import Browser

WIDTHS = (1280, 390)

# A text is cut off where it reaches beyond the picture or the box that holds it; what scrolls may hold more than it
# shows. Two texts overlap where their boxes share more than a line's leading. What sticks to the top is left out.
FLAWS = """(() => {
  const found = [], boxes = [], edge = 1.5, shared = 3;
  const told = (text) => text.trim().replace(/\\s+/g, " ").slice(0, 40);
  const scrolls = (e) => { const s = getComputedStyle(e); return /auto|scroll/.test(s.overflowX + s.overflowY); };
  const within = (line, box) => {
    const left = Math.max(line.left, box.left), right = Math.min(line.right, box.right);
    const top = Math.max(line.top, box.top), bottom = Math.min(line.bottom, box.bottom);
    return { left, right, top, bottom, width: right - left, height: bottom - top };
  };
  const add = (text, box, whole) => {
    if (box.width < 1 || box.height < 1) return;
    if (whole && (box.left < whole.left - edge || box.right > whole.right + edge ||
                  box.top < whole.top - edge || box.bottom > whole.bottom + edge)) found.push(`cut off: ${told(text)}`);
    boxes.push([text, box]);
  };
  for (const text of document.querySelectorAll("svg text")) {
    const picture = text.closest("svg").getBoundingClientRect();
    if (text.checkVisibility()) add(text.textContent, text.getBoundingClientRect(), picture);
  }
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange();
  for (let node; (node = walk.nextNode());) {
    const holder = node.parentElement;
    if (!node.data.trim() || !holder.checkVisibility()) continue;
    if (holder.closest("svg, nav, th, script, style, select")) continue;
    let box = holder, roll = false;
    while (box !== document.body && !(roll = scrolls(box))) box = box.parentElement;
    range.selectNodeContents(node);
    for (const line of range.getClientRects()) {
      if (roll) add(node.data, within(line, box.getBoundingClientRect()));
      else add(node.data, line, { left: 0, right: innerWidth, top: -1, bottom: 1e9 });
    }
  }
  boxes.sort((a, b) => a[1].top - b[1].top);
  boxes.forEach(([text, box], i) => {
    for (let j = i + 1; j < boxes.length && boxes[j][1].top < box.bottom - shared; j++) {
      const [other, its] = boxes[j];
      const across = Math.min(box.right, its.right) - Math.max(box.left, its.left);
      const down = Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top);
      if (across > shared && down > shared) found.push(`overlap: ${told(text)} / ${told(other)}`);
    }
  });
  return found;
})()"""


def flaws(tab: Browser, page: Path) -> list[str]:
    """Name every text of a page that is cut off or lies over another, at both widths, light and dark, details open."""
    found = []
    for width in WIDTHS:
        for dark in (False, True):
            tab.open(page, width=width, dark=dark)
            tab.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
            look = f"{page.name} at {width}{' dark' if dark else ''}"
            found += [f"{look}: {flaw}" for flaw in tab.evaluate(FLAWS)]
            if tab.evaluate("document.documentElement.scrollWidth") != width:
                found.append(f"{look}: something sticks out")
    return found
