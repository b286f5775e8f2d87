"use strict";
(() => {
  const root = document.documentElement;
  const announce = (text) => { document.getElementById("announce").textContent = text; };
  // A page opened from a file may have no storage.
  const store = { get() { try { return localStorage.getItem("scheme"); } catch { return null; } },
                  set(value) { try { localStorage.setItem("scheme", value); } catch { /* not kept */ } } };

  const kept = store.get();
  if (kept === "light" || kept === "dark") root.dataset.scheme = kept;
  document.getElementById("scheme").addEventListener("click", () => {
    const now = root.dataset.scheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    root.dataset.scheme = now === "dark" ? "light" : "dark";
    store.set(root.dataset.scheme);
    announce(`${root.dataset.scheme} colours`);
  });

  const value = (row, index) => row.cells[index].dataset.sort ?? row.cells[index].textContent;
  const sort = (table, index, header) => {
    const descending = header.getAttribute("aria-sort") === "ascending";
    const numeric = header.classList.contains("number");
    const sign = descending ? -1 : 1;
    const rows = [...table.tBodies[0].rows];
    rows.sort((one, other) => {
      const a = value(one, index), b = value(other, index);
      // Missing values stay last in both directions.
      if (a === "" || b === "") return (a === "") - (b === "");
      return sign * (numeric ? Number(a) - Number(b) : a.localeCompare(b));
    });
    table.tBodies[0].append(...rows);
    for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    announce(`Sorted by ${header.textContent}, ${descending ? "descending" : "ascending"}`);
  };
  for (const table of document.querySelectorAll("table")) {
    const headers = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    headers.forEach((header, index) => {
      const button = header.querySelector("button");
      if (button) button.addEventListener("click", () => sort(table, index, header));
    });
  }

  for (const input of document.querySelectorAll(".filter input")) {
    const rows = [...input.closest(".table").querySelectorAll("tbody tr")];
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += !row.hidden;
      }
      announce(`${shown} of ${rows.length} rows`);
    });
  }

  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const text = document.getElementById(button.dataset.from).textContent;
      try {
        await navigator.clipboard.writeText(text);
        announce("Copied");
        button.textContent = "Copied";
      } catch {
        const range = document.createRange();
        range.selectNodeContents(document.getElementById(button.dataset.from));
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        announce("Selected: copy with the keyboard");
      }
    });
  }

  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  for (const section of document.querySelectorAll("main > section")) seen.observe(section);

  // The colours of the specifications are variables of the style sheet: figures follow light and dark by themselves.
  const drawing = { renderer: "svg", actions: false, defaultStyle: false, tooltip: { disableDefaultStyle: true } };
  for (const figure of document.querySelectorAll("figure.drawing")) {
    const specification = JSON.parse(figure.querySelector(":scope > script").textContent);
    vegaEmbed(figure.querySelector(".chart"), specification, drawing);
  }

  addEventListener("beforeprint", () => {
    // On paper short tables stand open; hundreds of rows are for the files.
    for (const details of document.querySelectorAll("details")) {
      if (details.querySelectorAll("tbody tr").length <= 40) details.open = true;
    }
  });
})();
