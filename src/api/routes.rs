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

    get "/calls" LOOK => calls::list;
    get "/calls/count" LOOK => attributions::count;
    post "/calls/attribute" EDIT => call_edits::attribute;
    post "/calls/attribute-matching" EDIT => attributions::attribute;
    post "/attributions/{id}/undo" EDIT => attributions::undo;
    get "/calls/{id}" LOOK => calls::show;
    patch "/calls/{id}" EDIT => call_edits::edit;
    get "/calls/{id}/events" LOOK => calls::events;
    get "/calls/{id}/edits" LOOK => notes::edits;
    get "/calls/{id}/notes" LOOK => notes::list;
    post "/calls/{id}/notes" EDIT => notes::create;
    get "/calls/{id}/recordings/{recording}" LISTEN => recordings::show;
    get "/unattributed/numbers" LOOK => rules::numbers;
    post "/unattributed/rule" EDIT => rules::create;
    get "/leads" LOOK => leads::list;
    get "/leads/{id}" LOOK => leads::show;
    patch "/leads/{id}" EDIT => leads::edit;
    get "/leads/{id}/timeline" LOOK => leads::timeline;
    get "/messages" LOOK => messages::list;
    get "/analytics" LOOK => analytics::list;
    get "/campaigns" LOOK => campaigns::list;
    post "/campaigns" EDIT => campaigns::create;
    get "/campaigns/stats" LOOK => overview::campaigns;
    get "/campaigns/{id}" LOOK => campaigns::show;
    delete "/campaigns/{id}" ADMINISTER => campaigns::remove;
    get "/campaigns/{id}/stats" LOOK => overview::campaign;
    get "/stats" LOOK => stats::calls;
    get "/overview" LOOK => overview::calls;
    get "/incidents" LOOK => stats::incidents;
    get "/balance" LOOK => charges::balance;
    get "/charges" LOOK => charges::list;

    get "/events" OPERATE => events::list;
    post "/events/replay" OPERATE => bulk::replay;
    post "/events/skip" OPERATE => bulk::skip;
    post "/events/redrive" OPERATE => bulk::redrive;
    post "/events/discard" OPERATE => bulk::discard;
    get "/events/{id}" OPERATE => events::show;
    get "/events/{id}/payload" PAYLOADS => events::payload;
    get "/dead" OPERATE => events::dead;
    get "/dead/jobs" OPERATE => dead_jobs::list;
    post "/dead/jobs/retry" OPERATE => dead_jobs::retry;
    get "/rejections" OPERATE => rejections::list;
    get "/rejections/reasons" OPERATE => rejections::reasons;
    get "/rejections/kept" OPERATE => rejections::kept;
    get "/rejections/kept/{id}" OPERATE => rejections::show_kept;
    post "/rejections/reverify" OPERATE => rejections::reverify;
    get "/jobs" OPERATE => jobs::list;
    post "/jobs/retry" OPERATE => jobs::retry;
    post "/jobs/cancel" OPERATE => jobs::cancel;
    get "/jobs/{id}" OPERATE => jobs::show;
    get "/jobs/{id}/payload" PAYLOADS => jobs::payload;
    post "/job-kinds/{kind}/pause" OPERATE => jobs::pause;
    post "/job-kinds/{kind}/resume" OPERATE => jobs::resume;
    get "/stats/operations" OPERATE => stats::operations;
    get "/stats/pulse" OPERATE => pulse::show;

    get "/connections" ADMINISTER => connections::list;
    post "/connections" ADMINISTER => connections::create;
    get "/connections/{id}/secrets" ADMINISTER => connections::secrets;
    post "/connections/{id}/rotate" ADMINISTER => connections::rotate;
    post "/connections/{id}/url" ADMINISTER => connections::url;
    post "/connections/{id}/disable" ADMINISTER => connections::disable;
    post "/connections/{id}/enable" ADMINISTER => connections::enable;
    post "/connections/{id}/test" ADMINISTER => connections::test;
    get "/numbers" ADMINISTER => numbers::list;
    post "/numbers" ADMINISTER => numbers::create;
    patch "/numbers/{number}" ADMINISTER => numbers::edit;
    delete "/numbers/{number}" ADMINISTER => numbers::remove;
    get "/agents" ADMINISTER => agents::list;
    post "/agents" ADMINISTER => agents::create;
    patch "/agents/{provider}/{agent}" ADMINISTER => agents::edit;
    delete "/agents/{provider}/{agent}" ADMINISTER => agents::remove;
    get "/tenants" ADMINISTER => tenants::list;
    post "/tenants" ADMINISTER => tenants::create;
    get "/tenants/{slug}" ADMINISTER => tenants::show;
    get "/tokens" ADMINISTER => tokens::list;
    post "/tokens" ADMINISTER => tokens::create;
    delete "/tokens/{id}" ADMINISTER => tokens::revoke;
    get "/audit" ADMINISTER => audit::list;
    get "/users" ADMINISTER => users::list;
    post "/users" ADMINISTER => users::create;
    delete "/users/{login}" ADMINISTER => users::remove;
    post "/users/{login}/password" ADMINISTER => users::password;
    delete "/users/{login}/sessions" ADMINISTER => users::end_sessions;
    post "/users/{login}/second-factor" ADMINISTER => second_factor::require;
    delete "/users/{login}/second-factor" ADMINISTER => second_factor::reset;
}
