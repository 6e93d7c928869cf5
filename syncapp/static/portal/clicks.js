// A click on what an answer is about to replace is made again on what then stands in its place, unless that is gone.
"use strict";

{
  const clickable = "#record button[name=do], #record .steps-nav a, #record label, .items .item > a";
  const names = ["id", "name", "aria-label"];

  function inItsPlace(used) {
    const element = used.control ?? used;
    if (element.matches("button")) {
      const same = document.querySelectorAll(`#record button[name=do][value="${CSS.escape(element.value)}"]`);
      return [...same].find((one) => one.getAttribute("formaction") === element.getAttribute("formaction"));
    }
    const name = names.find((one) => element.getAttribute(one));
    return document.querySelector(`${element.localName}[${name}="${CSS.escape(element.getAttribute(name))}"]`);
  }

  function again(used) {
    const open = document.getElementById("record").dataset.record;
    const isAnyEdit = Boolean(used.closest(".item"));
    return () => {
      const isHere = isAnyEdit || document.getElementById("record")?.dataset.record === open;
      const found = isHere && inItsPlace(used);
      if (found) found.click();
      else fields.say("What you clicked had changed by then. Nothing was done by the click.");
    };
  }

  document.addEventListener("click", (event) => {
    const used = event.target.closest?.(clickable);
    if (!used || !event.isTrusted || !answers.isForRecord()) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab of its own
    event.preventDefault();
    event.stopImmediatePropagation();
    answers.add(again(used));
  }, true);
}
