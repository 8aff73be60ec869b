-- The posts of one author, newest last.
SELECT title, views
  FROM posts
 WHERE author_id = $author
 ORDER BY views;
