// The results are copied as texts. In the table of trials words in the search field keep rows, heads sort them.

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const texts = JSON.parse(document.querySelector("[data-results]").textContent);
    const said = document.querySelector("[data-copied]");
    try {
      await navigator.clipboard.writeText(texts[button.dataset.copy]);
      said.textContent = "copied";
    } catch {
      said.textContent = "the browser does not allow it; the study's folder “figures” has the same as a file";
    }
  });
}

{
  const trials = JSON.parse(document.querySelector("[data-trials]").textContent);
  const part = document.querySelector(".trials");
  const PAGE = 50;
  const table = { words: [], column: -1, sign: 1, first: 0 };
  const texts = trials.rows.map((row) => row.map(written).join(" ").toLowerCase());

  function written(value) {
    if (value === null) return "";
    if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(4)));
    return String(value);
  }

  function compare(one, other) {
    const [a, b] = [trials.rows[one][table.column], trials.rows[other][table.column]];
    if (a === null || b === null) return (a === null) - (b === null); // what was not measured comes last
    if (typeof a === "number" && typeof b === "number") return table.sign * (a - b);
    return table.sign * String(a).localeCompare(String(b), undefined, { numeric: true });
  }

  function cell(value) {
    const found = document.createElement("td");
    found.textContent = typeof value === "number" ? written(value).replace("-", "−") : written(value);
    found.classList.toggle("number", typeof value === "number");
    return found;
  }

  function draw() {
    const kept = texts.flatMap((text, number) => (table.words.every((word) => text.includes(word)) ? [number] : []));
    if (table.column >= 0) kept.sort(compare);
    table.first = Math.min(table.first, Math.max(0, PAGE * Math.floor((kept.length - 1) / PAGE)));
    const shown = kept.slice(table.first, table.first + PAGE);
    part.querySelector("tbody").replaceChildren(...shown.map((number) => {
      const row = document.createElement("tr");
      row.append(...trials.rows[number].map(cell));
      return row;
    }));
    const last = table.first + shown.length;
    part.querySelector("[data-shown]").textContent = kept.length
      ? `${table.first + 1} to ${last} of ${kept.length}`
      : "no trial has all of these words";
    heads.forEach((head, column) => {
      const sort = column === table.column ? (table.sign > 0 ? "ascending" : "descending") : "none";
      head.setAttribute("aria-sort", sort);
    });
  }

  const heads = trials.columns.map((name, column) => {
    const head = document.createElement("th");
    head.scope = "col";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => {
      table.sign = table.column === column ? -table.sign : 1;
      table.column = column;
      table.first = 0;
      draw();
    });
    head.append(button);
    return head;
  });
  part.querySelector("thead tr").append(...heads);
  part.querySelector("[data-search]").addEventListener("input", (event) => {
    table.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    table.first = 0;
    draw();
  });
  for (const button of part.querySelectorAll("[data-turn]")) {
    button.addEventListener("click", () => {
      const first = table.first + PAGE * Number(button.dataset.turn);
      if (first >= 0) table.first = first;
      draw();
    });
  }
  draw();
}
