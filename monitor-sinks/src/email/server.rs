//! The way to a server: a line, a login, and what it says of a mail.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use monitor_core::component::{BoxError, Dirs};

use super::{Config, Tls};

/// A server that says "later" is asked again so much later.
const PAUSE: Duration = Duration::from_secs(10);
/// Who asks is not known well enough: that can be put right (RFC 4954, section 6).
const WHO_ASKS: [u16; 4] = [530, 534, 535, 538];

/// Where mail is sent to.
pub(super) struct Server {
    host: String,
    port: u16,
    tls: Tls,
    parameters: TlsParameters,
    login: Option<Credentials>,
    limit: Duration,
}

/// What has become of a mail.
#[derive(Debug)]
pub(super) enum Sent {
    /// All have it, but for those whom the server does not know, if there were others.
    Taken,
    /// Those in `taken` have it, the others may get it later.
    Later { taken: Vec<Mailbox>, after: Option<Duration>, error: BoxError },
    /// Nobody ever gets it, as it is.
    Refused(BoxError),
}

impl Server {
    /// Looks up what is secret, and whom to trust; nothing is sent yet.
    pub(super) fn new(config: &Config, dirs: &Dirs) -> Result<Self, BoxError> {
        let mut parameters = TlsParameters::builder(config.host.clone());
        if let Some(path) = &config.ca {
            let path = dirs.input(path);
            let told = |error: &dyn std::fmt::Display| format!("`ca`: `{}`: {error}", path.display());
            let pem = std::fs::read(&path).map_err(|error| told(&error))?;
            parameters = parameters.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| told(&error))?);
        }
        let login = match config.user.as_ref().zip(config.password.as_ref()) {
            Some((user, password)) => Some(Credentials::new(user.reveal(dirs)?, password.reveal(dirs)?)),
            None => None,
        };
        Ok(Self {
            host: config.host.clone(),
            port: config.port.unwrap_or(config.tls.port()),
            tls: config.tls,
            parameters: parameters.build().map_err(|error| format!("`ca`: {error}"))?,
            login,
            limit: config.limit.0,
        })
    }

    /// Sends a mail over a line of its own.
    pub(super) fn send(&self, from: &Mailbox, to: &[Mailbox], letter: &[u8]) -> Sent {
        let mut line = match self.line() {
            Ok(line) => line,
            // Whatever it says now has nothing to do with this mail.
            Err(error) => return Sent::Later { taken: Vec::new(), after: pause(&error), error: self.told(&error) },
        };
        let sent = self.hand_over(&mut line, from, to, letter).unwrap_or_else(|error| self.judge(&error));
        // It is as it is, whether the server says goodbye or not.
        line.abort();
        sent
    }

    fn line(&self) -> Result<SmtpConnection, Error> {
        let hello = ClientId::default();
        let from_the_beginning = (self.tls == Tls::Tls).then_some(&self.parameters);
        let server = (self.host.as_str(), self.port);
        let mut line = SmtpConnection::connect(server, Some(self.limit), &hello, from_the_beginning, None)?;
        if self.tls == Tls::Starttls {
            line.starttls(&self.parameters, &hello)?;
        }
        if let Some(login) = &self.login {
            line.auth(&[Mechanism::Plain, Mechanism::Login], login)?;
        }
        Ok(line)
    }

    fn hand_over(
        &self,
        line: &mut SmtpConnection,
        from: &Mailbox,
        to: &[Mailbox],
        letter: &[u8],
    ) -> Result<Sent, Error> {
        line.command(Mail::new(Some(from.email.clone()), Vec::new()))?;
        let (mut taken, mut later, mut refused) = (Vec::new(), None, None);
        for mailbox in to {
            match line.command(Rcpt::new(mailbox.email.clone(), Vec::new())) {
                Ok(_) => taken.push(mailbox.clone()),
                Err(error) if error.is_permanent() => refused = Some(error),
                Err(error) if error.is_transient() => later = Some(error),
                Err(error) => return Err(error),
            }
        }
        if taken.is_empty()
            && let Some(error) = later.take().or_else(|| refused.take())
        {
            return Err(error);
        }
        line.command(Data)?;
        line.message(letter)?;
        if let Some(error) = refused {
            tracing::warn!("a mail was not taken for all: {}", self.told(&error));
        }
        Ok(match later {
            None => Sent::Taken,
            Some(error) => Sent::Later { taken, after: pause(&error), error: self.told(&error) },
        })
    }

    fn judge(&self, error: &Error) -> Sent {
        let who_asks = error.status().is_some_and(|code| WHO_ASKS.contains(&u16::from(code)));
        if error.is_permanent() && !who_asks {
            return Sent::Refused(self.told(error));
        }
        Sent::Later { taken: Vec::new(), after: pause(error), error: self.told(error) }
    }

    fn told(&self, error: &Error) -> BoxError {
        format!("{}:{}: {error}", self.host, self.port).into()
    }
}

/// A server that has answered is not pressed; who knows when one that has not will be there again.
fn pause(error: &Error) -> Option<Duration> {
    error.status().map(|_| PAUSE)
}
