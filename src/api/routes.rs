//! Every route of the API, with the right that it needs. The server, the document and the tests all go by this list.

use super::{
    account, agents, analytics, attributions, audit, bulk, call_edits, calls, campaigns, charges, connections,
    dead_jobs, docs, document, events, jobs, leads, messages, notes, numbers, overview, pulse, recordings, rejections,
    rules, second_factor, session, stats, tenants, tokens, users,
};
use crate::access::Right;
use crate::console::route::routes;

const LOOK: Option<Right> = Some(Right::Look);
const LISTEN: Option<Right> = Some(Right::Listen);
const EDIT: Option<Right> = Some(Right::Edit);
const OPERATE: Option<Right> = Some(Right::Operate);
const PAYLOADS: Option<Right> = Some(Right::ReadPayloads);
const ADMINISTER: Option<Right> = Some(Right::Administer);

routes! {
    "/api/v1";

    post "/session" None => session::sign_in;
    get "/session" LOOK => session::show;
    delete "/session" LOOK => session::sign_out;
    get "/sessions" LOOK => account::sessions;
    delete "/sessions" LOOK => account::end_others;
    delete "/sessions/{id}" LOOK => account::end_session;
    post "/account/password" LOOK => account::password;
    post "/account/second-factor" LOOK => second_factor::begin;
    post "/account/second-factor/confirm" LOOK => second_factor::confirm;
    post "/account/second-factor/off" LOOK => second_factor::turn_off;
    post "/account/second-factor/recovery-codes" LOOK => second_factor::recovery_codes;
    get "/openapi.json" LOOK => document::show;
    get "/docs" LOOK => docs::page;
    get "/docs/{file}" LOOK => docs::file;

    read "/calls" LOOK => calls::list;
    get "/calls/count" LOOK => attributions::count;
    post "/calls/attribute" EDIT => call_edits::attribute;
    post "/calls/attribute-matching" EDIT => attributions::attribute;
    post "/attributions/{id}/undo" EDIT => attributions::undo;
    read "/calls/{id}" LOOK => calls::show;
    patch "/calls/{id}" EDIT => call_edits::edit;
    read "/calls/{id}/events" LOOK => calls::events;
    read "/calls/{id}/edits" LOOK => notes::edits;
    read "/calls/{id}/notes" LOOK => notes::list;
    post "/calls/{id}/notes" EDIT => notes::create;
    get "/calls/{id}/recordings/{recording}" LISTEN => recordings::show;
    read "/unattributed/numbers" LOOK => rules::numbers;
    post "/unattributed/rule" EDIT => rules::create;
    read "/leads" LOOK => leads::list;
    read "/leads/{id}" LOOK => leads::show;
    patch "/leads/{id}" EDIT => leads::edit;
    read "/leads/{id}/timeline" LOOK => leads::timeline;
    read "/messages" LOOK => messages::list;
    read "/analytics" LOOK => analytics::list;
    read "/campaigns" LOOK => campaigns::list;
    post "/campaigns" EDIT => campaigns::create;
    get "/campaigns/stats" LOOK => overview::campaigns;
    read "/campaigns/{id}" LOOK => campaigns::show;
    delete "/campaigns/{id}" ADMINISTER => campaigns::remove;
    get "/campaigns/{id}/stats" LOOK => overview::campaign;
    read "/stats" LOOK => stats::calls;
    get "/overview" LOOK => overview::calls;
    read "/incidents" LOOK => stats::incidents;
    read "/balance" LOOK => charges::balance;
    read "/charges" LOOK => charges::list;

    read "/events" OPERATE => events::list;
    post "/events/replay" OPERATE => bulk::replay;
    post "/events/skip" OPERATE => bulk::skip;
    post "/events/redrive" OPERATE => bulk::redrive;
    post "/events/discard" OPERATE => bulk::discard;
    read "/events/{id}" OPERATE => events::show;
    read "/events/{id}/payload" PAYLOADS => events::payload;
    read "/dead" OPERATE => events::dead;
    read "/dead/jobs" OPERATE => dead_jobs::list;
    post "/dead/jobs/retry" OPERATE => dead_jobs::retry;
    read "/rejections" OPERATE => rejections::list;
    read "/rejections/reasons" OPERATE => rejections::reasons;
    read "/rejections/kept" OPERATE => rejections::kept;
    get "/rejections/kept/{id}" OPERATE => rejections::show_kept;
    post "/rejections/reverify" OPERATE => rejections::reverify;
    read "/jobs" OPERATE => jobs::list;
    post "/jobs/retry" OPERATE => jobs::retry;
    post "/jobs/cancel" OPERATE => jobs::cancel;
    read "/jobs/{id}" OPERATE => jobs::show;
    read "/jobs/{id}/payload" PAYLOADS => jobs::payload;
    post "/job-kinds/{kind}/pause" OPERATE => jobs::pause;
    post "/job-kinds/{kind}/resume" OPERATE => jobs::resume;
    read "/stats/operations" OPERATE => stats::operations;
    read "/stats/pulse" OPERATE => pulse::show;

    read "/connections" ADMINISTER => connections::list;
    post "/connections" ADMINISTER => connections::create;
    read "/connections/{id}/secrets" ADMINISTER => connections::secrets;
    post "/connections/{id}/rotate" ADMINISTER => connections::rotate;
    post "/connections/{id}/url" ADMINISTER => connections::url;
    post "/connections/{id}/disable" ADMINISTER => connections::disable;
    post "/connections/{id}/enable" ADMINISTER => connections::enable;
    post "/connections/{id}/test" ADMINISTER => connections::test;
    read "/numbers" ADMINISTER => numbers::list;
    post "/numbers" ADMINISTER => numbers::create;
    patch "/numbers/{number}" ADMINISTER => numbers::edit;
    delete "/numbers/{number}" ADMINISTER => numbers::remove;
    read "/agents" ADMINISTER => agents::list;
    post "/agents" ADMINISTER => agents::create;
    patch "/agents/{provider}/{agent}" ADMINISTER => agents::edit;
    delete "/agents/{provider}/{agent}" ADMINISTER => agents::remove;
    read "/tenants" ADMINISTER => tenants::list;
    post "/tenants" ADMINISTER => tenants::create;
    read "/tenants/{slug}" ADMINISTER => tenants::show;
    read "/tokens" ADMINISTER => tokens::list;
    post "/tokens" ADMINISTER => tokens::create;
    delete "/tokens/{id}" ADMINISTER => tokens::revoke;
    read "/audit" ADMINISTER => audit::list;
    read "/users" ADMINISTER => users::list;
    post "/users" ADMINISTER => users::create;
    delete "/users/{login}" ADMINISTER => users::remove;
    post "/users/{login}/password" ADMINISTER => users::password;
    delete "/users/{login}/sessions" ADMINISTER => users::end_sessions;
    post "/users/{login}/second-factor" ADMINISTER => second_factor::require;
    delete "/users/{login}/second-factor" ADMINISTER => second_factor::reset;
}
