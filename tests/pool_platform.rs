//! Tests a pool under conditions that the platform causes: requests and locations that it rejects, rotated secrets,
//! little memory.

use dsql_edge_tests::workerd::Extras;
use xtask::setup;

use super::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undelivered_request_is_known_to_have_done_nothing() {
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
    // workerd rejects this location unless a compatibility flag allows it.
    let stage = Stage::with(&[("DSQL_POOL_LOCATION", "offpeak")]).await;
    if setup::workerd_is_oldest() {
        // The oldest workerd accepts any location hint.
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
    // The Worker's isolate continues.
    assert_eq!(stage.get("/direct/one/1").await, "2");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_may_be_numbers() {
    let json = &[("DSQL_POOL_CONNECTIONS", "2"), ("DSQL_POOL_SHARDS", "1")];
    let extras = Extras { durable_objects: &["DSQL_POOL=DsqlPool"], json, ..Extras::default() };
    let stage = Stage::of(&[], &extras).await;
    assert_eq!(stage.get("/pool/sleeps/8").await, "8");
    assert_eq!(stage.connections(), 2);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn option_out_of_range_is_named() {
    for (name, value) in
        [("DSQL_POOL_CONNECTIONS", "0.5"), ("DSQL_POOL_WAITING", "0"), ("DSQL_POOL_SHARDS", "-1")]
    {
        let json = &[(name, value)];
        let extras = Extras { durable_objects: &["DSQL_POOL=DsqlPool"], json, ..Extras::default() };
        let stage = Stage::of(&[], &extras).await;
        let refused = stage.refused("/pool/one/1").await;
        assert!(refused.contains(&format!("{name} is not a number from 1 to ")), "{refused}");
        stage.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn binding_that_is_null_is_missing() {
    let json = &[("DSQL_ENDPOINT", "null")];
    let extras = Extras { durable_objects: &["DSQL_POOL=DsqlPool"], json, ..Extras::default() };
    let stage = Stage::of(&[], &extras).await;
    for way in ["direct", "pool"] {
        let refused = stage.refused(&format!("/{way}/one/1")).await;
        assert!(refused.contains("the binding DSQL_ENDPOINT, "), "{way}: {refused}");
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotated_secret_reaches_a_running_pool() {
    const NAME: &str = "AWS_SECRET_ACCESS_KEY";
    let stored = &[NAME];
    let durable_objects = &["DSQL_POOL=DsqlPool"];
    let stage = Stage::of(&[], &Extras { durable_objects, stored, ..Extras::default() }).await;
    let bindings = stage.local.bindings();
    let (_, valid) = bindings.iter().find(|(name, _)| *name == NAME).unwrap();
    let rotate = async |value: &str| stage.get(&format!("/rotate/{NAME}/{value}")).await;

    rotate("outdated").await;
    let refused = stage.refused("/pool/one/1").await;
    assert!(refused.contains(r#""access_denied":true"#), "{refused}");
    rotate(valid).await;
    assert_eq!(stage.get("/pool/one/1").await, "2");
    // The pool does not read a secret again while the server accepts it. If the server rejects the secret, the pool
    // reads it again, at most every 30 seconds.
    rotate("outdated").await;
    assert_eq!(stage.get("/pool/together/8").await, "28");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousand_waiting_leases_fit_into_the_memory_of_an_object() {
    let durable_objects = &["DSQL_POOL=DsqlPool"];
    let extras = Extras { durable_objects, apart: true, ..Extras::default() };
    let stage = Stage::of(&[("DSQL_POOL_CONNECTIONS", "1")], &extras).await;
    let came = stage.number("/objects/came").await;
    let at_the_gate = stage.number("/gate/shut").await;
    let flooding = async {
        stage.until("/gate", at_the_gate + 1).await;
        let counting = async {
            stage.until("/objects/came", came + 1001).await;
            let memory = stage.number("/objects/memory").await;
            stage.get("/gate/open").await;
            memory
        };
        tokio::join!(stage.get("/flood/text-up/100000"), counting)
    };
    let (_, (flooded, memory)) = tokio::join!(stage.get("/pool/gate-between/1"), flooding);
    assert_eq!(flooded, "1000");
    // The limit is half of an object's memory, because JavaScript needs memory too.
    assert!(memory < 64 << 20, "{memory} bytes");
    stage.stop().await;
}
