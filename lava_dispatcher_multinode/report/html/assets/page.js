// Assembles the page: tools, pointer, keys, links to a second, a run in progress.

const LIVE_MOST = 2 << 20; // characters of one console that a run in progress keeps
const KEYS = [
  ["Tab", "go to the next part"],
  ["\u2190 \u2192", "on the timeline: previous or next item in the lane"],
  ["\u2191 \u2193", "on the timeline: the lane above or below"],
  ["Enter", "open the console at the item"],
  ["+ \u2212 0", "zoom in, zoom out, the whole run"],
  ["[ ]", "pan left, pan right"],
  ["n p", "the next, the previous failure"],
  ["f", "filter by text"],
  ["/", "search the consoles (Enter: next, Shift+Enter: previous)"],
  ["d", "dark or light"],
  ["?", "this help"],
];

function select(item) {
  chart.selected = item;
  if (item.end < chart.from || item.start > chart.to) {
    moveTo(item.start - (chart.to - chart.from) / 2);
  }
  const open = el("button", { type: "button" }, "open the console there");
  open.addEventListener("click", () => openConsole(item.node, placeOf(item)));
  const detail = item.detail ? [el("pre", {}, item.detail)] : [];
  byId("detail").replaceChildren(el("p", {}, el("bdi", {}, describe(item)), " ", open), ...detail);
  draw();
  showLane(item.node);
}

function showLane(name) {
  const top = shownLanes().findIndex((node) => node.name === name) * LANE;
  const box = byId("chart");
  if (top < box.scrollTop || top + 2 * LANE > box.scrollTop + box.clientHeight) {
    box.scrollTop = top - LANE;
  }
}

function itemsOf(node) {
  return run.items.filter((item) => item.node === node && itemShown(item));
}

function step(by) {
  if (!chart.selected) return across(0);
  const items = itemsOf(chart.selected.node);
  const next = items[clamp(items.indexOf(chart.selected) + by, 0, items.length - 1)];
  if (next) select(next);
}

// Selects the item nearest in time, `step` lanes further down.
function across(by) {
  const lanes = shownLanes();
  if (!lanes.length) return;
  const at = lanes.findIndex((node) => node.name === chart.selected?.node);
  const items = itemsOf(lanes[clamp(Math.max(at, 0) + by, 0, lanes.length - 1)].name);
  const time = chart.selected?.start ?? chart.from;
  const away = (item) => Math.abs(item.start - time);
  if (items.length) select(items.reduce((best, item) => (away(item) < away(best) ? item : best)));
}

// A failed boot is no failure by itself: a retry may have succeeded, or its action failed.
function nextFailure(by) {
  const failed = run.items.filter((item) => isFailure(item) && item.kind !== "boot" && itemShown(item));
  failed.sort((one, other) => placeOf(one) - placeOf(other));
  const at = failed.indexOf(chart.selected);
  const item = failed[at < 0 ? (by > 0 ? 0 : failed.length - 1) : at + by];
  if (!item) return;
  select(item);
  openConsole(item.node, placeOf(item));
}

function toggleTheme() {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
}

const ANYWHERE = {
  "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: fit,
  "[": () => pan(-0.25), "]": () => pan(0.25), n: () => nextFailure(1), p: () => nextFailure(-1),
  f: () => byId("filter-text").focus(), "/": () => byId("search").focus(),
  d: toggleTheme, "?": () => byId("help").showModal(),
};
const ON_CHART = {
  ArrowLeft: () => step(-1), ArrowRight: () => step(1),
  ArrowUp: () => across(-1), ArrowDown: () => across(1),
  Enter: () => chart.selected && openConsole(chart.selected.node, placeOf(chart.selected)),
};

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, dialog")) {
    if (event.key === "Escape" && event.target.blur) event.target.blur();
    return;
  }
  const onChart = event.target.closest("#chart") && ON_CHART[event.key];
  const act = onChart || ANYWHERE[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function pointer() {
  const box = byId("chart");
  let from = null; // where a drag began: [x, chart.from, moved]
  box.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey) return;
    event.preventDefault();
    const turn = event.deltaY || event.deltaX;
    if (event.shiftKey) pan(Math.sign(turn) * 0.1);
    else zoom(turn > 0 ? 1.25 : 0.8, timeAt(event.clientX));
  }, { passive: false });
  box.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.offsetX < box.clientWidth) from = [event.clientX, chart.from, false];
  });
  box.addEventListener("pointermove", (event) => {
    if (!from || (Math.abs(event.clientX - from[0]) < 4 && !from[2])) return;
    from[2] = true;
    moveTo(from[1] - ((event.clientX - from[0]) / plotWidth()) * (chart.to - chart.from));
  });
  addEventListener("pointerup", () => setTimeout(() => { from = null; }));
  box.addEventListener("pointerover", (event) => {
    const hit = event.target.closest("[data-item]");
    if (hit && !hit.firstChild) entitle(hit);
  });
  box.addEventListener("click", (event) => {
    if (from?.[2]) return; // that was a drag
    const lane = event.target.closest("[data-lane]");
    if (lane && !columns.has(lane.dataset.lane)) openConsole(lane.dataset.lane);
    const hit = event.target.closest("[data-item]");
    if (!hit) return;
    const item = run.items[Number(hit.dataset.item)];
    select(item);
    openConsole(item.node, placeOf(item));
  });
}

