//! The queries of `sql/invariants/`, each of which must return nothing.

use sqlx::AssertSqlSafe;

/// The invariants that do not hold in this database.
pub async fn broken(url: &str) -> Vec<String> {
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(url).await.unwrap();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/invariants");
    let mut broken = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let statement = std::fs::read_to_string(&path).unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(&mut connection).await.unwrap();
        if !rows.is_empty() {
            broken.push(format!("{}: {} rows", path.file_name().unwrap().to_string_lossy(), rows.len()));
        }
    }
    broken
}
