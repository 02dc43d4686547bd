// What a report does beyond being read: tables sort, charts tell their values, and are zoomed. All of it is in the page; without
// this script nothing is missing but the convenience.
"use strict";

// --- Tables: a click on a heading sorts by it, another one the other way round.

const keyOf = (row, at) => {
  const cell = row.cells[at];
  return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
};

const sort = (table, at, down) => {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const numbers = rows.some((row) => keyOf(row, at) !== null);
  rows.sort((one, other) => {
    if (!numbers) {
      const order = one.cells[at].textContent.localeCompare(other.cells[at].textContent, "en", { numeric: true });
      return down ? -order : order;
    }
    const [a, b] = [keyOf(one, at), keyOf(other, at)];
    // What has no number stands last, either way.
    if (a === null || b === null) return (a === null) - (b === null);
    return down ? b - a : a - b;
  });
  body.append(...rows);
};

for (const table of document.querySelectorAll("table")) {
  if (table.tBodies[0].rows.length < 2) continue;
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : head.classList.contains("number");
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort(table, at, down);
    });
  });
}

// --- Charts.

const NS = "http://www.w3.org/2000/svg";
const offset = Number(document.body.dataset.offset) * 1000;
const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const pair = (text) => text.split(" ").map(Number);

// From a place between two edges to what it stands for.
const scale = ([from, to], [low, high], log) => (at) => {
  const share = (at - from) / (to - from);
  return log ? low * (high / low) ** share : low + (high - low) * share;
};

const moment = (micros) => new Date(micros / 1000 + offset).toISOString().slice(0, 19).replace("T", " ");

// The points of each series, and how they are read.
const curves = (svg) => {
  const [left, top, right, bottom] = pair(svg.dataset.plot);
  const time = svg.dataset.time;
  const across = scale([left, right], pair(time || svg.dataset.across), svg.dataset.log === "across");
  const value = scale([bottom, top], pair(svg.dataset.value), svg.dataset.log === "value");
  const series = [...svg.querySelectorAll("g[data-series]")].map((group) => {
    const shapes = [...group.querySelectorAll("polyline, circle")];
    const points = shapes.flatMap((shape) => {
      if (shape.localName === "circle") return [[Number(shape.getAttribute("cx")), Number(shape.getAttribute("cy"))]];
      return shape.getAttribute("points").trim().split(/\s+/).map((point) => point.split(",").map(Number));
    });
    return { name: group.dataset.series, shape: shapes[0], points };
  }).filter(({ points }) => points.length > 0);
  const read = (x) => (time ? moment(across(x)) : number.format(across(x)));
  return { top, bottom, series, value, read };
};

const nearest = (points, x) => points.reduce((best, point) => (Math.abs(point[0] - x) < Math.abs(best[0] - x) ? point : best));

