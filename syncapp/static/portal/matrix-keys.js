// Keys in the matrix of users: arrows move between its cells, letters search, select and show the keys.
"use strict";

{
  const MOVES = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], j: [1, 0], k: [-1, 0] };
  const rows = () => [...document.querySelectorAll(".matrix tbody tr")];
  const controls = (row) => [...row.querySelectorAll("input, a")];

  // Return the control next to `from` in this direction; if `from` is in no row, the first user.
  function move(from, [down, right]) {
    const all = rows();
    const row = from.closest?.(".matrix tbody tr");
    if (!row) return all[0]?.querySelector(".user");
    const next = all[all.indexOf(row) + down];
    return next && controls(next)[controls(row).indexOf(from) + right];
  }

  function handle(target, key) {
    const isLetter = key.length === 1;
    if (isLetter && document.body.dataset.letters === "off") return false;
    if (MOVES[key] && (isLetter || target.closest?.(".matrix tbody"))) move(target, MOVES[key])?.focus();
    else if (key === "x") target.closest?.(".matrix tbody tr")?.querySelector("input[name=user]")?.click();
    else if (key === "/") commands.search();
    else if (key === "?") commands.showKeys();
    else return false;
    return true;
  }

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (!document.querySelector(".matrix-pane") || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (fields.isTyping(target) || document.querySelector("dialog[open], details.menu[open]")) return;
    if (handle(target, key)) event.preventDefault();
  });
}
