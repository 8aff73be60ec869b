-- A column that is not there.
SELECT title,
       vews
  FROM posts
