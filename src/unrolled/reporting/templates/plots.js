// Pictures to be turned: plotly draws each when it first comes near the window; a point that names a sound plays it.
document.addEventListener("DOMContentLoaded", () => whenNear(".plot", element => {
  if (!window.Plotly) return;
  const plot = dataOf(element);
  Plotly.newPlot(element, plot.data, plot.layout, {responsive: true, displaylogo: false});
  element.on("plotly_click", event => event.points.slice(0, 1).forEach(point => {
    if (String(point.customdata).endsWith(".wav")) play(String(point.customdata));
  }));
}));
