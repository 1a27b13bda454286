//! Every page and form, with the right that it needs. The server and the tests go by this list.

use super::{home, sign_in};
use crate::access::Right;
use crate::console::route::routes;

const LOOK: Option<Right> = Some(Right::Look);

routes! {
    "";

    get "/" LOOK => home::show;
    get "/sign-in" None => sign_in::show;
    post "/sign-in" None => sign_in::sign_in;
    post "/sign-out" LOOK => sign_in::sign_out;
}
