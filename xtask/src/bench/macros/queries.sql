-- Queries over schema.sql, as users write them. Each paragraph is one query. A number replaces {n}, so that repeated
-- queries differ, as the many queries of a large crate do.

SELECT id, email, handle FROM users WHERE id = $1 AND {n} > 0

SELECT id, email, handle, display_name, bio, is_admin, created_at, last_seen_at FROM users ORDER BY created_at DESC LIMIT {n}

SELECT u.id, u.handle, s.expires_at FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token = $1 AND s.expires_at > now() - interval '{n} minutes'

SELECT count(*) AS total FROM users WHERE created_at > $1 AND handle <> 'user{n}'

INSERT INTO users (email, handle, display_name) VALUES ($1, $2, 'user {n}') RETURNING id, created_at

UPDATE users SET display_name = $2, bio = $3, last_seen_at = now() - interval '{n} seconds' WHERE id = $1

DELETE FROM sessions WHERE expires_at < now() - interval '{n} days'

INSERT INTO sessions (token, user_id, user_agent, expires_at) VALUES ($1, $2, $3, now() + interval '{n} days')

SELECT id, slug, title, summary, published_at FROM posts WHERE status = 'published' ORDER BY published_at DESC LIMIT {n} OFFSET $1

SELECT p.id, p.title, p.body, p.views, u.handle AS author, u.display_name FROM posts p JOIN users u ON u.id = p.author_id WHERE p.slug = $1 AND p.views >= {n}

SELECT p.id, p.title, count(c.id) AS comments FROM posts p LEFT JOIN comments c ON c.post_id = p.id AND c.approved WHERE p.author_id = $1 GROUP BY p.id, p.title HAVING count(c.id) < {n} ORDER BY comments DESC

SELECT t.name, count(*) AS uses FROM tags t JOIN post_tags pt ON pt.tag_id = t.id GROUP BY t.name ORDER BY uses DESC, t.name LIMIT {n}

SELECT p.id, p.title FROM posts p WHERE EXISTS (SELECT 1 FROM post_tags pt JOIN tags t ON t.id = pt.tag_id WHERE pt.post_id = p.id AND t.name = $1) AND p.views > {n}

INSERT INTO posts (author_id, slug, title, summary, body, views) VALUES ($1, $2, $3, $4, $5, {n}) RETURNING id, slug, status, created_at

UPDATE posts SET views = views + {n} WHERE id = $1 RETURNING views

UPDATE posts SET status = 'published', published_at = coalesce(published_at, now()), updated_at = now() + interval '{n} ms' WHERE id = $1 AND author_id = $2

SELECT c.id, c.body, c.created_at, coalesce(u.display_name, u.handle, 'guest {n}') AS author FROM comments c LEFT JOIN users u ON u.id = c.author_id WHERE c.post_id = $1 ORDER BY c.created_at

INSERT INTO comments (post_id, author_id, parent_id, body, approved) VALUES ($1, $2, $3, $4, {n} > 3) RETURNING id, post_id, author_id, parent_id, body, approved, created_at

DELETE FROM comments WHERE id = $1 AND author_id = $2 AND body <> 'keep {n}'

SELECT id, title FROM posts WHERE lower(title) LIKE lower($1) || '%' ORDER BY views DESC LIMIT {n}

WITH recent AS (SELECT author_id, count(*) AS posts, max(published_at) AS latest FROM posts WHERE published_at > now() - interval '{n} days' GROUP BY author_id) SELECT u.handle, r.posts, r.latest FROM recent r JOIN users u ON u.id = r.author_id ORDER BY r.posts DESC

SELECT id, sku, name, price, currency, stock FROM products WHERE active AND price BETWEEN $1 AND $2 AND stock > {n} ORDER BY price

SELECT id, sku, name, description, price, currency, stock, weight_kg, attributes, active, created_at FROM products WHERE sku = $1 AND stock >= {n}

SELECT name, price FROM products WHERE id = ANY($1) AND stock > {n}

UPDATE products SET stock = stock - $2 WHERE id = $1 AND stock >= $2 + {n} RETURNING stock

INSERT INTO products (sku, name, price, stock) VALUES ($1, $2, $3, {n}) ON CONFLICT (sku) DO UPDATE SET name = EXCLUDED.name, price = EXCLUDED.price RETURNING id, stock

SELECT country, count(*) AS customers, min(created_at) AS first_seen FROM customers GROUP BY country HAVING count(*) > {n} ORDER BY customers DESC

SELECT id, name, phone, birthday FROM customers WHERE country = $1 AND birthday IS NOT NULL AND extract(year FROM birthday) > {n}

SELECT o.id, o.status, o.total, o.placed_at, c.name AS customer, c.country FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.status = $1 ORDER BY o.placed_at DESC LIMIT {n}

SELECT o.id, o.total - coalesce(o.discount, 0) AS due, sum(l.quantity) AS pieces FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE o.customer_id = $1 GROUP BY o.id, o.total, o.discount HAVING sum(l.quantity) > {n}

SELECT l.line, l.quantity, l.unit_price, l.quantity * l.unit_price AS amount, p.sku, p.name, p.weight_kg FROM order_lines l JOIN products p ON p.id = l.product_id WHERE l.order_id = $1 AND l.line > {n} ORDER BY l.line

INSERT INTO orders (customer_id, total, note) VALUES ($1, $2, 'order {n}') RETURNING id, status, placed_at

INSERT INTO order_lines (order_id, line, product_id, quantity, unit_price) SELECT $1, {n}, p.id, $3, p.price FROM products p WHERE p.sku = $2

UPDATE orders SET status = CASE WHEN shipped_at IS NULL THEN 'open' ELSE 'shipped' END, note = 'checked {n}' WHERE id = $1

SELECT date_trunc('day', placed_at) AS day, count(*) AS orders, sum(total) AS revenue, avg(total) AS average FROM orders WHERE placed_at >= now() - interval '{n} days' GROUP BY date_trunc('day', placed_at) ORDER BY day

SELECT p.sku, p.name, sum(l.quantity) AS sold, rank() OVER (ORDER BY sum(l.quantity) DESC) AS place FROM order_lines l JOIN products p ON p.id = l.product_id GROUP BY p.sku, p.name ORDER BY place LIMIT {n}

SELECT kind, count(*) AS n, count(DISTINCT user_id) AS users FROM events WHERE happened_at > $1 AND id > {n} GROUP BY kind ORDER BY n DESC

SELECT id, kind, user_id, subject_id, country, duration_ms, payload, happened_at FROM events WHERE user_id = $1 ORDER BY happened_at DESC LIMIT {n}

INSERT INTO events (id, kind, user_id, subject_id, country, duration_ms, payload) VALUES ($1, $2, $3, $4, $5, {n}, $6)

SELECT e.user_id, e.happened_at, e.happened_at - lag(e.happened_at) OVER (PARTITION BY e.user_id ORDER BY e.happened_at) > interval '{n} seconds' AS pause FROM events e WHERE e.kind = $1

SELECT u.handle, latest.kind, latest.happened_at FROM users u CROSS JOIN LATERAL (SELECT e.kind, e.happened_at FROM events e WHERE e.user_id = u.id ORDER BY e.happened_at DESC LIMIT {n}) AS latest WHERE u.is_admin

SELECT 'post' AS what, id, title FROM posts WHERE title ILIKE $1 UNION ALL SELECT 'product', id, name FROM products WHERE name ILIKE $1 ORDER BY title LIMIT {n}
