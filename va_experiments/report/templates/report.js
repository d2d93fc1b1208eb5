(function () {
  "use strict";
  function all(selector, root) { return Array.prototype.slice.call((root || document).querySelectorAll(selector)); }
  function make(name, text, parent) {
    var element = document.createElement(name);
    element.textContent = text;
    if (parent) { parent.append(element); }
    return element;
  }

  // In a sandboxed frame a fragment link can lead out of the page, so the page scrolls by itself.
  all("nav a").forEach(function (link) {
    link.addEventListener("click", function (event) {
      var target = document.getElementById(link.getAttribute("href").slice(1));
      if (!target) { return; }
      event.preventDefault();
      all(":scope > details.folded", target).forEach(function (folded) { folded.open = true; });
      target.scrollIntoView();
    });
  });
  window.addEventListener("beforeprint", function () { all("details").forEach(function (d) { d.open = true; }); });

  // --- tables: sorted by a click on a heading, saved as CSV, ranked by another metric ---
  function said(cell) {
    var first = cell.firstChild;
    return (first && first.nodeType === 3 ? first.textContent : cell.textContent).trim();
  }
  function number(text) {
    var found = text.replace(/,/g, "").replace("\u2212", "-").match(/^-?[\d.]+/);
    return found ? parseFloat(found[0]) : null;
  }
  function sort(table, column, descending) {
    var body = table.tBodies[0], sign = descending ? -1 : 1;
    var rows = all("tr:not(.ceiling)", body).map(function (row, place) {
      var text = said(row.cells[column]);
      return { row: row, place: place, text: text, value: number(text) };
    });
    var numeric = table.tHead.rows[0].cells[column].classList.contains("number");
    rows.sort(function (a, b) {
      if (!numeric) { return sign * a.text.localeCompare(b.text) || a.place - b.place; }
      if (a.value === null || b.value === null) { return (a.value === null) - (b.value === null) || a.place - b.place; }
      return sign * (a.value - b.value) || a.place - b.place;
    });
    var ceilings = all("tr.ceiling", body);
    rows.forEach(function (one) { body.append(one.row); });
    ceilings.forEach(function (row) { body.append(row); });
    all("th", table).forEach(function (head, i) {
      if (i === column) { head.setAttribute("aria-sort", descending ? "descending" : "ascending"); }
      else { head.removeAttribute("aria-sort"); }
    });
  }
  function quoted(text) {
    if (/^[=+\-@\t\r]/.test(text) && number(text) === null) { text = "'" + text; }
    return /[",\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }
  function csv(table) {
    var heads = all("th", table).map(function (head) { return head.textContent; });
    var rows = all("tbody tr", table).filter(function (row) { return !row.hidden; });
    var small = heads.map(function (_, i) { return rows.some(function (r) { return r.cells[i].querySelector("small"); }); });
    function line(value, interval) {
      var parts = [];
      heads.forEach(function (_, i) { parts.push(value(i)); if (small[i]) { parts.push(interval(i)); } });
      return parts.map(quoted).join(",");
    }
    var lines = [line(function (i) { return heads[i]; }, function (i) { return heads[i] + " interval"; })];
    rows.forEach(function (row) {
      lines.push(line(function (i) { return said(row.cells[i]); }, function (i) {
        var found = row.cells[i].querySelector("small");
        return found ? found.textContent : "";
      }));
    });
    return lines.join("\n") + "\n";
  }
  function tools(table) {
    var bar = document.createElement("div");
    bar.className = "tools";
    var region = table.parentElement;
    region.parentElement.insertBefore(bar, region);
    var save = make("button", "CSV", bar);
    save.type = "button";
    save.title = "Save this table as CSV";
    save.addEventListener("click", function () {
      var link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([csv(table)], { type: "text/csv" }));
      link.download = (region.getAttribute("aria-label") || "table").toLowerCase().replace(/[^a-z0-9]+/g, "-") + ".csv";
      link.click();
      URL.revokeObjectURL(link.href);
    });
    all("th", table).forEach(function (head, column) {
      var text = head.textContent;
      head.textContent = "";
      var button = make("button", text, head);
      button.type = "button";
      button.addEventListener("click", function () {
        var down = head.classList.contains("number") && text !== "#";
        var now = head.getAttribute("aria-sort");
        sort(table, column, now ? now === "ascending" : down);
      });
    });
    return bar;
  }
  function shown(value) { return value === null || value === undefined ? "-" : value.toFixed(3).replace(/^(-?)0\./, "$1."); }
  function choose(table, bar) {
    var about = JSON.parse(table.dataset.chooser), first = table.tBodies[0].innerHTML;
    var label = make("label", "Rank by ", bar), select = document.createElement("select");
    label.append(select);
    about.metrics.forEach(function (metric) { make("option", metric[1], select).value = metric[0]; });
    var heads = all("th", table).map(function (head) { return head.textContent; });
    var begin = heads.length - 1 - about.sites.length;
    select.addEventListener("change", function () {
      table.tBodies[0].innerHTML = first;
      var lower = about.metrics[select.selectedIndex][2], values = about.values[select.value];
      if (select.selectedIndex === 0) { return; }
      all("tr", table.tBodies[0]).forEach(function (row) {
        var own = values[said(row.cells[1])];
        row.hidden = row.classList.contains("ceiling");
        if (row.hidden) { return; }
        row.cells[2].textContent = own ? shown(own[0]) : "-";
        if (heads[3] === "Nested bootstrap") { row.cells[3].textContent = ""; }
        about.sites.forEach(function (_, i) { row.cells[begin + i].textContent = own ? shown(own[i + 1]) : "-"; });
      });
      sort(table, 2, !lower);
      var rank = 0;
      all("tr:not(.ceiling)", table.tBodies[0]).forEach(function (row) {
        var counts = !row.classList.contains("trivial") && number(said(row.cells[2])) !== null;
        row.cells[0].textContent = counts ? String(++rank) : "";
      });
    });
  }
  all("main table").forEach(function (table) {
    if (table.tBodies[0].rows.length < 2) { return; }
    var bar = tools(table);
    if (table.dataset.chooser) { choose(table, bar); }
  });

  // --- figures ---
  var specifications = JSON.parse(document.getElementById("specifications").textContent);
  var keys = Object.keys(specifications);
  function closed(figure) { return figure.closest("details:not([open])"); }
  function live(key) {
    var figure = document.getElementById("figure-" + key);
    return window.vegaEmbed(figure.querySelector(".live"), specifications[key], { mode: "vega-lite", renderer: "svg", actions: false })
      .then(function () { figure.classList.add("drawn"); })
      .catch(function (error) { console.error("figure " + key + ": " + error); });
  }
  // One figure at a time, with a pause between them: the page answers while it draws. The static figure
  // stays until the live one stands, and for good where drawing fails. A closed part is drawn when it is opened.
  function draw(i) {
    if (i >= keys.length) { document.body.dataset.figures = "drawn"; return; }
    var folded = closed(document.getElementById("figure-" + keys[i]));
    if (folded) {
      folded.addEventListener("toggle", function () { live(keys[i]); }, { once: true });
      setTimeout(draw, 0, i + 1);
      return;
    }
    live(keys[i]).then(function () { setTimeout(draw, 0, i + 1); });
  }
  draw(0);
})();
