// More rows of the list: where the focus goes, and the page that holds the next contact.
"use strict";

{
  let movesFocus = false; // to the first of the new rows
  let last = null; // the last row when more were requested
  let openWasLast = false;

  const links = () => [...document.querySelectorAll("#items > .item > a")];

  document.addEventListener("htmx:beforeRequest", (event) => {
    const target = event.detail.target?.id;
    if (target === "record") openWasLast = links().at(-1)?.hasAttribute("aria-current") ?? false;
    if (target !== "items") return;
    last = links().at(-1);
    movesFocus = document.activeElement === last || document.activeElement?.id === "more";
  });

  // The open contact is not in the list yet: load more rows. The focus stays in the record.
  function loadRowOfOpenEdit() {
    const open = document.getElementById("record").dataset.record;
    if (openWasLast && open && !document.getElementById(`row-${open}`)) document.getElementById("more")?.click();
  }

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "record") loadRowOfOpenEdit();
    if (event.detail.target?.id !== "items" || !last) return;
    const all = links();
    const first = all[all.indexOf(last) + 1];
    last = null;
    markOpenEdit();
    if (movesFocus && first) first.focus();
  });
}
