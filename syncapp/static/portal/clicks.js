// A click on an element that an answer is about to replace is repeated on its replacement, if there is one.
"use strict";

{
  const clickable = "#record button[name=do], #record .steps-nav a, #record label, .items .item > a";
  const names = ["id", "name", "aria-label"];

  function replacementOf(used) {
    const element = used.control ?? used;
    if (element.matches("button")) {
      const same = document.querySelectorAll(`#record button[name=do][value="${CSS.escape(element.value)}"]`);
      return [...same].find((one) => one.getAttribute("formaction") === element.getAttribute("formaction"));
    }
    const name = names.find((one) => element.getAttribute(one));
    return document.querySelector(`${element.localName}[${name}="${CSS.escape(element.getAttribute(name))}"]`);
  }

  function repeat(used) {
    const open = document.getElementById("record").dataset.record;
    const isAnyEdit = Boolean(used.closest(".item"));
    return () => {
      const isHere = isAnyEdit || document.getElementById("record")?.dataset.record === open;
      const found = isHere && replacementOf(used);
      if (found) found.click();
      else fields.say("The page changed before your click, so nothing was done. Click again.");
    };
  }

  document.addEventListener("click", (event) => {
    const used = event.target.closest?.(clickable);
    if (!used || !event.isTrusted || !requests.isRecordBusy()) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // opens a new tab
    event.preventDefault();
    event.stopImmediatePropagation();
    requests.defer(repeat(used));
  }, true);
}
