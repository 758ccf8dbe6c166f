// The lines of Pulse. The library is loaded by the first page that shows a chart; the table beside it says the same.
//
//   <pulse-chart data-library="/static/vendor/chart.js" data-chart='{"labels": [], "series": []}'><canvas>

const COLOURS = ["--brand", "--kraft", "--danger", "--good", "--ink-faint", "--line-strong"];

let loading;
const library = (address) =>
  (loading ??= new Promise((done, failed) => {
    const script = Object.assign(document.createElement("script"), { src: address, onload: done, onerror: failed });
    document.head.append(script);
  }));

// A colour of the theme as it is now: light-dark() is only settled where it is used.
function colour(name) {
  const probe = document.createElement("span");
  document.body.append(probe);
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

class PulseChart extends HTMLElement {
  async connectedCallback() {
    await library(this.dataset.library).catch(() => {});
    if (!this.isConnected || !window.Chart) return;
    this.draw();
    this.theme = new MutationObserver(() => this.draw());
    this.theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.onScheme = () => this.draw();
    this.scheme.addEventListener("change", this.onScheme);
  }

  disconnectedCallback() {
    this.theme?.disconnect();
    this.scheme?.removeEventListener("change", this.onScheme);
    this.chart?.destroy();
  }

  draw() {
    this.chart?.destroy();
    const { labels, series, target } = JSON.parse(this.dataset.chart);
    const ink = colour("--ink-soft");
    const line = colour("--line");
    const lines = series.map(({ label, data }, number) => {
      const own = colour(COLOURS[number % COLOURS.length]);
      const look = {
        borderColor: own,
        backgroundColor: own,
        borderWidth: number ? 1.5 : 3,
        pointRadius: 2,
        tension: 0.25,
      };
      return { label, data, ...look };
    });
    lines.push({
      label: this.dataset.target,
      data: labels.map(() => target),
      borderColor: ink,
      backgroundColor: ink,
      borderWidth: 1,
      borderDash: [4, 4],
      pointRadius: 0,
    });
    window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    const axis = { grid: { color: line }, ticks: { color: ink, maxRotation: 0, autoSkipPadding: 12 } };
    this.chart = new window.Chart(this.querySelector("canvas"), {
      type: "line",
      data: { labels, datasets: lines },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        scales: {
          x: axis,
          y: { ...axis, min: 0, max: 100, ticks: { ...axis.ticks, callback: (value) => `${value} %` } },
        },
        plugins: { legend: { position: "bottom", labels: { color: ink, usePointStyle: true, boxHeight: 6 } } },
      },
    });
  }
}
customElements.define("pulse-chart", PulseChart);
