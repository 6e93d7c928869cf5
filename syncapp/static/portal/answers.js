// The queue of actions: keys and clicks that come while an answer is under way wait for it, in order; none is lost.
"use strict";

const answers = (() => {
  const waiting = []; // { act, key }: what to do, and the key that asked for it ('' for a click)
  let isForRecord = false; // an answer that replaces the record is under way
  let isForList = false; // j on the last row of the list asked for more
  let expected = {}; // what to do when it arrives: `always`, and `accepted` unless it is a refusal
  let sentFrom = ""; // the id of what had the focus when it was asked for

  const isUnderWay = () => isForRecord || isForList;
  const add = (act, key = "") => waiting.push({ act, key });
  const expect = (what) => { expected = what; };

  // The browser held the request back: nothing will arrive.
  function forgetUnlessSent() {
    if (!isForRecord) expected = {};
  }

  function run() {
    while (!isUnderWay() && waiting.length) waiting.shift().act();
  }

  // What was typed meanwhile belongs to the refused input. A key that would send it, or decide, is dropped.
  function refuse() {
    const keys = waiting.map((one) => one.key).filter(Boolean);
    const clicks = waiting.filter((one) => !one.key);
    waiting.splice(0, waiting.length, ...clicks);
    const end = keys.findIndex((key) => key.length > 1);
    const typed = end < 0 ? keys : keys.slice(0, end);
    const input = document.activeElement;
    if (fields.isTyping(input) && input.matches("[aria-invalid=true]")) typed.every((key) => type(input, key));
  }

  // Type a key for the person. Into a date or a choice only the browser itself can type.
  function type(input, key) {
    if (typeof input.selectionStart !== "number") {
      fields.say("The page was on its way. Type it again.");
      return false;
    }
    input.setRangeText(key, input.selectionStart, input.selectionEnd, "end");
    input.dispatchEvent(new Event("input", { bubbles: true }));
    return true;
  }

  // The person is typing in another input than the one that was sent; the focus stays there.
  function isBusyElsewhere() {
    const active = document.activeElement;
    return fields.record()?.contains(active) && fields.isTyping(active) && active.id !== sentFrom;
  }

  function arrived() {
    isForRecord = false;
    const { always, accepted } = expected;
    expected = {};
    always?.();
    if (isForRecord) return; // it asked again
    if (fields.isRefused()) refuse();
    else if (!isBusyElsewhere()) accepted?.();
    if (accepted) document.getElementById(`row-${fields.record()?.dataset.record}`)?.scrollIntoView({ block: "nearest" });
    fields.mark(fields.here() ?? fields.first());
    run();
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id === "record") {
      isForRecord = true;
      sentFrom = document.activeElement?.id ?? "";
    }
    if (event.detail.target?.id === "items") isForList = Boolean(document.activeElement?.closest("#list"));
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target?.id === "items" && isForList) {
      isForList = false;
      run();
    }
    if (event.detail.elt.id === "record") arrived();
  });

  for (const trouble of ["htmx:responseError", "htmx:sendError", "htmx:timeout", "htmx:sendAbort"]) {
    document.addEventListener(trouble, (event) => {
      if (!["record", "items"].includes(event.detail.target?.id)) return;
      isForRecord = false;
      isForList = false;
      expected = {};
      waiting.length = 0;
    });
  }

  return { isUnderWay, isForRecord: () => isForRecord, add, expect, forgetUnlessSent, type };
})();
