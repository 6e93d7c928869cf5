// The commands that keys give: approve, reject, correct, undo, select, send an input.
"use strict";

const commands = (() => {
  let wantsNext = false; // a decision by key is being sent: its answer may be the next contact

  const undoStack = new UndoStack((address, field, next) => {
    requests.whenAnswered({ always: next, accepted: () => fields.goTo(rowAfterUndo(field)) });
    htmx.ajax("POST", address, { target: "#record", swap: "outerHTML show:none" });
  }, fields.say);

  // A field of a group is decided with the group's head only.
  function rowAfterUndo(name) {
    const found = fields.find(name);
    return found && fields.waits(found) ? found : (fields.nextWaiting("") ?? found);
  }

  // One address undoes a whole submit. If only a part was taken, each field has its own.
  function undoAddresses(record, ids) {
    const whole = document.querySelector(`#flash [data-decided="${record}"]`);
    if (whole) return [whole.dataset.undo];
    return ids.map((id) => document.getElementById(`undo-${id}`)?.getAttribute("formaction")).filter(Boolean);
  }

  // After a decision: the next undecided field, then the next contact, which may have come with the answer.
  function afterDecision(ids) {
    const from = fields.here()?.dataset.field ?? "";
    const record = fields.record().dataset.record;
    return {
      always: () => undoStack.push(undoAddresses(record, ids), from || ids[0]),
      accepted: () => {
        const isNextContact = fields.record()?.dataset.record !== record;
        const next = isNextContact ? fields.first() : fields.nextWaiting(from);
        if (next) fields.goTo(next);
        else fields.openContact(1);
      },
    };
  }

  function press(button, ids) {
    wantsNext = !button.value.startsWith("find:");
    if (wantsNext) requests.whenAnswered(afterDecision(ids));
    button.click();
    wantsNext = false;
    requests.forgetUnlessSent();
  }

  const idOf = (element) => element.closest(".field")?.dataset.field ?? fields.here()?.dataset.field;
  const allIds = () => [...document.querySelectorAll("#record input[name=all]")].map((input) => input.value);

  // Where the CRM holds another value than the edit found, no key decides: the person chooses one of the values.
  function choose(place = "button[name=do]") {
    const found = fields.here()?.querySelector(`:is(.conflict, .trouble) ${place}`);
    found?.focus();
    if (found) fields.say("Choose one of the values.");
    return Boolean(found);
  }

  function approve() {
    if (choose()) return;
    const field = fields.here();
    const button = field?.querySelector("button[name=do][value^='approve']");
    if (button) press(button, [field.dataset.field]);
  }

  function approveAll() {
    const button = document.querySelector("#record button[value='approve-all']");
    if (button) press(button, allIds());
    else approve();
  }

  // With the earlier reason, if the same value was rejected before.
  function rejectAgain() {
    const button = fields.here()?.querySelector("button[name=do][value^='reject-again:']");
    if (button) press(button, [idOf(button)]);
    else fields.say("This value was not rejected before.");
  }

  // Enter in an input presses the button of its panel; after a search for a lookup, that of the search.
  function submit(input) {
    const buttons = [...(input.closest(".conflict tr, .ask")?.querySelectorAll("button[name=do]") ?? [])];
    const button = input.name.startsWith("find.") ? buttons[0] : buttons.at(-1);
    if (button) press(button, button.value === "reject-all" ? allIds() : [idOf(input)]);
  }

  function select(id) {
    document.getElementById(`select-${id}`)?.click();
  }

  document.addEventListener("htmx:configRequest", (event) => {
    if (wantsNext) event.detail.parameters.next = "contact";
  });

  return {
    approve, approveAll, rejectAgain, submit, select,
    press: (button) => press(button, [idOf(button)]),
    reject: () => fields.openPanel(".open-reject") || choose(),
    correct: () => fields.openPanel(".open-correct") || choose(":is(.input, select)"),
    undo: () => undoStack.undo(),
    search: () => document.getElementById("q")?.select(),
    showKeys: () => document.getElementById("keys")?.showModal(),
    clearSelection: () => document.getElementById("clear-selection")?.click(),
  };
})();
