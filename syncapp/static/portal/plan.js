// The form of a run: entering a team, unit, list or names selects that source.
"use strict";

{
  const follow = (event) => {
    const source = event.target.closest?.(".plan [data-source]")?.dataset.source;
    const choice = source && document.querySelector(`.plan input[name=source][value=${source}]`);
    if (choice) choice.checked = true;
  };
  document.addEventListener("change", follow);
  document.addEventListener("input", follow);
}
