// The timeline: a lane per node over one time axis. Only the visible part is drawn.

const PAPER = 720; // pixels that a page is wide
const LANE = 50;
const RIGHT = 12;
// Each kind's place in its lane: [top, height].
const ROWS = {
  action: [4, 16], boot: [21, 5], step: [21, 5], definition: [28, 3], case: [26, 8],
  wait: [37, 7], message: [37, 7],
};
const LAYERS = ["action", "step", "boot", "definition", "case", "wait", "message"];

const chart = { from: 0, to: 1, selected: null, clock: null, whole: true, paper: false };

function end() {
  return Math.max(run.last, 0.001);
}

function fit() {
  Object.assign(chart, { from: 0, to: end() * 1.01, whole: true });
  draw();
}

// Zooming keeps the selected item in view, or the time of the consoles.
function middle() {
  const time = chart.selected ? placeOf(chart.selected) : chart.clock;
  return time !== null && time >= chart.from && time <= chart.to ? time : (chart.from + chart.to) / 2;
}

function zoom(factor, around = middle()) {
  const span = clamp((chart.to - chart.from) * factor, 0.01, end() * 1.01);
  const share = (around - chart.from) / (chart.to - chart.from);
  moveTo(around - share * span, span);
}

function moveTo(from, span = chart.to - chart.from) {
  chart.from = clamp(from, 0, Math.max(0, end() * 1.01 - span));
  chart.to = chart.from + span;
  chart.whole = span >= end();
  draw();
}

function pan(share) {
  moveTo(chart.from + share * (chart.to - chart.from));
}

function width() {
  return chart.paper ? PAPER : byId("lanes").clientWidth;
}

// Pixels left of the lanes, for names.
function gutter() {
  return width() < 600 ? 88 : 150;
}

function plotWidth() {
  return Math.max(200, width() - gutter() - RIGHT);
}

function x(time) {
  return gutter() + ((time - chart.from) / (chart.to - chart.from)) * plotWidth();
}

function timeAt(clientX) {
  const left = byId("lanes").getBoundingClientRect().left;
  const share = (clientX - left - gutter()) / plotWidth();
  return chart.from + share * (chart.to - chart.from);
}

function shownLanes() {
  return run.nodes.filter(laneShown);
}

function inView(item) {
  return item.end >= chart.from && item.start <= chart.to && itemShown(item);
}

function drawNow() {
  const lanes = shownLanes();
  const tops = new Map(lanes.map((node, number) => [node.name, number * LANE]));
  const items = run.items.filter((item) => tops.has(item.node) && inView(item));
  drawAxis();
  const parts = ticks().map((time) => upright(time, lanes.length * LANE, "grid"));
  const busy = new Set();
  for (const kind of LAYERS) {
    for (const item of items) {
      if (item.kind === kind && !crowded(item, busy)) parts.push(...drawItem(item, tops));
    }
  }
  parts.push(...drawArrows(items, tops));
  const failed = items.filter((item) => isFailure(item) && item.end <= chart.to);
  parts.push(...failed.map((item) => drawCross(item, tops)));
  if (chart.clock !== null) parts.push(upright(chart.clock, lanes.length * LANE, "clock"));
  const picture = byId("lanes");
  const height = Math.max(LANE, lanes.length * LANE);
  sized(picture, height);
  picture.replaceChildren(
    definitions(height), ...lanes.map((node) => drawLane(node, tops.get(node.name))),
    shape("g", { "clip-path": "url(#plot)" }, ...parts),
  );
}

const draw = perFrame(drawNow);

function sized(picture, height) {
  picture.setAttribute("height", height);
  picture.setAttribute("viewBox", `0 0 ${gutter() + RIGHT + plotWidth()} ${height}`);
}

// Whether an item too small to see has an equal one at the same pixel.
function crowded(item, busy) {
  const width = x(item.end) - x(item.start);
  if (width >= 2 || isFailure(item) || item === chart.selected) return false;
  const key = `${item.node}\n${item.kind}\n${item.result}\n${Math.round(x(item.start) / 4)}`;
  return busy.has(key) || !busy.add(key);
}

function niceStep() {
  const span = chart.to - chart.from;
  const rough = span / Math.max(2, plotWidth() / 110);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= rough);
}

function ticks() {
  const step = niceStep();
  const first = Math.ceil(chart.from / step);
  return Array.from({ length: Math.floor(chart.to / step) - first + 1 }, (_, n) => (first + n) * step);
}

function drawAxis() {
  const axis = byId("axis");
  sized(axis, 22);
  const digits = clamp(-Math.floor(Math.log10(niceStep())), 0, 3);
  axis.replaceChildren(...ticks().map((time) => {
    const room = gutter() + plotWidth() + RIGHT - x(time);
    const text = shape("text", { x: x(time) + Math.min(room, 0), y: 14 });
    text.setAttribute("text-anchor", room < 24 ? "end" : "middle");
    text.textContent = `${time.toFixed(digits)} s`;
    return text;
  }));
}

