//! `dsql-local --migrations` and `dsql-edge migrate` write the same ledger: each of the two commands treats a statement
//! as applied if the other command has applied it.

use dsql_edge_local::Local;

use crate::{column, command_for_dsql, outcome_of};

const FILES: [(&str, &str); 2] = [
    (
        "0001.sql",
        "CREATE TABLE t (id int PRIMARY KEY, n int);\nBEGIN;\nINSERT INTO t VALUES (1, 1);\nINSERT INTO t VALUES (2, 1);\n\
         COMMIT;\nCREATE INDEX ASYNC t_n ON t (n);\nCREATE OR REPLACE VIEW v AS SELECT 1 AS one;\n",
    ),
    (
        "0002.sql",
        "-- dsql-edge: in batches of 1\nUPDATE t SET n = 2 WHERE n = 1;\nGRANT SELECT ON t TO reader;\n",
    ),
];

/// The rows of the ledger, without run and times.
const LEDGER: &str = "SELECT concat_ws(' ', file, step, checksum, state, seen_before IS NULL) \
                      FROM dsql_edge.migrations ORDER BY file, step";

#[tokio::test]
async fn dsql_local_and_migrate_write_the_same_ledger() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    for (name, text) in FILES {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let mut ledgers = Vec::new();
    for local_first in [true, false] {
        let local = Local::builder().init_sql("CREATE ROLE reader").start().await.unwrap();
        let migrate = async |arguments: &[&str]| {
            let mut command = command_for_dsql(&local, &local.endpoint(), home.path());
            command.args(["--folder", "migrations", "--no-pull"]).args(arguments);
            outcome_of(&mut command).await
        };
        if local_first {
            let done = local.migrate(&folder, &|_| {}).await.unwrap();
            assert_eq!(done.iter().map(|file| file.statements).collect::<Vec<_>>(), [4, 2]);
            let (printed, succeeded) = migrate(&[]).await;
            assert!(succeeded && printed.contains("nothing to do"), "{printed}");
        } else {
            let (printed, succeeded) = migrate(&[]).await;
            assert!(succeeded && printed.contains("6 statements applied"), "{printed}");
            assert_eq!(local.migrate(&folder, &|_| {}).await.unwrap(), []);
        }
        let mut status = command_for_dsql(&local, &local.endpoint(), home.path());
        status.args(["status", "--folder", "migrations"]);
        let (printed, succeeded) = outcome_of(&mut status).await;
        assert!(succeeded && printed == "0001.sql  applied\n0002.sql  applied\n", "{printed}");
        ledgers.push(column(&local, LEDGER).await);
        local.stop().await.unwrap();
    }
    assert_eq!(ledgers[0], ledgers[1]);
    assert_eq!(ledgers[0].len(), 8);
}

/// `dsql-edge migrate` was interrupted between two batches; dsql-local, which runs the statement as a whole, repeats
/// it.
#[tokio::test]
async fn dsql_local_continues_a_statement_in_batches() {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    let local = Local::builder().init_sql("CREATE ROLE reader").start().await.unwrap();
    let undisturbed = local.migrate(home.path(), &|_| {}).await.unwrap();
    assert_eq!(undisturbed.len(), 2);
    let begun = "DELETE FROM dsql_edge.migrations WHERE file = '0002.sql' AND step <> 1;
        UPDATE dsql_edge.migrations SET state = 'started', details = '1 rows are committed' WHERE file = '0002.sql';
        UPDATE t SET n = 1 WHERE id = 2";
    local.run_sql("test", begun).await.unwrap();
    let done = local.migrate(home.path(), &|_| {}).await.unwrap();
    assert_eq!(done.iter().map(|file| file.statements).collect::<Vec<_>>(), [2]);
    assert_eq!(column(&local, "SELECT DISTINCT n::text FROM t").await, ["2"]);
    assert_eq!(column(&local, LEDGER).await.len(), 8);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn file_that_needs_a_later_file_is_not_applied() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("0001_task.sql", "CREATE TABLE task (id int PRIMARY KEY);\n");
    let local = Local::builder().start().await.unwrap();
    local.migrate(home.path(), &|_| {}).await.unwrap();
    write("0000_a.sql", "ALTER TABLE task ADD COLUMN z int;\n");
    let error = local.migrate(home.path(), &|_| {}).await.err().unwrap().to_string();
    assert!(error.contains("relation \"task\" does not exist"), "{error}");
    assert!(error.contains("so that it comes after 0001_task.sql"), "{error}");
    std::fs::rename(home.path().join("0000_a.sql"), home.path().join("0002_a.sql")).unwrap();
    assert_eq!(local.migrate(home.path(), &|_| {}).await.unwrap().len(), 1);
    local.stop().await.unwrap();
}
