// What every page needs: live parts (htmx), times in the reader's zone on hover, buttons that copy, the search.
import "htmx.org";
import "htmx.org/dist/ext/hx-sse.js";
import "./search.js";

/** Gives each time the local one as its title. */
function localTimes(root) {
  for (const t of root.querySelectorAll("time[datetime]:not([title])")) {
    t.title = new Date(t.dateTime).toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  }
}

document.addEventListener("DOMContentLoaded", () => localTimes(document));
new MutationObserver(() => localTimes(document)).observe(document.documentElement, { childList: true, subtree: true });

document.addEventListener("click", async (e) => {
  const button = e.target.closest("[data-copy]");
  if (!button) return;
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not copied: the browser refused";
  }
  setTimeout(() => (button.textContent = before), 1500);
});

// A slider over snapshots goes to the one that it stops at. Its form has the number of the snapshot in a field of its own.
document.addEventListener("change", (e) => {
  if (!e.target.matches("[data-steps]")) return;
  e.target.form.elements.at.value = e.target.dataset.steps.split(" ")[e.target.value];
  e.target.form.requestSubmit();
});

// A picker that says so submits its form when something else is picked.
document.addEventListener("change", (e) => {
  if (e.target.matches("[data-submit]")) e.target.form.requestSubmit();
});
