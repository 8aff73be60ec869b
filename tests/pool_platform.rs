//! What the platform itself refuses on the way to a pool's object.

use xtask::setup;

use super::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_request_that_was_not_delivered_is_known_to_have_done_nothing() {
    let stage = Stage::with(&[]).await;
    let writes = ["add/1", "transaction/1", "pipeline-add/1"];
    for write in writes {
        let refused = stage.refused(&format!("/broken/overloaded/{write}")).await;
        for fact in [r#""overloaded":true"#, r#""unknown":false"#, "DSQL_POOL_SHARDS"] {
            assert!(refused.contains(fact), "{write}: {refused}");
        }
    }
    for how in ["remote", "memory", "internal", "lost"] {
        let refused = stage.refused(&format!("/broken/{how}/add/1")).await;
        for fact in [r#""overloaded":false"#, r#""unknown":true"#] {
            assert!(refused.contains(fact), "{how}: {refused}");
        }
    }
    assert_eq!(stage.connections(), 0);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn location_that_the_platform_refuses_is_named_and_nothing_runs() {
    // workerd refuses this one unless a compatibility flag allows it.
    let stage = Stage::with(&[("DSQL_POOL_LOCATION", "offpeak")]).await;
    if setup::workerd_is_oldest() {
        // The oldest workerd accepts every location.
        assert_eq!(stage.get("/pool/add/1").await, "1");
        return stage.stop().await;
    }
    for what in ["one/1", "add/1", "transaction/1"] {
        let refused = stage.refused(&format!("/pool/{what}")).await;
        for fact in [r#"DSQL_POOL_LOCATION = \"offpeak\""#, "unsupported locationHint", r#""unknown":false"#]
        {
            assert!(refused.contains(fact), "{what}: {refused}");
        }
    }
    assert_eq!(stage.connections(), 0);
    // The Worker's isolate goes on.
    assert_eq!(stage.get("/direct/one/1").await, "2");
    stage.stop().await;
}
