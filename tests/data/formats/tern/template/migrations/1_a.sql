CREATE TABLE a ();
GRANT SELECT ON a TO {{.role}};
---- create above / drop below ----
DROP TABLE a;
