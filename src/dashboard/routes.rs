//! Every page and form, with the right that it needs. The server and the tests go by this list.

use super::calls::{attribute, detail, edit, export, list, sound, unattributed};
use super::{campaigns, home, leads, operations, overview, sign_in};
use crate::access::Right;
use crate::console::route::routes;

const LOOK: Option<Right> = Some(Right::Look);
const LISTEN: Option<Right> = Some(Right::Listen);
const EDIT: Option<Right> = Some(Right::Edit);
const OPERATE: Option<Right> = Some(Right::Operate);

routes! {
    "";

    get "/" LOOK => home::show;
    get "/sign-in" None => sign_in::show;
    post "/sign-in" None => sign_in::sign_in;
    post "/sign-out" LOOK => sign_in::sign_out;

    get "/calls" LOOK => list::show;
    get "/calls.csv" LOOK => export::show;
    get "/calls/{id}" LOOK => detail::show;
    get "/calls/{id}/recordings/{recording}" LISTEN => sound::show;
    post "/calls/{id}/conversion" EDIT => edit::conversion;
    post "/calls/{id}/campaign" EDIT => edit::campaign;
    post "/calls/{id}/notes" EDIT => edit::note;
    get "/unattributed" LOOK => unattributed::show;
    post "/unattributed/selected" EDIT => attribute::selected;
    post "/unattributed/all" EDIT => attribute::all;
    post "/unattributed/undo" EDIT => attribute::undo;
    post "/unattributed/rule" EDIT => attribute::rule;

    get "/operations" OPERATE => operations::show;
    get "/operations/events" OPERATE => operations::events;
    get "/operations/events/{id}" OPERATE => operations::event;
    get "/operations/confirm" OPERATE => operations::confirm;
    post "/operations/run" OPERATE => operations::run;
    get "/operations/jobs" OPERATE => operations::jobs;
    get "/operations/jobs/confirm" OPERATE => operations::confirm_jobs;
    post "/operations/jobs/run" OPERATE => operations::run_jobs;
    post "/operations/jobs/retry" OPERATE => operations::retry;
    post "/operations/jobs/cancel" OPERATE => operations::cancel;
    post "/operations/kinds/{kind}/pause" OPERATE => operations::pause;
    post "/operations/kinds/{kind}/resume" OPERATE => operations::resume;
    get "/operations/rejections" OPERATE => operations::rejections;
    get "/overview" LOOK => overview::show;
    get "/campaigns" LOOK => campaigns::list;
    get "/campaigns/{id}" LOOK => campaigns::show;

    get "/leads" LOOK => leads::list;
    get "/leads.csv" LOOK => leads::export;
    get "/leads/{id}" LOOK => leads::show;
    post "/leads/{id}/edit" EDIT => leads::edit;
    post "/leads/{id}/do-not-contact" EDIT => leads::do_not_contact;
}