// A long name keeps its end, too, where names differ.
function cut(name) {
  const most = Math.floor(gutter() / 8);
  return name.length <= most ? name : `${name.slice(0, most - 5)}\u2026${name.slice(-4)}`;
}

function drawLane(node, top) {
  const name = shape("text", { x: 10, y: top + 18, class: "name" });
  name.textContent = cut(node.name);
  const role = shape("text", { x: 10, y: top + 34, class: "role" });
  role.textContent = cut(node.role);
  const mark = { x: 0, y: top + 4, width: 4, height: LANE - 10, class: `badge ${node.status}` };
  const title = shape("title", {});
  title.textContent = `${node.name}, ${node.role}, ${node.type}: ${node.status}`;
  const line = { x1: 0, x2: gutter() + plotWidth(), y1: top + LANE - 1, y2: top + LANE - 1 };
  return shape(
    "g", { "data-lane": node.name, class: "lane" },
    title, shape("rect", { x: 0, y: top, width: gutter() - 6, height: LANE - 2, class: "label" }),
    shape("rect", mark), name, role, shape("line", { ...line, class: "grid" }),
  );
}

function box(item, tops) {
  const [down, height] = ROWS[item.kind];
  const left = clamp(x(item.start), gutter(), gutter() + plotWidth());
  const right = clamp(x(item.end), gutter(), gutter() + plotWidth());
  return { left, width: Math.max(right - left, 3), top: tops.get(item.node) + down, height };
}

// One element per item, as there may be very many; the title is set on hover.
function drawItem(item, tops) {
  const { left, width, top, height } = box(item, tops);
  const chosen = item === chart.selected ? " chosen" : "";
  const about = { "data-item": item.index, class: `item ${item.kind} ${item.result}${chosen}` };
  if (item.kind === "message") {
    return [shape("circle", { ...about, cx: left, cy: top + height / 2, r: 4 })];
  }
  const round = item.kind === "action" ? 3 : 1;
  const bar = shape("rect", { ...about, x: left, y: top, width, height, rx: round });
  if (item.kind !== "action" || item.label.length * 6.6 > width) return [bar];
  const label = shape("text", { x: left + 5, y: top + 12, class: "inside" });
  label.textContent = item.label;
  return [bar, label];
}

function entitle(element) {
  const item = run.items[Number(element.dataset.item)];
  const title = shape("title", {});
  title.textContent = item.detail ? `${describe(item)}\n${item.detail}` : describe(item);
  element.append(title);
}

function drawCross(item, tops) {
  const { left, width, top, height } = box(item, tops);
  const [cx, cy] = [left + width, top + height / 2];
  const path = `M${cx - 4} ${cy - 4}l8 8m0 -8l-8 8`;
  return shape("path", { d: path, class: "cross", "data-item": item.index });
}

function drawArrows(items, tops) {
  const waits = items.filter((item) => item.from?.length);
  const total = waits.reduce((sum, item) => sum + item.from.length, 0);
  const arrows = [];
  for (const wait of waits) {
    // With too many arrows only the last of each wait is drawn: that message completed it.
    const all = total <= run.maxArrows || wait === chart.selected;
    for (const [sender, time] of all ? wait.from : wait.from.slice(-1)) {
      if (!tops.has(sender) || arrows.length >= 4 * run.maxArrows) continue;
      arrows.push(arrow(wait, sender, time, tops));
    }
  }
  return arrows;
}

function arrow(wait, sender, time, tops) {
  const y = (node) => tops.get(node) + ROWS.wait[0] + ROWS.wait[1] / 2;
  const ends = { x1: x(time), y1: y(sender), x2: x(wait.end), y2: y(wait.node) };
  const chosen = wait === chart.selected ? " chosen" : "";
  const line = shape("line", { ...ends, class: `arrow${chosen}`, "marker-end": "url(#tip)" });
  line.dataset.item = wait.index;
  const title = shape("title", {});
  const from = `${sender} at ${time.toFixed(3)} s`;
  title.textContent = `${wait.label}: ${from} to ${wait.node} at ${wait.end.toFixed(3)} s`;
  line.append(title);
  return line;
}

// The tip of an arrow, and the part of the picture that times are drawn in.
function definitions(height) {
  const size = { viewBox: "0 0 6 6", refX: 6, refY: 3, markerWidth: 7, markerHeight: 7 };
  const marker = shape("marker", { id: "tip", orient: "auto", ...size });
  marker.append(shape("path", { d: "M0 0L6 3L0 6z", class: "tip" }));
  const plot = { x: gutter() - 5, y: 0, width: plotWidth() + 5 + RIGHT, height };
  return shape("defs", {}, marker, shape("clipPath", { id: "plot" }, shape("rect", plot)));
}

function upright(time, height, kind) {
  return shape("line", { x1: x(time), x2: x(time), y1: 0, y2: height, class: kind });
}
