// Search through all consoles at once; hits in chronological order.

const MOST_HITS = 2000;
const MOST_LISTED = 200;
const search = { hits: [], at: -1 };

async function findAll(words) {
  const pattern = new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
  const hits = [];
  for (const node of withConsole()) {
    const log = await logOf(node);
    for (const match of log.text.matchAll(pattern)) {
      const line = lastBefore(log.starts, match.index);
      const last = hits.at(-1);
      if (last?.node === node && last.line === line) continue;
      hits.push({ node, line, time: log.times[line], text: lineOf(log, line) });
      if (hits.length >= MOST_HITS) break;
    }
    if (hits.length >= MOST_HITS) break;
  }
  return hits.sort((one, other) => one.time - other.time);
}

function goTo(number) {
  if (!search.hits.length) return;
  search.at = (number + search.hits.length) % search.hits.length;
  const { node, time, line } = search.hits[search.at];
  openConsole(node, time).then(() => {
    const column = columns.get(node);
    column.marked = line;
    column.view.scrollTop = Math.max(0, line - BEFORE) * ROW;
    column.own = column.view.scrollTop;
    column.paint();
    column.root.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  tellHits();
}

function tellHits() {
  const more = search.hits.length >= MOST_HITS ? " or more" : "";
  byId("hits").textContent = search.hits.length
    ? `${search.at + 1} of ${search.hits.length}${more}` : "not found";
}

function listHits() {
  const rows = search.hits.slice(0, MOST_LISTED).map((hit, number) => {
    const [time, text] = readable(hit.text);
    const button = el("button", { type: "button" }, `${time}  ${hit.node}  `, el("bdi", {}, text));
    button.addEventListener("click", () => goTo(number));
    return el("li", {}, button);
  });
  byId("found").replaceChildren(...rows);
}

function searchForm() {
  const words = el("input", { type: "search", id: "search", size: 24 });
  const form = el(
    "form", { role: "search", className: "bar" },
    el("label", {}, "Search the consoles ", words),
    el("button", { type: "submit" }, "find"),
    el("button", { type: "button", id: "hit-before" }, "previous"),
    el("button", { type: "button", id: "hit-after" }, "next"),
    el("output", { id: "hits" }),
  );
  let found = "";
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (words.value === found) return goTo(search.at + 1);
    found = words.value;
    search.hits = found ? await findAll(found) : [];
    search.at = -1;
    listHits();
    if (search.hits.length) goTo(0);
    else tellHits();
  });
  words.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.shiftKey) return;
    event.preventDefault();
    goTo(search.at - 1);
  });
  form.querySelector("#hit-before").addEventListener("click", () => goTo(search.at - 1));
  form.querySelector("#hit-after").addEventListener("click", () => goTo(search.at + 1));
  return form;
}
