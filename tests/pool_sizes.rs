//! Frames of many sizes pass through a pool in both directions, on a new connection and on a reused connection.
//!
//! A stream between a Worker and an object has buffers of 4, 16 or 64 KiB, depending on the version of workerd and on
//! the part of the stream; the frames of the tests have sizes close to the sizes of these buffers.

use super::Stage;

const SIZES: [usize; 12] =
    [1, 4095, 4096, 16_383, 16_384, 65_000, 65_535, 65_536, 65_537, 66_000, 131_072, 1 << 20];

const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_every_size_pass_on_a_reused_connection() {
    let stage = Stage::with(&[("DSQL_POOL_CONNECTIONS", "1")]).await;
    stage.get("/pool/one/1").await;
    for size in SIZES {
        stage.passes(size).await;
    }
    assert_eq!(stage.connections(), 1, "the connection is reused");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_every_size_pass_on_a_fresh_connection() {
    let stage = Stage::with(&[("DSQL_POOL_CONNECTIONS", "1")]).await;
    for (before, size) in SIZES.into_iter().enumerate() {
        for (way, path) in ["text-up", "text-down", "text-both"].into_iter().enumerate() {
            let answer = stage.get(&format!("/pool/{path}/{size}")).await;
            assert_eq!(answer, size.to_string(), "{path}");
            assert_eq!(stage.connections(), 3 * before + way + 1, "the connection is new");
            stage.local.run_sql("end", TERMINATE).await.unwrap();
            stage.until_connections_end().await;
        }
    }
    stage.stop().await;
}

impl Stage {
    async fn passes(&self, size: usize) {
        let text = size.to_string();
        for path in ["text-up", "text-down", "text-both"] {
            assert_eq!(self.get(&format!("/pool/{path}/{size}")).await, text, "{path}");
        }
        assert_eq!(self.get(&format!("/pool/text-both-open/{size}")).await, format!("[{text},{text}]"));
    }

    async fn until_connections_end(&self) {
        let ended = async || self.network.connections().iter().all(|seen| seen.has_ended());
        super::restarted::eventually("the connections end", ended).await;
    }
}
