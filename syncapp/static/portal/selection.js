// The ticked rows of the queue or the matrix: ranges, all that are shown, all that match, and the bar of actions.
"use strict";

{
  const ticked = new Set(); // values of boxes; they survive a refresh of the list
  let last = ""; // the value of the box that was clicked last, where a range begins

  const boxes = () => [...document.querySelectorAll(".items input[name=record], .matrix tbody input[name=user]")];
  const bar = () => document.getElementById("selection");

  function counted(number) {
    return `${number} ${bar()?.dataset.noun ?? "row"}${number === "1" ? "" : "s"}`;
  }

  function show() {
    const here = boxes();
    const count = here.filter((box) => box.checked).length;
    const matching = document.getElementById("all-matching");
    if (matching && !count) matching.checked = false;
    const number = matching?.checked ? matching.dataset.count : String(count);
    const status = document.getElementById("selected");
    const words = count ? `${counted(number)} selected` : "";
    if (status && status.textContent !== words) status.textContent = words;
    document.querySelectorAll("[data-for-selected]").forEach((place) => { place.textContent = count ? ` for ${counted(number)}` : ""; });
    const all = document.getElementById("tick-all");
    if (!all) return;
    all.checked = count > 0 && count === here.length;
    all.indeterminate = count > 0 && count < here.length;
  }

  function set(box, isTicked) {
    box.checked = isTicked;
    if (isTicked) ticked.add(box.value);
    else ticked.delete(box.value);
  }

  function restore() {
    boxes().forEach((box) => { box.checked = ticked.has(box.value); });
    show();
  }

  // With Shift, all boxes from the last clicked one to this one take the state of this one.
  document.addEventListener("click", (event) => {
    const all = boxes();
    const to = all.indexOf(event.target);
    if (to < 0) return;
    const from = all.findIndex((box) => box.value === last);
    if (event.shiftKey && from >= 0) {
      all.slice(Math.min(from, to), Math.max(from, to) + 1).forEach((box) => set(box, event.target.checked));
      getSelection().removeAllRanges(); // the browser selects the text in between
    }
    last = event.target.value;
  });

  document.addEventListener("change", (event) => {
    const { target } = event;
    if (target.id === "tick-all") boxes().forEach((box) => set(box, target.checked));
    else if (boxes().includes(target)) set(target, target.checked);
    else if (target.id !== "all-matching") return;
    show();
  });

  // Clear only the ticks; other choices in the bar stay.
  document.addEventListener("reset", (event) => {
    if (event.target !== bar()) return;
    event.preventDefault();
    boxes().forEach((box) => set(box, false));
    ticked.clear();
    show();
  });

  document.addEventListener("htmx:afterSettle", restore);
  document.addEventListener("htmx:historyRestore", restore);

  boxes().filter((box) => box.checked).forEach((box) => set(box, true));
  show();
}
