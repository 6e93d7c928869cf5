/* Raises the contact's revision whenever a form saves it, so that a save by a form differs from one by Outlook.
   Add it to each contact form as a library, and OutlookSyncPortal.raiseRevision to the form's OnSave event with
   "Pass execution context as first parameter". The column has to be on the form; it may be hidden. */
"use strict";
var OutlookSyncPortal = OutlookSyncPortal || {};

OutlookSyncPortal.column = "{column}";

OutlookSyncPortal.raiseRevision = function (executionContext) {
  var form = executionContext.getFormContext();
  var revision = form.getAttribute(OutlookSyncPortal.column);
  if (revision && form.data.entity.getIsDirty()) {
    revision.setSubmitMode("always");
    revision.setValue((revision.getValue() || 0) + 1);
  }
};