function button(text, act, title) {
  const made = el("button", { type: "button", title }, text);
  made.setAttribute("aria-label", title);
  made.addEventListener("click", act);
  return made;
}

function buildTools() {
  byId("tools").replaceChildren(el(
    "div", { className: "bar" },
    button("+", () => zoom(0.5), "zoom in"), button("\u2212", () => zoom(2), "zoom out"),
    button("Fit", fit, "show the whole run"),
    button("next failure", () => nextFailure(1), "go to the next failure"),
    ...filterForm(), button("?", ANYWHERE["?"], "help"),
  ));
  const rows = KEYS.map(([keys, text]) => el("tr", {}, el("th", { scope: "row" }, keys), el("td", {}, text)));
  const close = el("button", { type: "submit", autofocus: true }, "close");
  const help = el("dialog", { id: "help" }, el("h2", {}, "Keys"), el("table", {}, ...rows),
    el("form", { method: "dialog" }, close));
  document.body.append(help);
}

function buildChart() {
  const box = byId("chart");
  box.replaceChildren(shape("svg", { id: "axis" }), shape("svg", { id: "lanes" }));
  box.tabIndex = 0;
  box.setAttribute("role", "application");
  box.setAttribute("aria-label", "Timeline: arrow keys go from item to item, Enter opens the console");
  box.after(el("div", { id: "detail", role: "status" }));
  pointer();
  new ResizeObserver(draw).observe(box);
}

function buildConsoles() {
  const clock = el("input", { type: "checkbox", id: "one-clock", checked: true });
  byId("consoles").append(
    el("div", { id: "choice", className: "bar" }), searchForm(), el("ol", { id: "found" }),
    el("label", {}, clock, " Synchronise scrolling"), el("div", { id: "columns" }),
  );
  showChoice();
}

function follow(event) {
  const link = event.target.closest?.("a[data-t]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openConsole(link.dataset.node, Number(link.dataset.t));
  byId("consoles").scrollIntoView({ block: "start" });
}

function openFirst() {
  const [, node, time] = /^#(.+)@([\d.]+)$/.exec(location.hash) ?? [];
  if (node) return openConsole(decodeURIComponent(node), Number(time));
  const names = [...run.failed.map(([name]) => name), ...withConsole()];
  const chosen = [...new Set(names)].filter((name) => withConsole().includes(name)).slice(0, 3);
  Promise.all(chosen.map((name) => openConsole(name))).then(() => {
    if (!run.failed.length) return;
    const [[name, when]] = run.failed;
    setClock(when);
    drawNow(); // creates the lanes to scroll to
    showLane(name);
  });
}

// A run in progress: the page is fetched again after events; consoles arrive in pieces.
function goLive(url) {
  const source = new EventSource(url);
  const growing = setInterval(grow, 1000);
  const renew = async () => {
    const answer = await fetch(location.href.replace(/#.*/, ""));
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const { id, open } of document.querySelectorAll("#tables details")) {
      page.getElementById(id).open = open;
    }
    for (const id of ["head", "story", "tables"]) {
      byId(id).replaceChildren(...page.getElementById(id).childNodes);
    }
    const before = chart.selected && describe(chart.selected).split(":")[0];
    readData(page);
    chart.selected = run.items.find((item) => before && describe(item).startsWith(before)) ?? null;
    applyFilter();
    if (chart.whole) fit();
    else draw();
  };
  source.addEventListener("changed", renew);
  source.addEventListener("console", (event) => {
    const { node, text } = JSON.parse(event.data);
    const known = logs.has(node);
    if (!known) logs.set(node, Promise.resolve(split("")));
    appendConsole(node, text);
    if (!known) showChoice();
    if (!known && columns.size < 3) openConsole(node);
  });
  source.addEventListener("end", async () => {
    clearInterval(growing);
    await renew(); // once more before closing: the server waits for this
    source.close();
  });
}

readData(document);
readConsoles();
document.documentElement.classList.add("script");
buildTools();
buildChart();
buildConsoles();
filterChanged.push(draw);
document.addEventListener("keydown", key);
document.addEventListener("click", follow);
addEventListener("hashchange", openFirst);
for (const [event, paper] of [["beforeprint", true], ["afterprint", false]]) {
  addEventListener(event, () => {
    chart.paper = paper;
    drawNow();
  });
}
fit();
openFirst();
if (document.documentElement.dataset.live) goLive(document.documentElement.dataset.live);
