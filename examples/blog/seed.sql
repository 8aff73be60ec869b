-- A little data to look at.

INSERT INTO blogpost_meta (id, slug, title, author, reading_minutes, view_count, published_at) VALUES
    ('0190a6b0-0000-7000-8000-000000000001', 'distributed-sql-at-the-edge', 'エッジで動かす分散SQL入門', '佐藤 花子', 8, 1520, '2026-03-09 09:00:00+09'),
    ('0190a6b0-0000-7000-8000-000000000002', 'no-connection-pool', '接続プールなしで考えるデータベース接続', '鈴木 一郎', 12, 873, '2026-04-21 18:30:00+09'),
    ('0190a6b0-0000-7000-8000-000000000003', 'optimistic-locking', '楽観的ロックと仲良くなる', '佐藤 花子', NULL, 2041, '2026-06-02 12:15:00+09'),
    ('0190a6b0-0000-7000-8000-000000000004', 'round-trips', '往復回数を数えよう', '高橋 健', 5, 310, '2026-08-15 08:00:00+09'),
    ('0190a6b0-0000-7000-8000-000000000005', 'draft-typed-sql', '(下書き)型のついたSQL', '高橋 健', NULL, 0, NULL);

INSERT INTO tag_master (tag_name, tag_category, usage_count) VALUES
    ('アジャイル', 'Methodology', 42),
    ('テスト駆動開発', 'Methodology', 27),
    ('ドメイン駆動設計', 'Methodology', 35),
    ('Rust', 'Language', 64),
    ('SQL', 'Language', 51),
    ('Cloudflare Workers', 'Platform', 18),
    ('Aurora DSQL', 'Platform', 23);
