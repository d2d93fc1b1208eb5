(function () {
  "use strict";
  // In a sandboxed frame a fragment link can lead out of the page, so the page scrolls by itself.
  document.querySelectorAll("nav a").forEach(function (link) {
    link.addEventListener("click", function (event) {
      var target = document.getElementById(link.getAttribute("href").slice(1));
      if (target) { event.preventDefault(); target.scrollIntoView(); }
    });
  });
  var specifications = JSON.parse(document.getElementById("specifications").textContent);
  var keys = Object.keys(specifications);
  // One figure at a time, with a pause between them: the page answers while it draws. The static figure
  // stays until the live one stands, and for good where drawing fails.
  function draw(i) {
    if (i >= keys.length) { document.body.dataset.figures = "drawn"; return; }
    var figure = document.getElementById("figure-" + keys[i]);
    window.vegaEmbed(figure.querySelector(".live"), specifications[keys[i]], { mode: "vega-lite", renderer: "svg", actions: false })
      .then(function () { figure.classList.add("drawn"); })
      .catch(function (error) { console.error("figure " + keys[i] + ": " + error); })
      .then(function () { setTimeout(draw, 0, i + 1); });
  }
  draw(0);
})();
