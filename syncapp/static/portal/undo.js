// The undo stack: the addresses that take back each submit made by key on this page, the last one on top.
"use strict";

const undoStack = (() => {
  const steps = []; // { ways, field }: the addresses of one submit, and the field that the focus returns to

  // One request takes back all of a submit. Where only a part was taken, each field has its own way.
  function note(name, ids, field) {
    const told = document.querySelector(`#flash [data-decided="${name}"]`);
    const ways = told
      ? [told.dataset.undo]
      : ids.map((id) => document.getElementById(`undo-${id}`)?.getAttribute("formaction")).filter(Boolean);
    if (ways.length) steps.push({ ways, field });
  }

  // A field of a group is decided with its head only.
  function rowOf(name) {
    const found = fields.find(name);
    return found && fields.waits(found) ? found : (fields.nextWaiting("") ?? found);
  }

  function undo() {
    const last = steps.pop();
    if (last) takeBack(last);
    else fields.say("There is nothing to undo.");
  }

  function takeBack({ ways, field }) {
    const [way, ...others] = ways;
    answers.expect({
      always: () => { if (others.length) takeBack({ ways: others, field }); },
      accepted: () => fields.goTo(rowOf(field)),
    });
    htmx.ajax("POST", way, { target: "#record", swap: "outerHTML show:none" });
  }

  return { note, undo };
})();
