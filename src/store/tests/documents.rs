use super::super::baseline::{BaselineQuery, NewBaseline};
use super::super::error::Code;
use super::*;

fn baseline(name: &str, run: &str) -> NewBaseline {
    NewBaseline {
        name: name.to_owned(),
        description: None,
        run_id: run.to_owned(),
        dataset_id: None,
        model_id: None,
        is_active: None,
        tags: vec!["a".to_owned(), "\"b\"".to_owned()],
        metadata: None,
    }
}

#[test]
fn one_baseline_of_a_dataset_and_model_is_active() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        let first = json(&store.set_baseline(&baseline("first", "r")).await.expect("set"));
        assert_eq!(first["tags"], serde_json::json!(["a", "\"b\""]));
        assert_eq!(
            (&first["datasetId"], &first["isActive"]),
            (&Json::from("dataset"), &Json::from(true))
        );
        store.set_baseline(&baseline("second", "r")).await.expect("set");
        let query = BaselineQuery {
            dataset_id: "dataset".to_owned(),
            model_id: None,
        };
        let active = store
            .active_baseline(&query)
            .await
            .expect("an answer")
            .expect("one");
        assert_eq!(json(&active)["name"], "second");
        let again = json(&store.set_baseline(&baseline("first", "r")).await.expect("set"));
        assert_eq!(again["id"], first["id"]);
        let all = json(&store.list_baselines().await.expect("all"));
        let active: Vec<_> = all
            .as_array()
            .expect("a list")
            .iter()
            .filter(|item| item["isActive"] == true)
            .collect();
        assert_eq!((all.as_array().map(Vec::len), active.len()), (Some(2), 1));
        assert_eq!(
            refused(store.set_baseline(&baseline("third", "s")).await).code,
            Code::NotFound
        );
    });
}

#[test]
fn documents_are_replaced_listed_and_removed() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        for data in ["1", "2"] {
            store.set_document("monitor", "a", Some(data)).await.expect("set");
        }
        assert_eq!(store.document("monitor", "a").await, Ok(Some("2".to_owned())));
        assert_eq!(store.document("cache", "a").await, Ok(None));
        let list = json(&store.list_documents("monitor").await.expect("a list"));
        assert_eq!(list[0]["name"], "a");
        store.set_document("monitor", "a", None).await.expect("removed");
        assert_eq!(store.document("monitor", "a").await, Ok(None));
    });
}
