use super::super::options::Durability;
use super::*;

/// SQLite's numbers for `PRAGMA synchronous` (<https://sqlite.org/pragma.html#pragma_synchronous>).
const NORMAL: i64 = 1;
const FULL: i64 = 2;

#[test]
fn every_connection_that_writes_has_its_durability() {
    on_runtime(async {
        for (durability, expected) in [(Durability::Process, NORMAL), (Durability::Power, FULL)] {
            let file = File::new();
            let options = StoreOptions {
                durability,
                ..StoreOptions::default()
            };
            let store = file.try_open(options).await.expect("a store");
            let mut session = store.transaction().await.expect("a transaction");
            let row = session
                .first("PRAGMA synchronous", Vec::new())
                .await
                .expect("a row");
            assert_eq!(row.and_then(|row| row[0].int()), Some(expected), "{durability:?}");
        }
    });
}
