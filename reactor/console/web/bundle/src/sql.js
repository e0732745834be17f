// The editor of the SQL page: completion of tables and columns, Ctrl-Enter runs, what was asked stays in this browser.
import { basicSetup } from "codemirror";
import { EditorView, keymap } from "@codemirror/view";
import { Prec } from "@codemirror/state";
import { sql, PostgreSQL } from "@codemirror/lang-sql";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";

const form = document.querySelector("form[data-sql]");
const area = form.querySelector("textarea");
const schema = JSON.parse(document.getElementById("schema").textContent);
const nonce = document.querySelector("meta[name=style-nonce]").content;

// The page's own colours, which are readable on light and on dark.
const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--mark)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
]);

const run = { key: "Mod-Enter", run: () => (form.requestSubmit(), true) };
const view = new EditorView({
  doc: area.value,
  parent: document.getElementById("editor"),
  extensions: [
    EditorView.cspNonce.of(nonce),
    EditorView.contentAttributes.of({ "aria-label": "SQL" }),
    Prec.highest(keymap.of([run])),
    basicSetup,
    syntaxHighlighting(colours),
    EditorView.lineWrapping,
    sql({ dialect: PostgreSQL, schema, upperCaseKeywords: false }),
    EditorView.updateListener.of((u) => {
      if (u.docChanged) area.value = u.state.doc.toString();
    }),
  ],
});
area.hidden = true;
view.focus();

const kept = "millrace.sql.history";
const history = () => JSON.parse(localStorage.getItem(kept) || "[]");

form.addEventListener("submit", () => {
  const text = area.value.trim();
  if (!text) return;
  localStorage.setItem(kept, JSON.stringify([text, ...history().filter((t) => t !== text)].slice(0, 50)));
  wait();
});

// While the answer is on its way the page says for how long. Cancel drops the request, and with it the reactor drops the query.
const cancel = form.querySelector("[data-cancel]");
const running = form.querySelector("[data-running]");
let clock;

function wait() {
  const began = Date.now();
  const tell = () => (running.textContent = `running, ${Math.round((Date.now() - began) / 1000)} s; Escape cancels`);
  clearInterval(clock);
  clock = setInterval(tell, 1000);
  cancel.hidden = false;
  tell();
}

function rest(text) {
  clearInterval(clock);
  cancel.hidden = true;
  running.textContent = text;
}

function drop() {
  stop(); // the browser's own: it ends the loading
  rest("cancelled");
}

cancel.addEventListener("click", drop);
document.addEventListener("keydown", (e) => {
  if (e.key === "Escape" && !cancel.hidden) drop();
});
addEventListener("pageshow", (e) => e.persisted && rest("")); // back from the result's page

document.querySelector("[data-forget]").addEventListener("click", () => {
  localStorage.removeItem(kept);
  list.replaceChildren();
});

const list = document.getElementById("history");
for (const text of history()) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "mono";
  button.textContent = text.length > 90 ? text.slice(0, 90) + "…" : text;
  button.addEventListener("click", () => {
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    view.focus();
  });
  const item = document.createElement("li");
  item.append(button);
  list.append(item);
}
