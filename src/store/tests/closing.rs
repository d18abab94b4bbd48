use super::super::error::Code;
use super::*;

#[test]
fn calls_that_race_with_close_are_durable_or_refused() {
    for round in 0..8 {
        on_runtime(async move {
            let file = File::new();
            let store = file.open().await;
            store.create_run(new_run("r")).await.expect("a run");
            let calls: Vec<_> = (0..30)
                .map(|at| {
                    let store = Arc::clone(&store);
                    tokio::spawn(async move {
                        let row = result("r", &at.to_string());
                        (at, store.insert_results(vec![row], true).await.map(drop))
                    })
                })
                .collect();
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            store.close().await;
            let mut stored = Vec::new();
            for call in calls {
                match call.await.expect("no panic") {
                    (at, Ok(())) => stored.push(at.to_string()),
                    (_, Err(error)) => assert_eq!(error.code, Code::Closed, "{error}"),
                }
            }
            assert_eq!(refused(store.run("r").await).code, Code::Closed);
            let again = file.open().await;
            let mut found = texts(&all_results(&again, "r", "{}", 100).await, "testCaseId");
            found.sort_unstable();
            stored.sort_unstable();
            assert_eq!(found, stored);
        });
    }
}

#[test]
fn closing_waits_for_an_open_transaction() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        let transaction = store.begin().await.expect("a transaction");
        transaction.create_run(&new_run("r")).await.expect("a run");
        let closing = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.close().await }
        });
        while !store.closed.load(std::sync::atomic::Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
        assert_eq!(refused(store.begin().await.map(drop)).code, Code::Closed);
        transaction
            .insert_results(&[result("r", "a")], true)
            .await
            .expect("stored");
        assert!(!closing.is_finished());
        transaction.commit().await.expect("durable");
        closing.await.expect("closed");
        let again = file.open().await;
        assert_eq!(all_results(&again, "r", "{}", 100).await.len(), 1);
    });
}

#[test]
fn closing_twice_at_once_ends_both() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        Box::pin(futures_util::future::join(store.close(), store.close())).await;
        assert_eq!(refused(store.run("r").await).code, Code::Closed);
    });
}
