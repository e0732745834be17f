// Draws each element with data-chart: the address of JSON {"time": [s…], "series": [{"name", "unit", "values": […]}…]}, with "numeric"
// where the time is a number of something else. A chart in a closed part of the page is drawn when that is opened.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const dark = matchMedia("(prefers-color-scheme: dark)");
const colours = () =>
  dark.matches
    ? ["#5cc8c4", "#f0b95c", "#9db7ff", "#ff9c94", "#6fd08c", "#d39a66"]
    : ["#0b6e6e", "#8a5300", "#3550b5", "#b3261e", "#1c6b34", "#8c5a2b"];
// Market caps have thirteen digits, and an axis has room for six: 2.5T is shown for 2,500,000,000,000.
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
const labels = (_, values) => values.map((v) => (v == null ? "" : Math.abs(v) < 10000 ? String(Number(v.toPrecision(6))) : short.format(v)));
const known = (values) => values.filter((v) => v != null).length;
// After as many lines as there are colours, lines are dashed.
const dash = (i) => (i < 6 ? undefined : [6, 4]);

async function draw(element) {
  let data;
  try {
    const answer = await fetch(element.dataset.chart, { headers: { Accept: "application/json" } });
    data = await answer.json();
    if (!answer.ok) throw new Error(data.error);
  } catch (e) {
    element.textContent = "The chart could not be read: " + e.message;
    return;
  }
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--soft");
  const line = style.getPropertyValue("--line");
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
  element.replaceChildren();
  const plot = new uPlot(
    {
      width: element.clientWidth,
      height: Number(element.dataset.height || 260),
      tzDate: (t) => uPlot.tzDate(new Date(t * 1e3), "Etc/UTC"),
      scales: { x: { time: !data.numeric }, y: { distr: element.dataset.scale === "log" ? 3 : 1 } },
      axes: [data.numeric ? { ...axis, values: labels } : axis, { ...axis, size: 70, values: labels }],
      series: [
        data.numeric
          ? { label: data.x, value: (_, v) => (v == null ? "–" : String(v)) }
          : { label: "UTC", value: (_, v) => (v == null ? "–" : new Date(v * 1e3).toISOString().slice(0, 16).replace("T", " ")) },
        ...data.series.map((s, i) => ({
          label: s.unit ? `${s.name} (${s.unit})` : s.name,
          stroke: colours()[i % 6],
          dash: dash(i),
          width: 1.5,
          points: { show: known(s.values) <= 60 }, // one value alone is no line, and would not be seen
          value: (_, v) => (v == null ? "–" : String(v)),
        })),
      ],
    },
    [data.time, ...data.series.map((s) => s.values)],
    element,
  );
  const few = data.series.filter((s) => known(s.values) < 2).map((s) => `${s.name}: ${known(s.values) ? "one value" : "no value"}`);
  data.note = [data.note, ...few].filter(Boolean).join("; ");
  if (data.note) element.append(Object.assign(document.createElement("p"), { className: "soft", textContent: data.note }));
  new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: plot.height })).observe(element);
  dark.addEventListener("change", () => location.reload(), { once: true });
}

for (const element of document.querySelectorAll("[data-chart]")) {
  const part = element.closest("details");
  if (!part || part.open) draw(element);
  else part.addEventListener("toggle", () => draw(element), { once: true });
}
