// Filters of the timeline and the tables: by node, role, result and text.

const filter = { node: "", role: "", result: "", text: "" };
const filterChanged = []; // called after a change

function laneShown(node) {
  return (!filter.node || node.name === filter.node) && (!filter.role || node.role === filter.role);
}

function resultShown(result) {
  if (!filter.result) return true;
  if (filter.result === "failed") return result === "fail" || result === "error";
  return result === filter.result;
}

function itemShown(item) {
  if (!resultShown(item.result)) return false;
  if (!filter.text) return true;
  return `${item.label}\n${item.detail ?? ""}`.toLowerCase().includes(filter.text);
}

function rowShown(row) {
  const { of: node, role, result } = row.dataset;
  const lane = { name: node, role };
  const said = filter.text === "" || row.textContent.toLowerCase().includes(filter.text);
  return laneShown(lane) && resultShown(result) && said;
}

function applyFilter() {
  for (const row of document.querySelectorAll("#tables tbody tr")) row.hidden = !rowShown(row);
  for (const changed of filterChanged) changed();
}

function choices(label, key, names) {
  const options = [el("option", { value: "" }, `any ${key}`)];
  for (const name of names) options.push(el("option", { value: name }, worded(name)));
  const select = el("select", { id: `filter-${key}` }, ...options);
  select.addEventListener("change", () => {
    filter[key] = select.value;
    applyFilter();
  });
  return el("label", {}, `${label} `, select);
}

function filterForm() {
  const roles = [...new Set(run.nodes.map((node) => node.role))];
  const text = el("input", { type: "search", id: "filter-text", size: 14 });
  text.addEventListener("input", () => {
    filter.text = text.value.toLowerCase();
    applyFilter();
  });
  return [
    choices("Node", "node", run.nodes.map((node) => node.name)),
    choices("Role", "role", roles),
    choices("Result", "result", ["failed", "pass", "fail", "error", "skip", "unknown", "open"]),
    el("label", {}, "Text ", text),
  ];
}
