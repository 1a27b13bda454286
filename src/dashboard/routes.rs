//! Every page and form, with the right that it needs. The server and the tests go by this list.

use super::calls::{attribute, detail, edit, export, list, sound, unattributed};
use super::{account, account_factor, campaigns, home, leads, oidc, operations, overview, second_step, setup, sign_in};
use crate::access::Right;
use crate::console::route::routes;

const LOOK: Option<Right> = Some(Right::Look);
const LISTEN: Option<Right> = Some(Right::Listen);
const EDIT: Option<Right> = Some(Right::Edit);
const OPERATE: Option<Right> = Some(Right::Operate);
const ADMINISTER: Option<Right> = Some(Right::Administer);

routes! {
    "";

    get "/" LOOK => home::show;
    get "/sign-in" None => sign_in::show;
    post "/sign-in" None => sign_in::sign_in;
    get "/sign-in/code" None => second_step::code;
    post "/sign-in/code" None => second_step::check;
    get "/sign-in/second-factor" None => second_step::set_up;
    post "/sign-in/second-factor" None => second_step::confirm;
    get "/sign-in/oidc" None => oidc::begin;
    get "/sign-in/oidc/callback" None => oidc::callback;
    post "/sign-out" LOOK => sign_in::sign_out;

    get "/account" LOOK => account::show;
    post "/account/password" LOOK => account::password;
    post "/account/second-factor" LOOK => account_factor::begin;
    post "/account/second-factor/confirm" LOOK => account_factor::confirm;
    post "/account/second-factor/off" LOOK => account_factor::turn_off;
    post "/account/second-factor/recovery-codes" LOOK => account_factor::recovery_codes;
    post "/account/sessions/end-others" LOOK => account::end_others;
    post "/account/sessions/{id}/end" LOOK => account::end_session;

    read "/calls" LOOK => list::show;
    read "/calls.csv" LOOK => export::show;
    read "/calls/{id}" LOOK => detail::show;
    get "/calls/{id}/recordings/{recording}" LISTEN => sound::show;
    post "/calls/{id}/conversion" EDIT => edit::conversion;
    post "/calls/{id}/campaign" EDIT => edit::campaign;
    post "/calls/{id}/notes" EDIT => edit::note;
    read "/unattributed" LOOK => unattributed::show;
    post "/unattributed/selected" EDIT => attribute::selected;
    post "/unattributed/all" EDIT => attribute::all;
    post "/unattributed/undo" EDIT => attribute::undo;
    post "/unattributed/rule" EDIT => attribute::rule;

    read "/operations" OPERATE => operations::show;
    read "/operations/events" OPERATE => operations::events;
    read "/operations/events/{id}" OPERATE => operations::event;
    get "/operations/confirm" OPERATE => operations::confirm;
    post "/operations/run" OPERATE => operations::run;
    read "/operations/jobs" OPERATE => operations::jobs;
    get "/operations/jobs/confirm" OPERATE => operations::confirm_jobs;
    post "/operations/jobs/run" OPERATE => operations::run_jobs;
    post "/operations/jobs/retry" OPERATE => operations::retry;
    post "/operations/jobs/cancel" OPERATE => operations::cancel;
    read "/operations/jobs/{id}" OPERATE => operations::job;
    post "/operations/kinds/{kind}/pause" OPERATE => operations::pause;
    post "/operations/kinds/{kind}/resume" OPERATE => operations::resume;
    read "/operations/rejections" OPERATE => operations::rejections;
    get "/operations/rejections/reverify" OPERATE => operations::confirm_reverify;
    post "/operations/rejections/reverify" OPERATE => operations::reverify;

    get "/overview" LOOK => overview::show;
    get "/campaigns" LOOK => campaigns::list;
    get "/campaigns/{id}" LOOK => campaigns::show;

    read "/leads" LOOK => leads::list;
    read "/leads.csv" LOOK => leads::export;
    read "/leads/{id}" LOOK => leads::show;
    post "/leads/{id}/edit" EDIT => leads::edit;
    post "/leads/{id}/do-not-contact" EDIT => leads::do_not_contact;

    read "/setup" ADMINISTER => setup::show;
    read "/setup/connections" ADMINISTER => setup::connections;
    post "/setup/connections" ADMINISTER => setup::add_connection;
    post "/setup/connections/{id}/rotate" ADMINISTER => setup::rotate_secret;
    post "/setup/connections/{id}/url" ADMINISTER => setup::new_url;
    post "/setup/connections/{id}/disable" ADMINISTER => setup::disable_connection;
    post "/setup/connections/{id}/enable" ADMINISTER => setup::enable_connection;
    post "/setup/connections/{id}/test" ADMINISTER => setup::send_test_event;
    read "/setup/numbers" ADMINISTER => setup::numbers;
    post "/setup/numbers" ADMINISTER => setup::add_number;
    post "/setup/numbers/assign" ADMINISTER => setup::assign_number;
    post "/setup/numbers/remove" ADMINISTER => setup::remove_number;
    read "/setup/agents" ADMINISTER => setup::agents;
    post "/setup/agents" ADMINISTER => setup::add_agent;
    post "/setup/agents/assign" ADMINISTER => setup::assign_agent;
    post "/setup/agents/remove" ADMINISTER => setup::remove_agent;
    read "/setup/campaigns" ADMINISTER => setup::campaigns;
    post "/setup/campaigns" ADMINISTER => setup::add_campaign;
    post "/setup/campaigns/{id}/remove" ADMINISTER => setup::remove_campaign;
    read "/setup/tenants" ADMINISTER => setup::tenants;
    post "/setup/tenants" ADMINISTER => setup::add_tenant;
    read "/setup/tokens" ADMINISTER => setup::tokens;
    post "/setup/tokens" ADMINISTER => setup::add_token;
    post "/setup/tokens/{id}/revoke" ADMINISTER => setup::revoke_token;
    read "/setup/audit" ADMINISTER => setup::audit;
    read "/setup/audit.csv" ADMINISTER => setup::export_audit;
    read "/setup/users" ADMINISTER => setup::users;
    post "/setup/users" ADMINISTER => setup::add_user;
    post "/setup/users/remove" ADMINISTER => setup::remove_user;
    post "/setup/users/password" ADMINISTER => setup::set_password;
    post "/setup/users/sessions" ADMINISTER => setup::end_sessions;
    post "/setup/users/second-factor" ADMINISTER => setup::second_factor;
}
