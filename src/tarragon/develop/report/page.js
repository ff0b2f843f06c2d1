(() => {
  const root = document.documentElement;
  const button = document.querySelector("[data-theme-toggle]");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  const label = () => { button.textContent = isDark() ? "Light theme" : "Dark theme"; };
  button.hidden = false;
  label();
  dark.addEventListener("change", label);
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((d) => { d.open = true; });
  });
  addEventListener("afterprint", () => { closed.forEach((d) => { d.open = false; }); });

  for (const head of document.querySelectorAll("table.data th[data-sort]")) {
    const b = document.createElement("button");
    b.type = "button";
    b.append(...head.childNodes);
    head.append(b);
    b.addEventListener("click", () => {
      const body = head.closest("table").tBodies[0];
      const at = head.cellIndex;
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const h of head.parentNode.children) h.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => row.cells[at].dataset.order ?? row.cells[at].textContent.trim();
      const compare = (a, c) => {
        const x = key(a), y = key(c), d = Number(x) - Number(y);
        return (Number.isNaN(d) ? x.localeCompare(y) : d) * (up ? 1 : -1);
      };
      [...body.rows].sort(compare).forEach((row) => body.append(row));
    });
  }
})();
