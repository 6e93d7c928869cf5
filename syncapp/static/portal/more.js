// The list goes on: the next rows come below those that are there, for the mouse, the keyboard and the open edit.
"use strict";

{
  let focusFollows = false; // whether the focus goes to the first of the new rows
  let last = null; // the row that was the last one when more were asked for
  let openWasLast = false;

  const links = () => [...document.querySelectorAll("#items > .item > a")];

  document.addEventListener("htmx:beforeRequest", (event) => {
    const target = event.detail.target?.id;
    if (target === "record") openWasLast = links().at(-1)?.hasAttribute("aria-current") ?? false;
    if (target !== "items") return;
    last = links().at(-1);
    focusFollows = document.activeElement === last || document.activeElement?.id === "more";
  });

  // The next contact lies behind the last row: the list comes after it, and the focus stays in the record.
  function follow() {
    const open = document.getElementById("record").dataset.record;
    if (openWasLast && open && !document.getElementById(`row-${open}`)) document.getElementById("more")?.click();
  }

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "record") follow();
    if (event.detail.target?.id !== "items" || !last) return;
    const all = links();
    const first = all[all.indexOf(last) + 1];
    last = null;
    markOpenEdit();
    if (focusFollows && first) first.focus();
  });
}
