// The undo stack: the submits that keys made on this page, the last one on top.
"use strict";

class UndoStack {
  #submits = []; // { addresses, field }: the requests that undo one submit, and the field to return to

  // `post(address, field, next)` sends one request and calls `next` after its answer; `report` tells the person.
  constructor(post, report) {
    this.post = post;
    this.report = report;
  }

  push(addresses, field) {
    if (addresses.length) this.#submits.push({ addresses, field });
  }

  undo() {
    const last = this.#submits.pop();
    if (last) this.#send(last.addresses, last.field);
    else this.report("There is nothing to undo.");
  }

  #send([address, ...others], field) {
    this.post(address, field, () => { if (others.length) this.#send(others, field); });
  }
}
