"""Every route of the portal: the URL name is the view's name and the template's name."""

from __future__ import annotations

from django.urls import path

from syncapp.web import (
    activity,
    health,
    links,
    queue_parts,
    review,
    selection,
    sign_in,
    together,
)

urlpatterns = [
    path("", review.home, name="home"),
    path("review/", review.queue, name="queue"),
    path("review/fresh", queue_parts.fresh, name="fresh"),
    path("review/views/save", queue_parts.save_view, name="save_view"),
    path("review/views/<uuid:view_id>/delete", queue_parts.delete_view, name="delete_view"),
    path("review/selections/select", selection.select, name="select"),
    path("review/selections/<uuid:selection_id>/", selection.selection, name="selection"),
    path("review/selections/<uuid:selection_id>/decide", selection.decide_selection, name="decide_selection"),
    path("review/selections/<uuid:selection_id>/undo", selection.undo_selection, name="undo_selection"),
    path("review/selections/<uuid:selection_id>/select-left", selection.select_left, name="select_left"),
    path("review/<uuid:record_id>/", review.record, name="record"),
    path("review/<uuid:record_id>/decide", review.decide, name="decide"),
    path("review/<uuid:record_id>/read-again", review.read_again, name="read_again"),
    path("review/decisions/<uuid:decision_id>/undo", review.undo, name="undo"),
    path("review/<uuid:record_id>/undo/<slug:key>", review.undo_group, name="undo_group"),
    path("review/<uuid:record_id>/assign", together.assign, name="assign"),
    path("review/<uuid:record_id>/park", together.park, name="park"),
    path("review/<uuid:record_id>/unpark", together.unpark, name="unpark"),
    path("review/<uuid:record_id>/remark", together.remark, name="remark"),
    path("review/<uuid:record_id>/ask", together.ask, name="ask"),
    path("review/<uuid:record_id>/presence", together.presence, name="presence"),
    path("review/<uuid:record_id>/history", together.history, name="history"),
    path("review/questions/<int:question_id>/reply", together.reply, name="reply"),
    path("review/fields/<uuid:field_id>/put-back", review.put_back, name="put_back"),
    path("review/fields/<uuid:field_id>/approve-after-all", review.approve_after_all, name="approve_after_all"),
    path("review/fields/<uuid:field_id>/retry", review.retry, name="retry"),
    path("activity/", activity.activity, name="activity"),
    path("activity/export.csv", activity.activity_csv, name="activity_csv"),
    path("l/<str:token>", links.link, name="link"),
    path("mails/<str:token>", links.mail_wishes, name="mail_wishes"),
    path("sign-in", sign_in.sign_in, name="sign_in"),
    path("sign-in/start", sign_in.start, name="sign_in_start"),
    path("sign-in/callback", sign_in.callback, name="sign_in_callback"),
    path("sign-out", sign_in.sign_out, name="sign_out"),
    path("healthz", health.healthz, name="healthz"),
]
