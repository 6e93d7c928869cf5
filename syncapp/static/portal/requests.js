// Requests that replace the record or extend the list: keys and clicks wait for the answer, and none is lost.
"use strict";

const requests = (() => {
  const actions = new ActionQueue();
  let isRecordBusy = false; // an answer that replaces the record is under way
  let isListBusy = false; // j on the last row of the list asked for more
  let onAccepted = null; // what to do with the answer unless it is a refusal
  let sentFrom = ""; // the id of the element that had the focus when the request was sent

  const isBusy = () => isRecordBusy || isListBusy;
  const whenAnswered = (run) => { onAccepted = run; };
  const runActions = () => actions.runWhile(() => !isBusy());

  // The browser held the request back, so no answer will come.
  function forgetUnlessSent() {
    if (!isRecordBusy) onAccepted = null;
  }

  // Text typed in the meantime belongs to the refused input.
  function refuse() {
    const typed = actions.takeTyped();
    const input = document.activeElement;
    if (fields.isTyping(input) && input.matches("[aria-invalid=true]")) typed.every((key) => type(input, key));
  }

  // Type a key for the person. Only the browser itself can type into a date or a choice.
  function type(input, key) {
    if (typeof input.selectionStart !== "number") {
      fields.say("The page was loading. Type it again.");
      return false;
    }
    input.setRangeText(key, input.selectionStart, input.selectionEnd, "end");
    input.dispatchEvent(new Event("input", { bubbles: true }));
    return true;
  }

  // The person types in another input than the one that was sent, so the focus stays there.
  function isTypingElsewhere() {
    const active = document.activeElement;
    return fields.record()?.contains(active) && fields.isTyping(active) && active.id !== sentFrom;
  }

  function recordArrived() {
    isRecordBusy = false;
    const accepted = onAccepted;
    onAccepted = null;
    if (fields.isRefused()) refuse();
    else if (!isTypingElsewhere()) accepted?.();
    if (accepted) document.getElementById(`row-${fields.record()?.dataset.record}`)?.scrollIntoView({ block: "nearest" });
    fields.mark(fields.here() ?? fields.first());
    runActions();
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id === "record") {
      isRecordBusy = true;
      sentFrom = document.activeElement?.id ?? "";
    }
    if (event.detail.target?.id === "items") isListBusy = Boolean(document.activeElement?.closest("#list"));
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target?.id === "items" && isListBusy) {
      isListBusy = false;
      runActions();
    }
    if (event.detail.elt.id === "record") recordArrived();
  });

  for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout", "htmx:sendAbort"]) {
    document.addEventListener(failure, (event) => {
      if (!["record", "items"].includes(event.detail.target?.id)) return;
      isRecordBusy = false;
      isListBusy = false;
      onAccepted = null;
      actions.clear();
    });
  }

  return {
    isBusy, isRecordBusy: () => isRecordBusy, defer: (run, key) => actions.add(run, key), whenAnswered, forgetUnlessSent, type,
  };
})();
