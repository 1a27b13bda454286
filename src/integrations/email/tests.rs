//! Against a real SMTP conversation, with STARTTLS and a certificate.

use super::*;
use crate::integrations::stubs::{SmtpStub, Step as At};

fn settings(smtp: &SmtpStub, smtp_url: &str) -> Settings {
    Settings {
        smtp_url: Secret::new(smtp_url),
        from: Email::new("Switchhook <alerts@example.com>"),
        to: Email::new("ops@example.com, Dana Cohen <dana@example.com>"),
        ca_file: smtp.ca_file.to_string_lossy().into_owned(),
    }
}

/// It waits longer than any answer takes on a busy machine.
fn client(settings: &Settings) -> Client {
    Client::new(settings, Duration::from_secs(10)).unwrap()
}

async fn start() -> (SmtpStub, Client) {
    let smtp = SmtpStub::start().await;
    let client = client(&settings(&smtp, &smtp.smtp_url("smtp", "?tls=required")));
    (smtp, client)
}

fn mail() -> Mail {
    Mail {
        id: Uuid::from_u128(7),
        to: None,
        subject: Spoken::new("A lead\r\nBcc: thief@example.com worth calling"),
        text: Spoken::new("First line\n.\n.hidden\nlast line"),
    }
}

async fn send(client: &Client) -> Result<Sent, Error> {
    client.send(&mail(), DateTime::UNIX_EPOCH).await
}

#[tokio::test]
async fn a_mail_goes_through_starttls_and_authentication_and_arrives_whole() {
    let (smtp, client) = start().await;
    assert_eq!(send(&client).await, Ok(Sent { recipients_refused: 0 }));
    let mails = smtp.mails();
    let [got] = mails.as_slice() else { panic!("one mail") };
    assert!(got.encrypted);
    assert_eq!(
        (got.from.as_str(), got.to.as_slice()),
        ("alerts@example.com", &["ops@example.com", "dana@example.com"].map(str::to_owned)[..])
    );
    let (head, body) = got.data.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "First line\r\n.\r\n.hidden\r\nlast line\r\n");
    for line in [
        "Subject: A lead Bcc: thief@example.com worth calling",
        "Message-ID: <00000000-0000-0000-0000-000000000007@example.com>",
        "Date: Thu, 01 Jan 1970 00:00:00 +0000",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(head.lines().any(|there| there == line), "{line} in\n{head}");
    }
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
}

#[tokio::test]
async fn a_mail_goes_through_tls_from_the_first_byte() {
    let smtp = SmtpStub::start_implicit_tls().await;
    let client = client(&settings(&smtp, &smtp.smtp_url("smtps", "/switchhook.example.com")));
    let to_one = Mail { to: Some(Email::new("Dana <dana@example.com>")), text: Spoken::new("שלום"), ..mail() };
    client.send(&to_one, DateTime::UNIX_EPOCH).await.unwrap();
    let got = smtp.mails().pop().unwrap();
    assert_eq!((got.to, got.encrypted), (vec!["dana@example.com".to_owned()], true));
    assert_eq!(got.hello, "switchhook.example.com");
    assert!(got.data.is_ascii(), "8BITMIME is not asked for");
}

#[tokio::test]
async fn every_reply_has_its_verdict() {
    let (smtp, client) = start().await;
    for (at, line, verdict) in [
        (At::Greeting, "421 4.3.2 try again later", Verdict::Retry),
        (At::Greeting, "554 5.3.2 no service for you", Verdict::Refused),
        (At::Ehlo, "502 5.5.1 what", Verdict::Refused),
        (At::Ehlo, "250 mail.example.com", Verdict::Refused),
        (At::StartTls, "454 4.7.0 not now", Verdict::Retry),
        (At::StartTls, "501 5.5.4 no", Verdict::Refused),
        (At::Auth, "454 4.7.0 temporary failure", Verdict::Retry),
        (At::Auth, "534 5.7.9 too weak", Verdict::Refused),
        (At::Auth, "535 5.7.8 bad credentials", Verdict::Refused),
        (At::MailFrom, "451 4.3.0 local error", Verdict::Retry),
        (At::MailFrom, "530 5.7.0 authentication required", Verdict::Refused),
        (At::MailFrom, "553 5.7.1 not your address", Verdict::Refused),
        (At::Data, "452 4.3.1 disk full", Verdict::Retry),
        (At::Data, "554 5.5.1 no", Verdict::Stop),
        (At::Content, "451 4.7.1 greylisted", Verdict::Retry),
        (At::Content, "421 4.3.2 shutting down", Verdict::Retry),
        (At::Content, "552 5.3.4 too big", Verdict::Stop),
        (At::Content, "550 5.7.1 spam", Verdict::Stop),
    ] {
        smtp.answer_next(at, line);
        assert_eq!(send(&client).await.unwrap_err().verdict(), verdict, "{at:?} {line}");
    }
    assert!(smtp.mails().is_empty());
    send(&client).await.unwrap();
}

#[tokio::test]
async fn one_recipient_who_is_refused_does_not_keep_the_mail_from_the_others() {
    let (smtp, client) = start().await;
    smtp.answer_next(At::RcptTo, "550 5.1.1 no such user");
    assert_eq!(send(&client).await, Ok(Sent { recipients_refused: 1 }));
    assert_eq!(smtp.mails()[0].to, ["dana@example.com"]);
    let to_nobody = Mail { to: Some(Email::new("nobody@example.com")), ..mail() };
    let error = client.send(&to_nobody, DateTime::UNIX_EPOCH).await.unwrap_err();
    assert_eq!((error, error.verdict()), (Error::Refused { step: Step::Recipient, code: 550 }, Verdict::Stop));
    smtp.answer_next(At::RcptTo, "450 4.2.1 busy");
    let busy = client.send(&Mail { to: Some(Email::new("a@example.com")), ..mail() }, DateTime::UNIX_EPOCH).await;
    assert_eq!(busy.unwrap_err().verdict(), Verdict::Retry);
}