const element = (name, attributes) => {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

const chart = (plot) => {
  const svg = plot.querySelector("svg");
  const title = plot.parentElement.querySelector("figcaption").textContent;
  const lines = ["lines", "curves"].includes(svg.dataset.kind) ? curves(svg) : null;
  // The browser's own hints would stand beside ours.
  const hints = [...svg.querySelectorAll(".hint")].map((shape) => {
    const text = shape.querySelector("title").textContent;
    shape.querySelector("title").remove();
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(shape.getAttribute(name)));
    return { x, y, width, height, text };
  });
  const name = svg.querySelector(":scope > title");
  if (name) {
    svg.setAttribute("aria-label", title);
    name.remove();
  }
  const whole = svg.getAttribute("viewBox");
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "status");
  tip.hidden = true;
  const mark = element("g", { class: "mark", "pointer-events": "none" });
  plot.append(tip);
  svg.append(mark);
  plot.tabIndex = 0;
  plot.setAttribute("role", "group");
  plot.setAttribute("aria-label", `${title}: arrow keys read the values`);

  const hide = () => {
    tip.hidden = true;
    mark.replaceChildren();
  };
  const put = (x, y) => {
    tip.hidden = false;
    const place = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
    const box = plot.getBoundingClientRect();
    const [left, top] = [place.x - box.left, place.y - box.top];
    const flip = left > box.width / 2;
    tip.style.left = `${Math.max(0, Math.min(box.width - tip.offsetWidth, flip ? left - tip.offsetWidth - 14 : left + 14))}px`;
    tip.style.top = `${Math.max(0, Math.min(box.height - tip.offsetHeight, top - tip.offsetHeight / 2))}px`;
  };
  const row = (name, value, color) => {
    const line = document.createElement("div");
    const dot = document.createElement("i");
    dot.style.background = color;
    const bold = document.createElement("b");
    bold.textContent = value;
    line.append(dot, name, bold);
    return line;
  };

  // What stands at a place; tells whether there is anything.
  const showLines = (x, y) => {
    const near = lines.series.map((series) => ({ ...series, at: nearest(series.points, x) }));
    if (near.length === 0) return;
    const at = nearest(near.map((series) => series.at), x)[0];
    mark.replaceChildren(element("line", {
      x1: at, x2: at, y1: lines.top, y2: lines.bottom, stroke: "currentColor", "stroke-opacity": .45, "stroke-width": 10,
    }));
    const head = document.createElement("b");
    head.textContent = lines.read(at);
    tip.replaceChildren(head);
    for (const series of near) {
      if (Math.abs(series.at[0] - at) > 25) continue;
      const color = getComputedStyle(series.shape).stroke;
      const ink = color === "none" ? getComputedStyle(series.shape).fill : color;
      tip.append(row(series.name, number.format(lines.value(series.at[1])), ink));
      mark.append(element("circle", { cx: series.at[0], cy: series.at[1], r: 45, fill: ink }));
    }
    const inside = hints.filter((hint) => hint.x <= at && at <= hint.x + hint.width);
    for (const hint of inside) {
      const line = document.createElement("div");
      line.textContent = hint.text.split("\n")[0];
      tip.append(line);
    }
    put(at, y);
  };
  const showHint = (hint, y) => {
    mark.replaceChildren(element("rect", {
      x: hint.x, y: hint.y, width: hint.width, height: hint.height, fill: "currentColor", "fill-opacity": .1,
    }));
    const [first, ...rest] = hint.text.split("\n");
    const head = document.createElement("b");
    head.textContent = first;
    tip.replaceChildren(head);
    for (const text of rest) {
      const line = document.createElement("div");
      line.textContent = text;
      tip.append(line);
    }
    put(hint.x + hint.width / 2, y ?? hint.y);
  };

  const place = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const show = ({ x, y }) => {
    if (lines) return showLines(x, y);
    const hint = hints.find((hint) => hint.x <= x && x <= hint.x + hint.width && hint.y <= y && y <= hint.y + hint.height);
    return hint ? showHint(hint, y) : hide();
  };

  // Dragging marks what is zoomed to, in the shape of the picture.
  let from = null;
  const selected = (to) => {
    const [, , width, height] = pair(whole);
    const [left, top] = [Math.min(from.x, to.x), Math.min(from.y, to.y)];
    const wide = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y) * width / height);
    return { x: left, y: top, width: wide, height: wide * height / width };
  };
  const reset = () => {
    svg.setAttribute("viewBox", whole);
    plot.classList.remove("zoomed");
  };
  plot.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button === 0) from = place(event);
  });
  plot.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (!from || Math.abs(at.x - from.x) < 80) return show(at);
    event.preventDefault();
    tip.hidden = true;
    const area = element("rect", { ...selected(at), fill: "currentColor", "fill-opacity": .12 });
    mark.replaceChildren(area);
  });
  window.addEventListener("pointerup", (event) => {
    if (!from) return;
    const at = place(event);
    if (Math.abs(at.x - from.x) >= 80) {
      const { x, y, width, height } = selected(at);
      svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
      plot.classList.add("zoomed");
      hide();
    }
    from = null;
  });
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("dblclick", reset);
  plot.addEventListener("blur", hide);

  // By keyboard: from value to value.
  let at = -1;
  const places = lines ? [...new Set(lines.series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b) : hints;
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -places.length, End: places.length }[event.key];
    if (event.key === "Escape") {
      reset();
      hide();
    }
    if (step === undefined || places.length === 0) return;
    event.preventDefault();
    at = Math.max(0, Math.min(places.length - 1, at + step));
    if (lines) showLines(places[at], (lines.top + lines.bottom) / 2);
    else showHint(places[at]);
  });
};

for (const plot of document.querySelectorAll(".plot")) chart(plot);
