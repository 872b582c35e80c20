document.querySelectorAll("[data-sortable]").forEach(box => {
  const table = box.querySelector("table"), body = table.tBodies[0], rows = [...body.rows];
  const tools = box.querySelector(".tools"), find = tools.querySelector("input"), pick = tools.querySelector("select");
  const count = tools.querySelector("output");
  const show = () => {
    const words = find.value.toLowerCase().split(/\s+/);
    let left = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word)) || (pick.value && row.dataset.pick !== pick.value);
      left += !row.hidden;
    }
    count.textContent = `${left} of ${rows.length} ${count.dataset.noun}`;
  };
  const value = (row, at) => row.cells[at].dataset.v ?? row.cells[at].textContent.trim();
  [...table.tHead.rows[0].cells].forEach((head, at) => {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    button.onclick = () => {
      const turn = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", turn > 0 ? "ascending" : "descending");
      rows.sort((a, b) => turn * (value(a, at) - value(b, at) || value(a, at).localeCompare(value(b, at))));
      body.append(...rows);
    };
    head.replaceChildren(button);
  });
  find.oninput = pick.onchange = show;
  table.classList.add("js");
  tools.hidden = false;
  show();
});