#[tokio::test]
async fn only_what_ends_after_data_is_unknown() {
    let steps = [At::Greeting, At::Ehlo, At::StartTls, At::Auth, At::MailFrom, At::RcptTo, At::Data, At::Content];
    let verdict_at = |at| if at == At::Content { Verdict::Unknown } else { Verdict::Retry };
    let (smtp, there) = start().await;
    for at in steps {
        smtp.drop_next(at);
        let error = send(&there).await.unwrap_err();
        assert_eq!(error.verdict(), verdict_at(at), "dropped at {at:?}: {error}");
    }
    let hang = |at| async move {
        let smtp = SmtpStub::start().await;
        let settings = settings(&smtp, &smtp.smtp_url("smtp", "?tls=required"));
        smtp.hang_next(at);
        let error = send(&Client::new(&settings, Duration::from_secs(2)).unwrap()).await.unwrap_err();
        assert!(matches!(error, Error::TimedOut(_)), "hung at {at:?}: {error}");
        assert_eq!(error.verdict(), verdict_at(at), "hung at {at:?}: {error}");
    };
    futures_util::future::join_all(steps.map(hang)).await;
    smtp.answer_next(At::Content, "garbage");
    assert_eq!(send(&there).await.unwrap_err().verdict(), Verdict::Unknown);
    smtp.answer_next(At::Greeting, "HTTP/1.1 400 Bad Request");
    assert_eq!(send(&there).await.unwrap_err().verdict(), Verdict::Retry);
    let nobody = client(&settings(&smtp, "smtp://127.0.0.1:1"));
    assert_eq!(send(&nobody).await, Err(Error::Broken(Step::Connect)));
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_is_not_trusted() {
    let (smtp, other) = (SmtpStub::start().await, SmtpStub::start().await);
    let wrong_ca = settings(&other, &smtp.smtp_url("smtp", "?tls=required"));
    assert_eq!(send(&client(&wrong_ca)).await, Err(Error::Certificate));
    let no_ca = Settings { ca_file: String::new(), ..wrong_ca };
    assert_eq!(send(&client(&no_ca)).await, Err(Error::Certificate), "the system does not know this CA");
    let tls = SmtpStub::start_implicit_tls().await;
    assert_eq!(send(&client(&settings(&other, &tls.smtp_url("smtps", "")))).await, Err(Error::Certificate));
    let plain = client(&settings(&smtp, &format!("smtp://127.0.0.1:{}", smtp.port)));
    assert_eq!(send(&plain).await, Err(Error::Refused { step: Step::Sender, code: 530 }));
    assert_eq!(Error::Certificate.verdict(), Verdict::Refused);
}

#[tokio::test]
async fn wrong_credentials_are_refused() {
    let smtp = SmtpStub::start().await;
    let url = format!("smtp://alerts%40example.com:wrong@127.0.0.1:{}?tls=required", smtp.port);
    let error = send(&client(&settings(&smtp, &url))).await.unwrap_err();
    assert_eq!((error, error.verdict()), (Error::Refused { step: Step::Auth, code: 535 }, Verdict::Refused));
    let (smtp, client) = start().await;
    smtp.answer_next(At::Ehlo, "250-mail.example.com\r\n250 STARTTLS");
    smtp.answer_next(At::Ehlo, "250-mail.example.com\r\n250 AUTH GSSAPI");
    assert!(matches!(send(&client).await, Err(Error::NotOffered(_))));
}

#[tokio::test]
async fn settings_that_cannot_work_are_named() {
    let smtp = SmtpStub::start().await;
    let good = settings(&smtp, "smtp://mail.example.com");
    assert!(good.is_configured() && !Settings { from: Email::default(), ..good.clone() }.is_configured());
    for bad in [
        Settings { smtp_url: Secret::new("mail.example.com"), ..good.clone() },
        Settings { smtp_url: Secret::new("https://mail.example.com"), ..good.clone() },
        Settings { smtp_url: Secret::new("smtp://mail.example.com?tls=perhaps"), ..good.clone() },
        Settings { smtp_url: Secret::new("smtp://user:password@mail.example.com"), ..good.clone() },
        Settings { smtp_url: Secret::new("smtp://mail.example.com/a%0d%0ab"), ..good.clone() },
        Settings { from: Email::new("nobody"), ..good.clone() },
        Settings { to: Email::new("a@example.com, b"), ..good.clone() },
        Settings { smtp_url: Secret::new("smtps://a"), ca_file: "/nowhere".to_owned(), ..good.clone() },
    ] {
        let error = Client::new(&bad, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.verdict(), Verdict::Refused, "{error}");
        assert!(!error.to_string().contains("example.com"), "{error}");
    }
    let to_nobody = client(&Settings { to: Email::default(), ..good.clone() });
    assert_eq!(send(&to_nobody).await.unwrap_err().verdict(), Verdict::Refused);
    let wrong = Mail { to: Some(Email::new("nobody")), ..mail() };
    assert_eq!(client(&good).send(&wrong, DateTime::UNIX_EPOCH).await.unwrap_err().verdict(), Verdict::Stop);
    assert!(!format!("{good:?} {:?}", mail()).contains("alerts"));
}
