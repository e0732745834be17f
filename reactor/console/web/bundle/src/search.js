// The palette: Ctrl-K opens it on every page, arrows choose, Enter goes there. Without this script the button leads to /search.

const opener = document.querySelector("[data-search]");
const dialog = document.createElement("dialog");
dialog.className = "palette";
dialog.setAttribute("aria-label", "Search");
const input = Object.assign(document.createElement("input"), { type: "text", placeholder: "Table, column, model, asset, object, snapshot", autocomplete: "off", spellcheck: false, maxLength: 300 });
const list = Object.assign(document.createElement("ul"), { id: "hits", className: "hits" });
const said = Object.assign(document.createElement("p"), { className: "soft" });
for (const [name, value] of Object.entries({ role: "combobox", "aria-label": "Search", "aria-expanded": "true", "aria-controls": "hits", "aria-autocomplete": "list" })) input.setAttribute(name, value);
list.setAttribute("role", "listbox");
list.setAttribute("aria-label", "What was found");
said.setAttribute("role", "status");
dialog.append(input, list, said);

let chosen = 0;
let asking = null;

/** Marks one of the hits, and brings it into view. */
function choose(n) {
  const options = list.children;
  if (!options.length) return input.removeAttribute("aria-activedescendant");
  chosen = (n + options.length) % options.length;
  for (const [i, option] of [...options].entries()) option.setAttribute("aria-selected", String(i === chosen));
  input.setAttribute("aria-activedescendant", options[chosen].id);
  options[chosen].scrollIntoView({ block: "nearest" });
}

/** Makes a line of a hit. All of it is text: names of assets and objects come from others. */
function line(hit, i) {
  const option = Object.assign(document.createElement("li"), { id: `hit-${i}` });
  option.setAttribute("role", "option");
  const kind = Object.assign(document.createElement("span"), { className: "kind", textContent: hit.kind });
  const name = Object.assign(document.createElement("span"), { className: "name", textContent: hit.name });
  const text = Object.assign(document.createElement("span"), { className: "soft", textContent: hit.text || "" });
  option.append(kind, " ", name, " ", text);
  option.addEventListener("click", () => location.assign(hit.path));
  option.dataset.path = hit.path;
  return option;
}

/** Asks for what the text finds. An answer to an earlier text is not waited for. */
async function ask() {
  asking?.abort();
  const mine = (asking = new AbortController());
  try {
    const answer = await fetch("/api/v1/search?q=" + encodeURIComponent(input.value), { signal: mine.signal });
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error);
    list.replaceChildren(...found.hits.map(line));
    list.dataset.of = input.value;
    said.textContent = found.hits.length ? `${found.hits.length} found; Enter opens, Escape closes` : "Nothing has that name. Objects are found by the beginning of their key.";
    choose(0);
  } catch (e) {
    if (mine.signal.aborted) return;
    list.replaceChildren();
    said.textContent = "The search failed: " + e.message;
  }
}

function open() {
  if (dialog.open) return;
  if (!dialog.isConnected) document.body.append(dialog);
  dialog.showModal();
  input.select();
  ask();
}

opener?.addEventListener("click", (e) => {
  e.preventDefault();
  open();
});
document.addEventListener("keydown", (e) => {
  if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === "k") {
    e.preventDefault();
    open();
  }
});
input.addEventListener("input", ask);
input.addEventListener("keydown", (e) => {
  if (e.key === "ArrowDown") choose(chosen + 1);
  else if (e.key === "ArrowUp") choose(chosen - 1);
  else if (e.key === "Enter") {
    const path = list.dataset.of === input.value ? list.children[chosen]?.dataset.path : undefined;
    location.assign(path ?? "/search?q=" + encodeURIComponent(input.value));
  } else return;
  e.preventDefault();
});
dialog.addEventListener("click", (e) => {
  if (e.target === dialog) dialog.close();
});
