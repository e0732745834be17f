// Draws each element with data-chart: the address of JSON {"time": [s…], "series": [{"name", "unit", "values": […]}…]}.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const dark = matchMedia("(prefers-color-scheme: dark)");
const colours = () =>
  dark.matches
    ? ["#5cc8c4", "#f0b95c", "#9db7ff", "#ff9c94", "#6fd08c", "#d39a66"]
    : ["#0b6e6e", "#8a5300", "#3550b5", "#b3261e", "#1c6b34", "#8c5a2b"];

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
      scales: { x: { time: true }, y: { distr: element.dataset.scale === "log" ? 3 : 1 } },
      axes: [axis, { ...axis, size: 70 }],
      series: [
        { label: "UTC", value: (_, v) => (v == null ? "–" : new Date(v * 1e3).toISOString().slice(0, 16).replace("T", " ")) },
        ...data.series.map((s, i) => ({
          label: s.unit ? `${s.name} (${s.unit})` : s.name,
          stroke: colours()[i % 6],
          width: 1.5,
          value: (_, v) => (v == null ? "–" : String(v)),
        })),
      ],
    },
    [data.time, ...data.series.map((s) => s.values)],
    element,
  );
  new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: plot.height })).observe(element);
  dark.addEventListener("change", () => location.reload(), { once: true });
}

document.querySelectorAll("[data-chart]").forEach(draw);
