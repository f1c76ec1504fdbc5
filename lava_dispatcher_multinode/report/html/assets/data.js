// The run: its nodes and items (see report/html/view.py), and its consoles.

const run = { nodes: [], items: [], failed: [], started: "", last: 0, over: true, maxArrows: 0 };
const packed = new Map(); // node -> base64 of gzip
const shortened = new Map(); // node -> bytes left out of its console
const logs = new Map(); // node -> promise of {text, starts, times}

function readData(page) {
  Object.assign(run, JSON.parse(page.getElementById("data").textContent));
  run.items.forEach((item, index) => {
    item.index = index;
  });
}

function readConsoles() {
  for (const script of document.querySelectorAll("script.console")) {
    const { node, leftOut } = script.dataset;
    packed.set(node, script.textContent);
    if (leftOut !== "0") shortened.set(node, Number(leftOut));
    script.remove(); // keep one copy
  }
}

// The time of a run in progress advances without events, too.
function grow() {
  const now = (Date.now() - Date.parse(run.started)) / 1000;
  if (run.over || !(now > run.last)) return;
  run.last = now;
  for (const item of run.items) if (item.open) item.end = now;
  if (chart.whole) fit();
  else draw();
}

function isFailure(item) {
  return item.result === "fail" || item.result === "error";
}

// The time of an item on the console: of a failure its end, when the reason is printed.
function placeOf(item) {
  return isFailure(item) ? item.end : item.start;
}

function worded(result) {
  return result === "open" ? "running" : result;
}

function describe(item) {
  const seconds = item.end - item.start;
  const took = seconds > 0 ? `, ${seconds.toFixed(3)} s` : "";
  const result = item.result ? `: ${worded(item.result)}` : "";
  const what = item.label.startsWith(item.kind) ? item.label : `${item.kind} ${item.label}`;
  return `${item.node}, ${what}${result}, at ${item.start.toFixed(3)} s${took}`;
}

async function unpack(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

// A line begins with its time, as in "[    12.345678] text".
function split(text) {
  const starts = [];
  const times = [];
  let time = 0;
  for (let at = 0; at < text.length; ) {
    if (text[at] === "[") {
      const stamp = Number.parseFloat(text.slice(at + 1, at + 15));
      if (stamp >= time) time = stamp;
    }
    starts.push(at);
    times.push(time);
    const end = text.indexOf("\n", at);
    at = end < 0 ? text.length : end + 1;
  }
  return { text, starts, times };
}

function lineOf(log, index) {
  const end = index + 1 < log.starts.length ? log.starts[index + 1] : log.text.length;
  return log.text.slice(log.starts[index], end).replace(/\n$/, "");
}

function logOf(node) {
  if (!logs.has(node)) {
    const base64 = packed.get(node);
    logs.set(node, (base64 ? unpack(base64) : Promise.resolve("")).then(split));
    packed.delete(node);
  }
  return logs.get(node);
}

function withConsole() {
  return run.nodes.map((node) => node.name).filter((name) => packed.has(name) || logs.has(name));
}
