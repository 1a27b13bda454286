//! Stand-ins for the vendors that we call: real servers that refuse what the vendor would refuse. The unit tests of
//! `src/integrations` use them as well.

pub mod openai;
pub mod scripted;
mod slack;
mod smtp;
mod twilio;
pub mod whatsapp;
mod zoho;

pub use slack::SlackStub;
pub use smtp::{SmtpStub, Step};
pub use twilio::TwilioStub;
pub use zoho::ZohoStub;
