// The consoles, side by side on one clock. Only the lines in view are elements.

const ROW = 18; // pixels of a line, as in console.css
const FRAME = /^<(LAVA_|lava-)[^<]*>~*$/; // of the console channel
const BEFORE = 6; // lines of context above the selected one

const columns = new Map(); // node -> column, from left to right

function readable(line) {
  const end = line.indexOf("]");
  return line[0] === "[" && end > 0 && end < 18 ? [line.slice(1, end).trim(), line.slice(end + 2)]
    : ["", line];
}

function makeColumn(node) {
  const rows = el("div", { className: "rows" });
  const space = el("div", { className: "space" }, rows);
  const view = el("div", { className: "view", tabIndex: 0, role: "log" }, space);
  view.setAttribute("aria-label", `console of ${node}`);
  view.setAttribute("aria-live", "off");
  const close = el("button", { type: "button", title: `close the console of ${node}` }, "\u00d7");
  const lacks = shortened.get(node);
  const note = lacks ? ` without ${(lacks / 1e6).toFixed(1)} MB from its middle` : "";
  const name = el("span", {}, el("strong", {}, node), note);
  const head = el("div", { className: "head" }, name, close);
  const column = { node, view, space, rows, log: null, marked: -1, own: -1 };
  column.root = el("div", { className: "column" }, head, view);
  close.addEventListener("click", () => closeConsole(node));
  view.addEventListener("scroll", () => scrolled(column));
  rows.addEventListener("click", (event) => {
    const row = event.target.closest("[data-line]");
    if (row) setClock(column.log.times[Number(row.dataset.line)]);
  });
  column.paint = perFrame(() => paint(column));
  return column;
}

// Scrolling to a place needs its space to exist first.
function setLog(column, log) {
  column.log = log;
  column.space.style.height = `${log.starts.length * ROW}px`;
}

function paint(column) {
  const { view, log, rows } = column;
  if (!log) return;
  const first = Math.max(0, Math.floor(view.scrollTop / ROW) - 5);
  const count = Math.ceil(view.clientHeight / ROW) + 10;
  const parts = [];
  for (let line = first; line < Math.min(first + count, log.starts.length); line++) {
    const [time, text] = readable(lineOf(log, line));
    const marked = line === column.marked ? " marked" : "";
    const note = text.startsWith("-- ") ? " note" : FRAME.test(text) ? " frame" : "";
    parts.push(el(
      "div", { className: `row${marked}${note}`, "data-line": line },
      el("span", { className: "time" }, time), el("bdi", {}, text),
    ));
  }
  if (!log.starts.length) parts.push(el("div", { className: "row note" }, "nothing was printed"));
  rows.style.transform = `translateY(${first * ROW}px)`;
  rows.replaceChildren(...parts);
}

// Scrolling a column by hand scrolls the others to the same time.
function scrolled(column) {
  column.paint();
  if (Math.abs(column.view.scrollTop - column.own) < 2 || !column.log) return;
  const time = column.log.times[Math.round(column.view.scrollTop / ROW)];
  if (time === undefined || !byId("one-clock").checked) return;
  for (const other of columns.values()) if (other !== column) scrollToTime(other, time, 0);
  chart.clock = time;
  draw();
}

function scrollToTime(column, time, before) {
  if (!column.log) return;
  const line = Math.max(0, lastBefore(column.log.times, time + 1e-6));
  column.view.scrollTop = Math.max(0, line - before) * ROW;
  column.own = column.view.scrollTop;
  column.paint();
  return line;
}

// Move every open console, and the line on the timeline, to one time.
function setClock(time) {
  chart.clock = time;
  for (const column of columns.values()) column.marked = scrollToTime(column, time, BEFORE) ?? -1;
  draw();
}

async function openConsole(node, time = null) {
  if (!run.nodes.some((known) => known.name === node)) return;
  if (!columns.has(node)) {
    const column = makeColumn(node);
    columns.set(node, column);
    byId("columns").append(column.root);
    setLog(column, await logOf(node));
    showChoice();
  }
  const column = columns.get(node);
  column.paint();
  if (time !== null) {
    setClock(time);
    history.replaceState(null, "", `#${encodeURIComponent(node)}@${time.toFixed(3)}`);
    byId("consoles").scrollIntoView({ block: "nearest" });
  }
}

function closeConsole(node) {
  columns.get(node)?.root.remove();
  columns.delete(node);
  showChoice();
}

function showChoice() {
  const chips = withConsole().map((node) => {
    const chip = el("button", { type: "button", className: "chip" }, node);
    chip.setAttribute("aria-pressed", String(columns.has(node)));
    chip.addEventListener("click", () => {
      if (columns.has(node)) closeConsole(node);
      else openConsole(node).then(() => chart.clock !== null && setClock(chart.clock));
    });
    return chip;
  });
  byId("choice").replaceChildren(...chips);
}

function lengthened(log, text) {
  const whole = (log.text + text).slice(-LIVE_MOST);
  // After a cut, the text begins with a whole line.
  return split(whole.length < LIVE_MOST ? whole : whole.slice(whole.indexOf("\n") + 1));
}

// Lines of a run in progress; a column at the end of the console stays there.
function appendConsole(node, text) {
  const grown = logOf(node).then((log) => lengthened(log, text));
  logs.set(node, grown);
  grown.then((log) => {
    const column = columns.get(node);
    if (!column) return;
    const { view } = column;
    const atEnd = view.scrollTop + view.clientHeight >= view.scrollHeight - 2 * ROW;
    setLog(column, log);
    if (atEnd) {
      view.scrollTop = view.scrollHeight;
      column.own = view.scrollTop;
    }
    paint(column);
  });
}
