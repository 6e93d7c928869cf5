// The form of a run: whoever picks a team, a unit, a list or types names means that one.
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
