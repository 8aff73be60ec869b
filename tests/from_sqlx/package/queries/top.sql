SELECT id, title FROM posts WHERE views >= $1 ORDER BY views DESC
