//! A streaming standby of a private cluster: a copy that follows it, and can take its place. For `torture` and the tests.

use sqlx::Executor as _;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _};

use super::place::{Claim, Place};
use super::server::{Server, connect_options};
use super::{Cluster, DATABASE, Error, Options};

impl Cluster {
    /// Whether this Postgres has what a standby is made with: some builds leave `pg_basebackup` out.
    pub fn can_be_followed(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.binaries().program("pg_basebackup").exists())
    }

    /// Copies this cluster, and starts the copy as its standby, on this port if it is free.
    pub async fn standby(&self, options: Options, port: u16) -> Result<Self, Error> {
        let server = self.server.as_ref().ok_or(Error::NotOwned)?;
        let place = Place::settle(&options)?;
        let Claim::Ours(locks) = place.claim()? else { return Err(Error::NotOwned) };
        place.write("password", &self.password)?;
        place.write("port", &port.to_string())?;
        let (server, port) = Server::follow(&place, &options, locks, server.binaries(), self.port).await?;
        Ok(Self::at(&options, &place, port, Some(server)))
    }

    /// Makes a standby the primary, and returns once it takes changes.
    pub async fn promote(&self) -> Result<(), Error> {
        let failed = |source| Error::Database { doing: "promoting the standby", source };
        let options = connect_options(self.port, &self.password, DATABASE);
        let mut connection = PgConnection::connect_with(&options).await.map_err(failed)?;
        let row = connection.fetch_one("select pg_promote()").await.map_err(failed)?;
        connection.close().await.map_err(failed)?;
        match row.try_get(0).map_err(failed)? {
            true => Ok(()),
            false => Err(failed(sqlx::Error::Protocol("it was not promoted within a minute".to_owned()))),
        }
    }
}
